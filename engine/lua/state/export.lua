-- export: a connector's accepted state as a file (jsonl) or a folder of files (csv), whole or not at all.
local fail = require "fail"
local mode = require "mode"
local record = require "state.record"

local M = {}

-- Kind of record, name of its csv file.
M.kinds = { { "resource", "resources" }, { "entitlement", "entitlements" }, { "grant", "grants" },
  { "excluded", "excluded" } }

local function texts(st, kind, run)
  if kind == "excluded" then return require("state.snapshot").excluded(st, run) end
  return fail.try(st:records(kind))
end

local function cannot(path, why)
  fail("storage", ("cannot write %s: %s"):format(path, why))
end

-- Writes through fn(write) to the file that is reached by `by`; `path` is what messages call it.
local function fill(path, by, fn)
  local file <close>, message = io.open(by, "wb")
  if not file then cannot(path, message) end
  fn(function(...)
    local ok, why = file:write(...)
    if not ok then cannot(path, why) end
  end)
  local closed, why = file:close()
  if not closed then cannot(path, why) end
end

-- Where what is exported goes: a new or regular file (links followed) is replaced, a device or pipe written to.
local function target_of(path)
  local sys = require "host.sys"
  local found = fail.found(sys.stat(path))
  if not found then return path, true end
  if found.type == "directory" then cannot(path, "it is a folder") end
  return sys.real_path(path) or path, found.type == "file"
end

--- A new file, its owner's alone: fn(a path to write it by, a folder with room for more) fills it, then it takes
--- its place. A device or pipe is written to as it is.
function M.whole(path, fn)
  local target, regular = target_of(path)
  if not regular then return fn(target, os.getenv "TMPDIR" or "/tmp") end
  local draft <close> = fail.try(require("host.draft").open(target))
  fn(draft:path(), target:match("^(.*)/") or ".")
  fail.try(draft:keep())
end

--- The same, where fn(write) writes text.
function M.text(path, fn)
  M.whole(path, function(by) fill(path, by, fn) end)
end

-- A record's text with its kind in front: '{"kind":"resource","id":…' costs no decoding.
local function with_kind(kind, text)
  local rest = text:sub(text:find("{", 1, true) + 1)
  return '{"kind":"' .. kind .. (rest:find("^%s*}") and '"' or '",') .. rest .. "\n"
end

--- One file with a record a line; returns the number of records. step(n) is told how far it is.
function M.jsonl(st, run, path, step)
  local n = 0
  M.text(path, function(write)
    for _, kind in ipairs(M.kinds) do
      for text in texts(st, kind[1], run) do
        write(with_kind(kind[1], text))
        n = n + 1
        step(n)
      end
    end
  end)
  return n
end

-- A file for each kind from the i-th on. All are filled before one takes its place, so that no folder is half new for
-- what can fail until then.
local function files(folder, i, fn)
  local kind = M.kinds[i]
  if not kind then return end
  local path = ("%s/%s.csv"):format(folder, kind[2])
  M.whole(path, function(by)
    fill(path, by, function(write) fn(kind[1], write) end)
    files(folder, i + 1, fn)
  end)
end

--- A folder with one file a kind; returns the number of records.
function M.csv(st, run, path, step)
  local sys, csv, json = require "host.sys", require "ui.csv", require "host.json"
  local found = fail.found(sys.stat(path))
  if found and found.type ~= "directory" then cannot(path, "csv is a folder with a file a kind, and this is none") end
  fail.try(sys.mkdir_p(path, mode.private_folder))
  local n = 0
  files(path, 1, function(kind, write)
    local each = texts(st, kind, run)
    csv.write(write, record.columns("csv", kind), function()
      local text = each()
      n = n + (text and 1 or 0)
      step(n)
      return text and json.decode(text)
    end)
  end)
  return n
end

return M

-- snapshot: what reading commands share: a connector's state, opened to read; "as of"; runs and types by
-- name.
local fail = require "fail"
local homes = require "config.home"

local M = {}

local function decode(text)
  return text and require("host.json").decode(text)
end
M.decode = decode

-- The folder of a connector's state, where there is one.
local function folder(home, name)
  local dir = home:state_dir(name)
  return fail.found(require("host.sys").stat(dir)) and dir
end

-- A name is known where its file is, or (after remove --keep-history) its state.
local function known(home, name)
  local connector = require "config.connector"
  homes.check_name(name)
  if connector.exists(home, name) then return end
  if not folder(home, name) then connector.unknown(home, name) end
end

--- The state of a connector and its meta; nil where it never ran. Unknown connectors are usage errors.
function M.find(home, name)
  known(home, name)
  local dir = folder(home, name)
  if not dir then return nil end
  local st, message, code = require "host.state".open(dir, {})
  if not st and code == "not_found" then return nil end
  st = st or fail(code or "storage", ("%s: %s"):format(name, message))
  return st, fail.try(st:meta())
end

--- A run's record, decoded; nil where there is none.
function M.run(st, n)
  return n and n > 0 and decode(fail.try(st:run(n))) or nil
end

--- The state of a connector with an accepted run, its meta, and the run's record; raises where there is no such run.
function M.current(home, name)
  local st, meta = M.find(home, name)
  if not st or not meta.accepted or meta.accepted == 0 then
    local held = st and meta.held
    fail("failed", name .. ": no run was accepted yet", held and
      ("run %d is held: `reeve diff %s %d`, then `reeve accept %s`"):format(held, name, held, name)
      or ("`%s` makes the first one"):format(require("import.imported").command(home, name)))
  end
  return st, meta, M.run(st, meta.accepted) or {}
end

--- The same, and says "as of" on stderr.
function M.accepted(ctx, name)
  local st, meta, run = M.current(ctx.home, name)
  ctx.out:say(("%s: as of %s, run %d"):format(name, run.ended or run.started or "?", meta.accepted))
  return st, meta, run
end

--- What a run left out: an iterator of JSON texts; the kinds of lists that this credential may not read come last.
function M.excluded(st, number)
  local texts, rows = fail.try(st:excluded(number)), {}
  for _, list in ipairs((M.run(st, number) or {}).lists or {}) do
    for _, kind in ipairs(list.state == "not_covered" and (list.kinds or { list.list }) or {}) do
      rows[#rows + 1] = { type = kind, why = "not_covered", reason = list.reason, run = number }
    end
  end
  local i = 0
  return function()
    local text = texts and texts()
    if text then return text end
    texts, i = nil, i + 1
    return rows[i] and require("host.json").encode(rows[i])
  end
end

--- A run number from the command line.
function M.number(text)
  local n = tostring(text):find("^%d+$") and math.tointeger(tonumber(text))
  return n or fail("usage", "a run's number expected, not '" .. tostring(text) .. "'")
end

-- Resource types that a run counted: keys of counts without an entitlement's slug.
local function counted(run, into)
  for key in pairs(run and run.counts or {}) do
    if not key:find(":", 1, true) then into[key] = true end
  end
end

--- What is known of the resource types by name: { trait, title, description, entitlements }, as the plugin had
--- them when the run began; where a run of a former version did not keep it, as the plugin has them today.
function M.declared(home, name, run)
  if run and run.types then return run.types end
  return require("config.connector").load(home, name).manifest.resources
end

--- Resource types that this connector's plugin declared or its accepted run has, sorted.
function M.types(home, name, run)
  local types = {}
  counted(run, types)
  local ok, declared = pcall(M.declared, home, name, run)
  for type in pairs(ok and declared or {}) do types[type] = true end
  return require("shape").names(types)
end

--- Insists on a resource type that there is.
function M.check_type(home, name, run, type, also)
  if run and run.counts and run.counts[type] then return end
  local types = M.types(home, name, run)
  table.move(also or {}, 1, #(also or {}), #types + 1, types)
  for _, there in ipairs(types) do
    if there == type then return end
  end
  fail("usage", ("%s has no type '%s'"):format(name, type), require("suggest").hint(type, types, "its types"))
end

return M

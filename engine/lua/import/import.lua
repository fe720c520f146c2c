-- import: a .c1z file that another connector wrote, as a run of a connector without a plugin: the same comparison,
-- guard and history as a sync has.
--
--   import.run(home, name, { file =, app =, owners =, hold =, allow_empty =, wait =, progress = })
--       -> sync.run's result, with source = { file =, sync =, ended = }, notes, renamed, created = path | nil
--
-- The file is unpacked beside the state, where there must be room for it.
local connectors = require "config.connector"
local fail = require "fail"
local fetching = require "sync.fetch"
local imported = require "import.imported"
local json = require "host.json"
local sync = require "sync.sync"
local types = require "import.types"

local M = {}

local NAMED <const> = 5
local LOOK_EVERY <const> = 1000 -- rows, between two looks at signals and progress

-- Opens the file. "invalid" and "limit" stand for a target that answers nonsense (exit 5); a file that is damaged or
-- too large is a plain failure (exit 1), here and while it is read.
local function open(path, folder)
  local file, message, code = require("host.c1z_read").open(path, folder)
  if not file then fail(code == "storage" and code or "failed", message) end
  return file
end

local function reading(fn, ...)
  local ok, result = pcall(fn, ...)
  if ok then return result end
  local code = type(result) == "table" and result.code
  if code == "invalid" or code == "limit" then fail("failed", result.message) end
  error(result, 0)
end

-- A function (how, what) that counts in `notes` what became of rows, in all and by `what` (NAMED of them, at most).
local function counter(notes)
  return function(how, what)
    local note = notes[how] or { n = 0, by = {}, kinds = 0 }
    notes[how] = note
    note.n = note.n + 1
    if not what then return end
    if not note.by[what] then note.kinds = note.kinds + 1 end
    if note.by[what] or note.kinds <= NAMED then note.by[what] = (note.by[what] or 0) + 1 end
  end
end

-- One of the file's tables, row by row.
local function give(rows, fetch, kind, emit, set_aside, options)
  local n = 0
  local function take(bytes, ...)
    if bytes == nil then return false end
    local text, why = rows:json(kind, bytes, ...)
    if text then
      emit(kind, json.raw(text))
    else
      local remains, type, id = rows:remains(kind, bytes, ...)
      set_aside(kind, json.raw(remains), why, type, id)
    end
    return true
  end
  local each = rows.file:rows(kind)
  while take(each()) do
    n = n + 1
    if n % LOOK_EVERY == 0 then
      sync.check_signal()
      fail.try(fetch.stage:tick())
      if options.progress then options.progress:at(fetch:seen() + n, nil, "rows") end
    end
  end
end

-- sync.run_on's fetch.
local function fetcher(file, known, notes)
  return function(home, connector, run, script, day, options)
    local none = { requests = 0, bytes = 0, retries = 0, throttled_s = 0, not_modified = 0 }
    local idle = { stats = function() return none end, close = function() end }
    types.save(home, connector.name, known)
    run.record.source = options.source
    local fetch = fetching.new {
      name = connector.name, plugin = connector.plugin, settings = connector.settings,
      settings_json = fail.try(json.encode(connector.settings)), session = idle, ledger = idle, state = run.state,
      run = run.number, script = script, day = day, epoch = run.record.epoch,
      keep_raw = connector.options.keep_raw ~= false, concurrency = 1,
    }
    run.fetch = fetch
    local rows = require("import.row").reader { file = file, types = known.names, note = counter(notes) }
    reading(fetch.take, fetch, function(kind, emit, set_aside)
      give(rows, fetch, kind, emit, set_aside, options)
    end)
    return fetch
  end
end

-- The connector's decoded file, and whether there was none so that it is a new one. A connector that has a target is
-- refused.
local function tree_of(home, name, options)
  if not connectors.exists(home, name) then
    require("config.home").check_name(name)
    return { plugin = imported.NAME, app = options.app, owners = options.owners, settings = {} }, true
  end
  local tree = connectors.read(home, name)
  if tree.plugin ~= imported.NAME then
    fail("usage", ("%s has a target of its own (plugin '%s'): a file cannot be read into it"):format(name,
      tostring(tree.plugin)), "import into another name, and compare: `reeve diff " .. name .. " --with OTHER`")
  end
  return tree, false
end

-- Records by type that are in force.
local function counts_of(home, name)
  local snapshot = require "state.snapshot"
  local st, meta = snapshot.find(home, name)
  if not st then return {} end
  local run = snapshot.run(st, meta.accepted)
  st:close()
  return run and run.counts or {}
end

--- Imports; see the head of this file.
function M.run(home, name, options)
  local tree, new = tree_of(home, name, options)
  local dir = home:state_dir(name)
  local there = fail.found(require("host.sys").stat(dir)) ~= nil
  fail.try(require("host.sys").mkdir_p(dir, require("mode").private_folder))
  local ok, file = pcall(open, options.file, dir)
  if not ok then
    if not there then require("host.sys").remove_tree(dir) end
    error(file, 0)
  end
  local read <close> = file
  local known = reading(types.of, read, types.load(home, name), not new and counts_of(home, name) or {})
  local connector = connectors.build(home, name, tree, nil, imported.plugin(home, name, known))
  local sync_of = read:sync()
  local name_of_file = require("ui.text").safe(options.file:match("[^/]*$")) -- it goes into the run's JSON
  local source = { file = name_of_file, sync = sync_of.id, ended = sync_of.ended }
  local notes = {}
  if new then require("config.edit").keep(options.ctx, connector, "add") end
  local result = sync.run(home, connector, { fresh = true, hold = options.hold, allow_empty = options.allow_empty,
    wait = options.wait, progress = options.progress, source = source, fetch = fetcher(read, known, notes) })
  result.source, result.notes, result.renamed = source, notes, known.renamed
  result.created = new and connector.file or nil
  return result
end

return M

-- environment: what `reeve c1` is told by flags and by the BATON_ variables (baton.lua).
--
--   local options = environment.read(flags, home, { "acme" })
--   options.client_id, options.client_secret        nil where the connectors have their own (account.lua)
--   options.api_host, .host_id, .get_tasks, .task_concurrency, .http_timeout_s, .temp_dir
--   options.log_level, .log_format                  set up already
--   options.sync       { types, targets = { { type, id }, … }, skip_grants, skip_entitlements_and_grants }
--   options.health     { on, port, address }, each nil where nobody has said
--
-- A flag goes before its variable, an empty variable is none. A wrong variable is a matter of configuration (exit 3), a
-- wrong flag one of usage (2). What children are to know of it is put into their environment; secrets are taken out.
local baton = require "serve.baton"
local fail = require "fail"
local reference = require "config.reference"
local shape = require "shape"
local sys = require "host.sys"

local M = {}

-- Values --------------------------------------------------------------------------------------------------------

local parse = {}

local booleans = { ["1"] = true, t = true, ["true"] = true, yes = true,
  ["0"] = false, f = false, ["false"] = false, no = false }

function parse.boolean(_, text)
  return booleans[text:lower()], "true or false"
end

function parse.text(entry, text)
  local max = entry.max or 1024
  local good = #text <= max and utf8.len(text) and not text:find("%c")
  return good and text or nil, ("a text of at most %d bytes"):format(max)
end

-- Checked with the secret, where no value is told: the two may have been swapped.
function parse.id(_, text)
  return text
end

function parse.integer(entry, text)
  local n = #text < 10 and text:find("^%d+$") and math.tointeger(text)
  return n and n >= entry.min and n <= entry.max and n or nil, ("a number from %d to %d"):format(entry.min, entry.max)
end

function parse.choice(entry, text)
  return entry.choices[text:lower()], "one of " .. table.concat(shape.names(entry.choices), ", ")
end

function parse.folder(_, text)
  local found = sys.stat(text)
  return found and found.type == "directory" and text or nil, "a folder that is there"
end

-- What fn makes of each item of a list with commas; nil where it makes nothing of one. No list is empty: a sync of
-- nothing in particular would be one of everything.
local function items(text, fn)
  local list = {}
  for _, item in ipairs(require("config.kinds").items(text)) do
    local value = fn(item)
    if not value then return nil end
    list[#list + 1] = value
  end
  return list[1] and list
end

function parse.list(_, text)
  return items(text, function(name) return name:match("^[%w_.-]+$") end), "names with commas between them"
end

function parse.resources(_, text)
  return items(text, require("c1.id").resource_of), "bid:r:TYPE/ID, several with commas between them,"
end

local function value_of(entry, text, what, code)
  local value, expected = parse[entry.kind](entry, text)
  if value == nil then
    fail(code, ("%s: %s expected, got %s"):format(what, expected, require("config.kinds").describe(text)))
  end
  return value
end

-- Where values come from ---------------------------------------------------------------------------------------

local function set(name)
  local text = os.getenv(name)
  return text ~= "" and text or nil
end

local function from_variable(name, entry)
  local text = entry.kind ~= "secret" and set(name)
  if text then return value_of(entry, text, name, "config") end
end

local function secret_of_flag(flag, text, home)
  if text == "-" then return require("config.edit").ask(flag, true) end
  local scheme = reference.parse(text)
  if not scheme or scheme == "store" then
    fail("usage", flag .. ": a secret never stands on the command line",
      flag .. " - reads a line of standard input, or asks; else env:NAME, file:PATH or cred:NAME")
  end
  return reference.open({ home = home }, flag, text)
end

local function from_flag(name, entry, flags, home)
  local flag = baton.flag(name)
  local text = flags[(flag:gsub("-", "_"))]
  if text == nil or not entry.flag then return nil end
  if entry.kind == "secret" then return secret_of_flag("--" .. flag, text, home) end
  if entry.kind == "boolean" then return text end
  return value_of(entry, tostring(text), "--" .. flag, "usage")
end

local function put(options, entry, value)
  local group, member = entry.into:match("^(.-)%.(.+)$")
  local place = group and options[group] or options
  member = member or entry.into
  if value ~= nil and not (entry.weak and place[member] ~= nil) then place[member] = value end
end

-- Refusals -----------------------------------------------------------------------------------------------------

-- Variables that these connectors' own settings are taken from.
local function used_by(home, connectors)
  local used = {}
  for _, name in ipairs(connectors) do
    local c = require("config.connector").load(home, name)
    local all = { c.options.c1.client_secret }
    for _, text in pairs(c.references or {}) do all[#all + 1] = text end
    for _, text in ipairs(all) do
      local scheme, variable = reference.parse(text)
      if scheme == "env" then used[variable] = true end
    end
    for _, spec in ipairs(c.manifest and c.manifest.settings or {}) do
      for _, variable in ipairs(spec.aliases or {}) do used[variable] = true end
    end
  end
  return used
end

local function unknown(name)
  local setting, taken = name:gsub("^BATON_", ""):lower(), {}
  for variable, entry in pairs(baton.variables) do
    if entry.into then taken[#taken + 1] = variable end
  end
  local near = require("suggest").question(name, taken)
  return "reeve knows no such variable", ("%sa setting of a connector is said by `reeve set NAME %s=…`, or, where it "
    .. "is a secret, by `%s=env:%s`"):format(near and near .. " " or "", setting, setting, name)
end

-- Do two texts say the same: one word, or both true, or both false?
local function alike(a, b)
  a, b = a:lower(), b:lower()
  return a == b or booleans[a] ~= nil and booleans[a] == booleans[b]
end

-- Why the variable is not taken, and what to do; nil where it is.
local function refusal(name, used)
  local entry, text = baton.entry(name), set(name)
  if not text or used[name] then return nil end
  if not entry then return unknown(name) end
  if entry.into then return nil end
  if not (entry.unless and alike(text, entry.unless)) then return entry.refused, "unset it" end
end

local function check_names(used)
  local there, problems = sys.variables "BATON_", {}
  table.sort(there)
  for _, name in ipairs(there) do
    local why, hint = refusal(name, used)
    if why then problems[#problems + 1] = { name = name, why = why, hint = hint } end
  end
  local p = problems[1]
  if not p then return end
  local others = {}
  for i = 2, #problems do others[#others + 1] = problems[i].name end
  fail("config", ("%s: %s%s"):format(p.name, p.why,
    #others > 0 and "; nor are taken: " .. table.concat(others, ", ") or ""), p.hint)
end

-- Reading ------------------------------------------------------------------------------------------------------

-- Sets up the log of this process; what its children are to know goes into the environment, unless it stands there.
local function apply(flags, options)
  for name, value in pairs { REEVE_LOG_FORMAT = options.log_format, REEVE_HTTP_TIMEOUT_S = options.http_timeout_s } do
    if not set(name) then sys.setenv(name, tostring(value)) end
  end
  flags.log_level = options.log_level
  local logging = require "ui.logging"
  logging.setup(flags, flags.log_format or set "REEVE_LOG_FORMAT" or logging.chosen)
end

local function warn_of_file()
  if sys.stat ".baton.yaml" then
    require("log").warn(".baton.yaml is not read: `reeve set NAME key=value` says what stands in it")
  end
end

local function check_together(options, connectors)
  if (options.client_id == nil) ~= (options.client_secret == nil) then
    local missing = options.client_id and "secret" or "id"
    fail("config", ("a client id and its client secret go together, and the %s is missing"):format(missing),
      ("BATON_CLIENT_%s says it, or --client-%s"):format(missing:upper(), missing))
  end
  if options.client_id and #connectors > 1 then
    fail("usage", "a client id is one connector's, and several are named",
      "`reeve set NAME c1.client_id=… c1.client_secret=-` gives each its own")
  end
end

--- The options for these connectors (a list of names). Raises what is refused, or wrong.
function M.read(flags, home, connectors)
  local options = { get_tasks = false, task_concurrency = 3, sync = {}, health = {} }
  -- Before all else, so that whatever happens next, no child can have it, and no message (main.lua scrubs them).
  require "host.secret"
  options.client_secret = sys.take_variable "BATON_CLIENT_SECRET"
  check_names(used_by(home, connectors))
  for _, name in ipairs(shape.names(baton.variables)) do
    local entry = baton.variables[name]
    if entry.into then
      local value = from_flag(name, entry, flags, home)
      if value == nil then value = from_variable(name, entry) end
      put(options, entry, value)
    end
  end
  check_together(options, connectors)
  apply(flags, options)
  warn_of_file()
  return options
end

--- The flags of `reeve c1`, as ui/cli.lua wants them.
M.flags = {}
do
  local args = { id = "ID", text = "TEXT", secret = "-|REF", integer = "N", list = "LIST", resources = "LIST" }
  for _, name in ipairs(shape.names(baton.variables)) do
    local entry = baton.variables[name]
    if entry.flag then
      local flag = { name = baton.flag(name), help = entry.flag, arg = args[entry.kind],
        integer = entry.kind == "integer" }
      if entry.kind == "choice" then
        flag.choices = shape.names(entry.choices)
        flag.arg = table.concat(flag.choices, "|")
      end
      M.flags[#M.flags + 1] = flag
    end
  end
end

return M

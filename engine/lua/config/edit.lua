-- edit: what `add` and `set` share: key=value words become a connector's file, secrets are asked for and
-- sealed, and everything is checked before anything is kept.
local fail = require "fail"
local config = require "config.config"
local settings = require "config.settings"
local reference = require "config.reference"

local M = {}

local function terminal()
  return require("host.sys").isatty(0)
end

--- A line of stdin, or of the terminal; nothing that is typed for a secret is shown.
function M.ask(name, secret)
  if terminal() then
    local sys = require "host.sys"
    if secret then return fail.try(sys.getpass(name .. ": ")) end
    require("ui.stderr").prompt(name .. ": ")
  end
  local line = io.stdin:read("l")
  line = line and line:gsub("\r$", "")
  if not line or line == "" then
    local got = line and "an empty one" or "its end"
    fail("usage", name .. "=-: a line of standard input expected, got " .. got)
  end
  return secret and require("host.secret").new(line) or line
end

-- Returns the reference that is to stand in the file; nil: none.
local function assign_secret(pending, name, text)
  pending[name] = nil
  if text == "-" then
    pending[name] = M.ask(name, true)
    return "store:" .. name
  elseif text == "" then
    return nil
  elseif reference.parse(text) then
    return text
  else
    fail("usage", ("%s: a secret never stands on the command line"):format(name),
      ("`%s=-` reads a line of standard input, or asks; else env:NAME, file:PATH or cred:NAME"):format(name))
  end
end

local function assign_setting(tree, spec, text)
  if text == "-" then text = M.ask(spec.name, false) end
  local value = nil
  if text ~= "" then
    value = settings.parse(spec, text)
    if value == nil or not settings.fits(spec, value) then
      fail("usage", ("%s: %s expected, got '%s'"):format(spec.name, settings.expected(spec), text))
    end
  end
  tree.settings[spec.name] = value
end

-- Puts a value at a path of tables ({ "http", "retry_s" }); tables that become empty go.
local function put(tree, path, value, at)
  at = at or 1
  local name = path[at]
  if at == #path then
    tree[name] = value
  else
    tree[name] = tree[name] or {}
    put(tree[name], path, value, at + 1)
    if next(tree[name]) == nil then tree[name] = nil end
  end
end

local function split(name)
  local path = {}
  for part in name:gmatch("[^.]+") do path[#path + 1] = part end
  return path
end

-- guard.user.removed=40% and the like: one limit of the guard.
local function assign_limit(tree, name, text)
  local path = split(name)
  local value = nil
  if text ~= "" then value = config.from_text("tolerate.set_aside", text, name) end
  if #path ~= 3 then fail("usage", name .. ": guard.TYPE.LIMIT expected, as in guard.user.removed=40%") end
  put(tree, path, value)
end

local function unknown(manifest, name)
  local names = settings.names(manifest)
  for _, entry in ipairs(config.keys) do
    local settable = entry.where ~= "home" and entry.name ~= "plugin" and entry.name ~= "settings"
    if settable then names[#names + 1] = entry.name end
  end
  fail("usage", ("plugin '%s' has no setting '%s'"):format(manifest.name, name),
    require("suggest").hint(name, names, "settings and keys"))
end

local function assign(manifest, tree, pending, name, text)
  local short = name:match("^settings%.(.+)$") or name
  local spec, entry = settings.spec(manifest, short), config.entry(name)
  if spec and spec.kind == "secret" then
    tree.settings[short] = assign_secret(pending, short, text)
  elseif spec then
    assign_setting(tree, spec, text)
  elseif name:find("^guard%.") then
    assign_limit(tree, name, text)
  elseif entry and entry.kind == "reference" then
    put(tree, split(name), assign_secret(pending, name, text))
  elseif entry and entry.where ~= "home" and name ~= "plugin" and name ~= "settings" then
    local value = nil
    if text ~= "" then value = config.from_text(name, text) end
    put(tree, split(name), value)
  else
    unknown(manifest, short)
  end
end

--- Puts words (key=value) into a connector's decoded file; an empty value takes the key away. Returns the
--- secrets that were entered, by setting: they are not sealed yet. `first` numbers the first word in
--- messages.
function M.assign(manifest, tree, words, first)
  local pending = {}
  tree.settings = tree.settings or {}
  for i, word in ipairs(words) do
    local name, text = word:match("^([%w_.:-]+)=(.*)$")
    -- The word itself is not shown: it may be a secret.
    if not name then fail("usage", ("argument %d: key=value expected"):format(first + i - 1)) end
    assign(manifest, tree, pending, name, text)
  end
  return pending
end

--- Asks on a terminal for required settings that were not given.
function M.ask_missing(manifest, tree, pending)
  if not terminal() then return end
  for _, spec in ipairs(manifest.settings or {}) do
    if spec.required and tree.settings[spec.name] == nil and spec.default == nil then
      if spec.help then require("ui.stderr").line(spec.help) end
      if spec.kind == "secret" then tree.settings[spec.name] = assign_secret(pending, spec.name, "-")
      else assign_setting(tree, spec, "-") end
    end
  end
end

local function check_target(ctx, c)
  c:resolve_secrets()
  local result = require("sync.check").run(ctx.home, c, { fresh = true })
  ctx.out:say(c.name .. (result.account and ": connected as " .. result.account or ": checked"))
  for _, warning in ipairs(result.warnings or {}) do
    ctx.out:say(c.name .. ": warning: " .. tostring(warning))
  end
end

--- Asks the target whether settings and credentials are good, with a fresh token; says as whom. Where the words that
--- were given are about ConductorOne, that is asked: alone where they are about nothing else. Raises where not.
function M.check(ctx, c, words)
  local about_c1 = 0
  for _, word in ipairs(words) do
    if word:find("^c1%.") then about_c1 = about_c1 + 1 end
  end
  if #words == 0 or #words > about_c1 then check_target(ctx, c) end
  if about_c1 > 0 then require("serve.account").check(ctx, c) end
end

-- Seals what was entered, each for the origins that it is of use to. Returns what ledger:put_back takes, a list each.
local function seal(ledger, c)
  local own, of_c1 = {}, {}
  for key, value in pairs(c.pending) do (key == "c1.client_secret" and of_c1 or own)[key] = value end
  local origins = require("serve.account").origins(c)
  if next(of_c1) and not origins then fail("usage", "c1.client_secret: c1.client_id is missing, which goes with it") end
  local back = ledger:seal_all(c.name, own, c.origins)
  return back, ledger:seal_all(c.name, of_c1, origins)
end

-- Seals what was entered and writes the file that refers to it. Where that cannot be written the former secrets are
-- put back: a new secret does not go with the old file's settings.
local function seal_and_write(ctx, ledger, c)
  local connector, back, back_c1 = require "config.connector", {}, {}
  if next(c.pending) or c.options.c1.client_id then back, back_c1 = seal(ledger, c) end
  local ok, why = pcall(connector.write, ctx.home, c.name, c.tree)
  if ok then return end
  if not connector.is_written(ctx.home, c.name, c.tree) then
    ledger:put_back(back)
    ledger:put_back(back_c1)
  end
  error(why, 0)
end

--- Seals what was entered, writes the file, and leaves a line in the audit trail.
function M.keep(ctx, c, action, before)
  local ledger = require("state.ledger").open(ctx.home)
  seal_and_write(ctx, ledger, c)
  local sealed = require("shape").names(c.pending)
  ledger:audit { action = action, connector = c.name, reason = ctx.flags.reason, before = before,
    after = c.digest, sealed = #sealed > 0 and sealed or nil }
  ledger:close()
end

return M

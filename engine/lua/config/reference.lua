-- reference: where a secret setting's value is: env:NAME, file:PATH, cred:NAME (systemd), store:NAME (sealed
-- in the ledger). A literal is never accepted, and never printed.
local fail = require "fail"

local M = {}

local MAX_SECRET = 64 * 1024
local schemes = { env = true, file = true, cred = true, store = true }

--- Scheme and rest of a reference; nil where the text is none.
function M.parse(text)
  if type(text) ~= "string" then return nil end
  local scheme, rest = text:match("^(%l+):(.+)$")
  if schemes[scheme] then return scheme, rest end
end

--- What a secret setting expects, in words.
M.expected = "a reference (env:NAME, file:PATH, cred:NAME or store:NAME)"

local function secret(bytes)
  return require("host.secret").new(bytes)
end

-- One line end at the end of a file belongs to the file, not to the secret.
local function read(path, what)
  local text, message, code = require("host.sys").read_file(path, MAX_SECRET, "trusted")
  if not text then fail(code == "not_found" and "config" or code or "config", what .. ": " .. message) end
  text = text:gsub("\r?\n$", "")
  if text == "" then fail("config", what .. ": " .. path .. " is empty") end
  return secret(text)
end

local resolvers = {}

function resolvers.env(_, name, what)
  local value = os.getenv(name)
  if not value or value == "" then fail("config", what .. ": the variable " .. name .. " is not set") end
  return secret(value)
end

function resolvers.file(connector, path, what)
  return read(connector.home:path(path), what)
end

function resolvers.cred(_, name, what)
  local folder = os.getenv("CREDENTIALS_DIRECTORY")
  if not folder or folder == "" then
    fail("config", what .. ": $CREDENTIALS_DIRECTORY is not set",
      "systemd sets it for LoadCredential=" .. name)
  end
  if name:find("/", 1, true) then fail("config", what .. ": a credential's name has no slash") end
  return read(folder .. "/" .. name, what)
end

function resolvers.store(connector, name, what)
  local ledger = require("state.ledger").open(connector.home)
  local value, message, code = ledger:unseal(connector.name, name, connector.origins)
  if value then return value end
  fail(code == "not_found" and "config" or code, what .. ": " .. message)
end

--- The secret that a text refers to, as an opaque object; `what` names it in messages. owner: home; of what is sealed,
--- name and origins too, as a connector has them.
function M.open(owner, what, text)
  local scheme, rest = M.parse(text)
  if not scheme then fail("config", what .. ": " .. M.expected .. " expected") end
  return resolvers[scheme](owner, rest, what)
end

--- The secret that a connector's setting refers to.
function M.resolve(connector, key, text)
  return M.open(connector, ("%s: settings.%s"):format(connector.file, key), text)
end

return M

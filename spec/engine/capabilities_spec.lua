-- What ConductorOne is told of a connector: `reeve capabilities`, `reeve config`, and protobuf's JSON.
local acme = require "acme"
local reeve = require "reeve"

local MANIFEST = [[return {
  api = 1, name = "acme", version = "1.0.0", title = "Acme \"Cloud\"", docs = "https://acme.test/docs",
  settings = {
    { name = "tenant", title = "Tenant", required = true, help = "the name in the address" },
    { name = "token", kind = "secret", one_of = "login" },
    { name = "api_url", kind = "url" },
    { name = "cert", kind = "secret", one_of = "login" },
    { name = "gateway", kind = "host", default = "gw.acme.test" },
    { name = "size", kind = "integer", default = 9007199254740993 },
    { name = "depth", kind = "integer", default = 0 },
    { name = "teams", kind = "boolean", default = true },
    { name = "apps", kind = "boolean", default = false },
    { name = "region", kind = "choice", choices = { "us", "0" }, default = "0" },
    { name = "only", kind = "list", default = { "a", "b" } },
    { name = "never", kind = "list" },
  },
  hosts = { "api.acme.test" },
  resources = {
    user = { title = "User", trait = "user", description = "Somebody" },
    team = { title = "Team", trait = "group", when = "teams", entitlements = { member = {} } },
    role = { title = "Role", trait = "role", entitlements = { holder = {} } },
    app = { title = "App", trait = "app", when = "apps" },
    key = { title = "Key", trait = "secret", when = "token" },
    place = {},
  },
}]]

local CONFIG = [[{
  "fields": [
    {
      "name": "tenant",
      "displayName": "Tenant",
      "description": "the name in the address",
      "isRequired": true,
      "stringField": {
        "rules": {
          "isRequired": true
        }
      }
    },
    {
      "name": "token",
      "displayName": "token",
      "isSecret": true,
      "stringField": {}
    },
    {
      "name": "api_url",
      "displayName": "api_url",
      "stringField": {}
    },
    {
      "name": "cert",
      "displayName": "cert",
      "isSecret": true,
      "stringField": {}
    },
    {
      "name": "gateway",
      "displayName": "gateway",
      "stringField": {
        "defaultValue": "gw.acme.test"
      }
    },
    {
      "name": "size",
      "displayName": "size",
      "intField": {
        "defaultValue": "9007199254740993"
      }
    },
    {
      "name": "depth",
      "displayName": "depth",
      "intField": {}
    },
    {
      "name": "teams",
      "displayName": "teams",
      "boolField": {
        "defaultValue": true
      }
    },
    {
      "name": "apps",
      "displayName": "apps",
      "boolField": {}
    },
    {
      "name": "region",
      "displayName": "region",
      "stringField": {
        "defaultValue": "0",
        "rules": {
          "in": [
            "us",
            "0"
          ]
        },
        "options": [
          {
            "name": "us",
            "value": "us",
            "displayName": "us"
          },
          {
            "name": "0",
            "value": "0",
            "displayName": "0"
          }
        ]
      }
    },
    {
      "name": "only",
      "displayName": "only",
      "stringSliceField": {
        "defaultValue": [
          "a",
          "b"
        ]
      }
    },
    {
      "name": "never",
      "displayName": "never",
      "stringSliceField": {}
    }
  ],
  "constraints": [
    {
      "kind": "CONSTRAINT_KIND_AT_LEAST_ONE",
      "fieldNames": [
        "token",
        "cert"
      ]
    },
    {
      "kind": "CONSTRAINT_KIND_MUTUALLY_EXCLUSIVE",
      "fieldNames": [
        "token",
        "cert"
      ]
    }
  ],
  "displayName": "Acme \"Cloud\"",
  "helpUrl": "https://acme.test/docs"
}]]

local home
setup(function()
  home = reeve.home()
  reeve.plugin(home, "acme", { ["plugin.lua"] = MANIFEST, ["connector.lua"] = acme.base .. "M.list = {} return M",
    ["mapping.lua"] = "return {}" })
  local settings = { tenant = "t", cert = "env:ACME_CERT", teams = false, apps = true }
  reeve.connector(home, "main", { plugin = "acme", settings = settings })
  settings = { tenant = "t", token = "env:ACME_TOKEN" }
  reeve.connector(home, "keyed", { plugin = "acme", settings = settings })
  reeve.connector(home, "broken", { plugin = "acme", settings = { tenant = "t" } })
end)

local function capabilities(name)
  return (reeve.ok { "capabilities", name, home = home })
end

-- The types that a name's capabilities have, in their order.
local function types(name)
  local list = {}
  for i, type in ipairs(reeve.json(capabilities(name)).resourceTypeCapabilities) do
    list[i] = type.resourceType.id
  end
  return table.concat(list, " ")
end

describe("capabilities", function()
  local NONE = { { ["@type"] = "type.googleapis.com/c1.connector.v2.SkipEntitlementsAndGrants" } }

  local function type_of(id, title, trait, annotations, description)
    return { resourceType = { id = id, displayName = title, traits = trait and { trait }, annotations = annotations,
      description = description }, capabilities = { "CAPABILITY_SYNC" }, permissions = {} }
  end

  it("are those of each type and of all together", function()
    assert.same({
      ["@type"] = "type.googleapis.com/c1.connector.v2.ConnectorCapabilities",
      resourceTypeCapabilities = {
        type_of("app", "App", "TRAIT_APP", NONE), type_of("key", "Key", "TRAIT_SECRET", NONE),
        type_of("place", "place", nil, NONE), type_of("role", "Role", "TRAIT_ROLE"),
        type_of("team", "Team", "TRAIT_GROUP"), type_of("user", "User", "TRAIT_USER", NONE, "Somebody"),
      },
      connectorCapabilities = { "CAPABILITY_SYNC", "CAPABILITY_EVENT_FEED_V2" },
      credentialDetails = {},
    }, reeve.json(capabilities "acme"))
  end)

  it("of a connector leave out the types that its settings turn off", function()
    assert.equal("app key place role team user", types "acme")
    assert.equal("app place role user", types "main")
    assert.equal("key place role team user", types "keyed")
  end)

  it("begin with what the message is, and end without a line's end", function()
    local text = capabilities "main"
    local first = '{\n  "@type": "type.googleapis.com/c1.connector.v2.ConnectorCapabilities",\n'
      .. '  "resourceTypeCapabilities": [\n    {\n      "resourceType": {\n        "id": "app",\n'
    local last = '\n  "credentialDetails": {}\n}'
    assert.equal(first, text:sub(1, #first))
    assert.equal(last, text:sub(-#last))
    assert.equal(text, capabilities "main")
  end)
end)

describe("config", function()
  it("has every kind of setting, and the groups of which one is given", function()
    assert.equal(CONFIG, (reeve.ok { "config", "acme", home = home }))
  end)

  it("of a connector is its plugin's: none of its values", function()
    assert.equal(CONFIG, (reeve.ok { "config", "keyed", home = home, env = { ACME_TOKEN = "hunter2" } }))
  end)
end)

it("a name that a connector and a plugin have is told once", function()
  reeve.connector(home, "acme", { plugin = "acme" })
  local there = reeve.run({ "config", "elephant", home = home }).err:match "there are: ([^\n]*)"
  os.remove(home .. "/connectors/acme.json")
  assert.equal(1, select(2, there:gsub("acme", "")), there)
end)

it("a name that nobody has is a mistake of usage, a connector that is wrong one of configuration", function()
  for _, command in ipairs { "capabilities", "config" } do
    local r = reeve.run { command, "acm", home = home }
    assert.equal(2, r.code)
    assert.equal("", r.out)
    assert.matches("there is no connector or plugin 'acm'\n  did you mean 'acme'%?", r.err)
    r = reeve.run { command, "broken", home = home }
    assert.equal(3, r.code)
    assert.equal("", r.out)
  end
end)

describe("protobuf's JSON", function()
  -- Go's bytes, decoded, as JSON on one line.
  local function json_of(name, hex)
    return (reeve.engine([[
      local wire, messages = require "host.wire", require "c1.messages"
      local bytes = arg[2]:gsub("%x%x", function(byte) return string.char(tonumber(byte, 16)) end)
      local text = require("c1.protojson").encode(arg[1], assert(wire.decode(messages, arg[1], bytes)))
      io.write((text:gsub("\n *", "")))]], { name, hex }))
  end

  it("of Go's capabilities names types, enums and credentials in the order of their numbers", function()
    assert.equal('{"resourceTypeCapabilities": ['
      .. '{"resourceType": {"id": "role","displayName": "Role","traits": ["TRAIT_ROLE"]},'
      .. '"capabilities": ["CAPABILITY_SYNC","CAPABILITY_PROVISION"],"permissions": {}},'
      .. '{"resourceType": {"id": "user","displayName": "User","traits": ["TRAIT_USER"]},'
      .. '"capabilities": ["CAPABILITY_SYNC","CAPABILITY_ACCOUNT_PROVISIONING"],"permissions": {}}],'
      .. '"connectorCapabilities": ["CAPABILITY_PROVISION","CAPABILITY_SYNC","CAPABILITY_ACCOUNT_PROVISIONING"],'
      .. '"credentialDetails": {"capabilityAccountProvisioning": {"supportedCredentialOptions": '
      .. '["CAPABILITY_DETAIL_CREDENTIAL_OPTION_NO_PASSWORD","CAPABILITY_DETAIL_CREDENTIAL_OPTION_RANDOM_PASSWORD"],'
      .. '"preferredCredentialOption": "CAPABILITY_DETAIL_CREDENTIAL_OPTION_RANDOM_PASSWORD"}}}',
      json_of("c1.connector.v2.ConnectorCapabilities", "0a170a0f0a04726f6c651204526f6c651a0103120202011a000a170a0f"
        .. "0a04757365721204557365721a0101120202051a0012030102051a080a060a0201021002"))
  end)

  it("of Go's account schema has its map by name, and one-of members that are empty", function()
    assert.equal('{"fieldMap": {"admin": {"displayName": "Admin","order": 2,"boolField": {}},'
      .. '"email": {"displayName": "Email","required": true,"description": "Work email","placeholder": "a@b.co",'
      .. '"order": 1,"stringField": {}}}}',
      json_of("c1.connector.v2.ConnectorAccountCreationSchema", "0a150a0561646d696e120c0a0541646d696e2802aa06000a2b0a"
        .. "05656d61696c12220a05456d61696c10011a0a576f726b20656d61696c22066140622e636f2801a20600"))
  end)

  it("is the same after a way through bytes", function()
    local path = reeve.write(reeve.path("plugin.lua"), MANIFEST)
    assert.equal("same\nsame\n", reeve.engine([[
      local wire, messages, protojson = require "host.wire", require "c1.messages", require "c1.protojson"
      local file <close> = io.open(arg[1])
      local manifest = require("plugin.manifest").read(file:read("a"), "plugin.lua")
      for name, value in pairs { ["c1.config.v1.Configuration"] = require("c1.config").of(manifest),
        ["c1.connector.v2.ConnectorCapabilities"] = require("c1.capabilities").of(manifest) } do
        local read = assert(wire.decode(messages, name, assert(wire.encode(messages, name, value))))
        print(protojson.encode(name, read) == protojson.encode(name, value) and "same" or "other")
      end]], { path }))
  end)
end)

-- What ConductorOne is told of the plugins that come with Reeve.
local reeve = require "reeve"

local home = reeve.home()

local function told(command, name)
  return reeve.json((reeve.ok { command, name, home = home }))
end

describe("of Torq, ConductorOne is told", function()
  it("that users, roles and API keys are read", function()
    local types = {}
    for i, type in ipairs(told("capabilities", "torq").resourceTypeCapabilities) do
      types[i] = { type.resourceType.id, type.resourceType.traits[1], table.concat(type.capabilities, " "),
        type.resourceType.annotations and "no grants" or "grants" }
    end
    assert.same({ { "api_key", "TRAIT_SECRET", "CAPABILITY_SYNC", "no grants" },
      { "role", "TRAIT_ROLE", "CAPABILITY_SYNC", "grants" },
      { "user", "TRAIT_USER", "CAPABILITY_SYNC", "no grants" } }, types)
  end)

  it("that id and secret are needed, the secret as one", function()
    local required, secret = {}, {}
    for _, field in ipairs(told("config", "torq").fields) do
      if field.isRequired then required[#required + 1] = field.name end
      if field.isSecret then secret[#secret + 1] = field.name end
    end
    assert.same({ "client_id", "client_secret" }, required)
    assert.same({ "client_secret" }, secret)
  end)

  it("without API keys where the connector leaves them out", function()
    reeve.connector(home, "main", { plugin = "torq",
      settings = { client_id = "id", client_secret = "env:TORQ", include_api_keys = false } })
    local types = told("capabilities", "main").resourceTypeCapabilities
    assert.equal("role", types[1].resourceType.id)
    assert.equal(2, #types)
  end)
end)

it("every plugin's settings and types are told", function()
  for _, plugin in ipairs(reeve.json((reeve.ok { "plugins", "-o", "json", home = home }))) do
    assert.equal(plugin.title, told("config", plugin.name).displayName)
    assert.equal(#plugin.resources, #told("capabilities", plugin.name).resourceTypeCapabilities)
  end
end)

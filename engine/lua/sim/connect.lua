-- connect: the command that connects a connector to a running simulator, by what its file says in `settings`.
local fail = require "fail"
local shape = require "shape"
local suggest = require "suggest"

local M = {}

-- A setting's text with what stands in braces filled in.
local function filled(plugin, sim, name, text, url)
  local file, place = plugin.shown .. "/simulator.lua", "settings." .. name
  if type(text) ~= "string" then shape.expected(file, place, "a text", text) end
  return (text:gsub("{([%w_]*)}", function(word)
    local value = sim.options[word]
    if word == "url" then return url end
    if value == nil then
      fail("config", ("%s: %s: the simulator has no option '%s'"):format(file, place, word),
        suggest.hint(word, shape.names(sim.options)))
    end
    return tostring(value)
  end))
end

local function check_names(plugin, settings)
  local known = {}
  for i, spec in ipairs(plugin.manifest.settings) do known[i] = spec.name end
  for _, name in ipairs(shape.names(settings)) do
    if not shape.contains(known, name) then
      fail("config", ("%s/simulator.lua: settings: the plugin has no setting '%s'"):format(plugin.shown, name),
        suggest.hint(name, known))
    end
  end
end

-- A word as a shell reads it back.
local function word(text)
  if text:find("^[%w%%+,./:=@_-]+$") then return text end
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

-- Secrets are read from standard input, in the order of their settings.
local function piped(secrets)
  if #secrets == 0 then return "" end
  local words = {}
  for i, secret in ipairs(secrets) do words[i] = word(secret) end
  local plain = #secrets == 1 and secrets[1]:find("^[%w_-]+$") and secrets[1]:sub(1, 1) ~= "-"
  return ("%s %s | "):format(plain and "echo" or "printf '%s\\n'", table.concat(words, " "))
end

--- The command, one line; nil where the simulator does not say which settings reach it. `url`: where it listens. Raises
--- where it names a setting that the plugin has not, or an option that it has not itself.
function M.line(plugin, sim, url)
  local settings = sim.simulator.settings
  if settings == nil then return nil end
  check_names(plugin, settings)
  local secrets, words = {}, {}
  for _, spec in ipairs(plugin.manifest.settings) do
    if settings[spec.name] ~= nil then
      local value = filled(plugin, sim, spec.name, settings[spec.name], url)
      if spec.kind == "secret" then secrets[#secrets + 1], value = value, "-" end
      words[#words + 1] = word(spec.name .. "=" .. value)
    end
  end
  local name = plugin.name
  return ("%sreeve add %s %s %s"):format(piped(secrets), name, (name:gsub("_", "-")), table.concat(words, " "))
end

return M

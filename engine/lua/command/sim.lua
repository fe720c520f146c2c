-- reeve sim: runs a plugin's simulator until it is told to end.
local fail = require "fail"

local function read_pem(flag, path)
  if not path then
    return nil
  end
  local file, why = io.open(path, "rb")
  local text = file and file:read("a")
  if file then
    file:close()
  end
  return text or fail("usage", ("--%s %s: %s"):format(flag, path, why or "not a file"))
end

-- NAME=VALUE texts as a list of { name, value }.
local function read_settings(list)
  local settings = {}
  for i, text in ipairs(list or {}) do
    local name, value = text:match("^([^=]+)=(.*)$")
    settings[i] = name and { name, value } or fail("usage", "--set " .. text .. ": NAME=VALUE is expected")
  end
  return settings
end

-- The plugin, and what its simulator.lua gives.
local function load_simulator(home, name)
  local plugin = require("plugin.plugin").load(home, name, "usage")
  return plugin, plugin:simulator() or fail("config", "the plugin '" .. name .. "' has no simulator.lua")
end

-- Where it listens, and how to connect to it from another terminal.
local function announce(plugin, sim, url)
  local command = require("sim.connect").line(plugin, sim, url)
  io.stdout:write("listening on ", url, "\n", command and "  " .. command .. "\n" or "")
  io.stdout:flush()
end

return {
  name = "sim",
  summary = "Run a plugin's simulator: its target, on loopback",
  usage = "PLUGIN",
  min = 1,
  max = 1,
  examples = {
    { "reeve sim acme --port 8080 --set users=5000", "5,000 users on http://127.0.0.1:8080" },
    { "reeve sim acme --set drift=0.01", "the same data, 1 % of it changed" },
    { "reeve sim acme --fault 'GET /users: status=500 times=2'", "the first two requests for users fail" },
    { "reeve sim acme --tls-cert cert.pem --tls-key key.pem", "over HTTPS" },
  },
  flags = {
    { name = "port", arg = "PORT", integer = true,
      help = "any free one unless told; it is printed when it listens" },
    { name = "host", arg = "ADDRESS", help = "IP address to listen on (127.0.0.1)" },
    { name = "set", arg = "NAME=VALUE", many = true, help = "an option of the simulator" },
    { name = "fault", arg = "LINE", many = true,
      help = "what goes wrong: 'METHOD PATH: key=value …'; keys: " .. table.concat(require("sim.fault").keys(),
        " ") },
    { name = "tls-cert", arg = "FILE", help = "PEM certificate (and chain) to serve HTTPS with" },
    { name = "tls-key", arg = "FILE", help = "its PEM key" },
  },
  run = function(ctx, args, flags)
    local sys = require "host.sys"
    local plugin, simulator = load_simulator(ctx.home, args[1])
    local sim = require("sim.sim").new(simulator, read_settings(flags.set), flags.fault, sys.now)
    if flags.port and flags.port > 65535 then
      fail("usage", "--port " .. flags.port .. ": 0 to 65535 are possible")
    end
    sys.catch_signals()
    require("sim.serve").run(sim, {
      port = flags.port, host = flags.host, verbose = flags.verbose,
      ready = function(url) announce(plugin, sim, url) end,
      cert = read_pem("tls-cert", flags.tls_cert), key = read_pem("tls-key", flags.tls_key),
    }, sys.signal_pending)
    return 0 -- also on a signal: being told to end is how a simulator ends
  end,
}

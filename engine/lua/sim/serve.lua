-- sim.serve: a simulator on a port, and the doors by which tests and demos change it while it runs.
--
--   POST /__sim/set?name=value&…    sets options and makes the data anew
--   POST /__sim/options             the same, from a JSON object
--   GET  /__sim/options             what they are
--   POST /__sim/faults              replaces the faults: one a line, no line: none
--   GET  /__sim/requests            what was asked: { total, routes, statuses, log }; DELETE starts anew
-- These are never counted, and no fault applies to them.
local fail = require "fail"
local http = require "host.server"
local json = require "host.json"

local M = {}

local function reply_json(status, value)
  return status, { ["Content-Type"] = "application/json" }, json.encode(value) .. "\n"
end

-- Sets and builds; what was before stays where either fails.
local function change(sim, settings)
  local before = {}
  for name, value in pairs(sim.options) do
    before[name] = value
  end
  local ok, why = pcall(function()
    sim:set(settings)
    sim:build()
  end)
  if not ok then
    sim.options = before
    sim:build()
    return reply_json(400, { error = tostring(why) })
  end
  return reply_json(200, sim.options)
end

local control = {}

control["POST /__sim/set"] = function(sim, req)
  local settings = {}
  for name, value in pairs(req.query) do
    settings[#settings + 1] = { name, value }
  end
  return change(sim, settings)
end

control["POST /__sim/options"] = function(sim, req)
  local object = json.decode(req.body)
  if type(object) ~= "table" then
    return reply_json(400, { error = "a JSON object of options is expected" })
  end
  local settings = {}
  for name, value in pairs(object) do
    settings[#settings + 1] = { tostring(name), tostring(value) }
  end
  return change(sim, settings)
end

control["GET /__sim/options"] = function(sim)
  return reply_json(200, sim.options)
end

control["POST /__sim/faults"] = function(sim, req)
  local lines = {}
  for line in req.body:gmatch("[^\r\n]+") do
    lines[#lines + 1] = line
  end
  local ok, why = pcall(sim.set_faults, sim, lines)
  return reply_json(ok and 200 or 400, ok and { faults = #lines } or { error = tostring(why) })
end

control["GET /__sim/requests"] = function(sim)
  local r = sim.requests
  return reply_json(200, {
    total = r.total, routes = r.routes, statuses = r.statuses, log = json.array(r.log),
  })
end

control["DELETE /__sim/requests"] = function(sim)
  sim:forget_requests()
  return reply_json(200, {})
end

local function answer(sim, req)
  if req.path:sub(1, 7) ~= "/__sim/" then
    return sim:answer(req)
  end
  local door = control[req.method .. " " .. req.path]
  if not door then
    return reply_json(404, { error = "no such door: " .. req.method .. " " .. req.path })
  end
  return door(sim, req)
end

local function send(req, verbose, status, headers, body, options)
  local ok, why = req:reply(status, headers, body, options)
  if not ok then
    require("ui.stderr").line("this answer cannot be sent: ", why)
    req:reply(500, nil, why)
  end
  if verbose then
    local how = options and options.cut and "cut" or #body .. " bytes"
    require("ui.stderr").line(("%s %s %d %s"):format(req.method, req.path, status, how))
  end
end

-- Sends what waits for other faults than those that are in force now; the rest.
local function release(held, faults, verbose)
  local rest = {}
  for _, one in ipairs(held) do
    if one.faults == faults then
      rest[#rest + 1] = one
    else
      send(one.req, verbose, table.unpack(one.answer, 1, 4))
    end
  end
  return rest
end

-- Answers a request, or adds it to those that are held.
local function respond(sim, req, verbose, held)
  local status, headers, body, options = answer(sim, req)
  if options and options.hold then
    held[#held + 1] = { req = req, faults = sim.faults, answer = { status, headers, body, options } }
  else
    send(req, verbose, status, headers, body, options)
  end
end

--- Serves until stop() says true, which is asked after each request and each signal, and once a second.
--- options: port, host, cert and key (PEM texts), verbose, ready(url) called once it listens.
function M.run(sim, options, stop)
  local server = fail.try(http.listen {
    port = options.port, host = options.host, cert = options.cert, key = options.key,
  })
  local host = options.host or "127.0.0.1"
  local authority = (host:find(":", 1, true) and "[" .. host .. "]" or host) .. ":" .. server:port()
  options.ready((options.cert and "https://" or "http://") .. authority)
  local held = {}
  while not stop() do
    for _, req in ipairs(fail.try(server:poll(1))) do
      respond(sim, req, options.verbose, held)
    end
    held = release(held, sim.faults, options.verbose)
  end
  server:close()
end

return M

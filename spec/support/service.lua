-- service: `reeve c1` between a stand-in of ConductorOne and a target of the spec's making.
--
--   local it = service.it(it, pending)  where Node.js is missing each test is skipped, and says so
--   local s = service.each(after_each)  each test has its own, by one of the next two, and it is ended behind it
--   s:make { people = { "u1" }, c1 = { next_heartbeat = 1 } }          s.w (acme.lua), s.c1 (conductorone.lua)
--   s:serve({ … }, { "acme", env = { … } })                            makes, and starts
--   s:start { "acme", env = { BATON_GET_TASKS = "true" } }             starts `reeve c1`
--   s:task { kind = "sync_full" }       has it done: its `finished` event
--   s:people { "u1", "u2" }             who is in the target from now on; all are members of team t1
--   s:log(text)                         waits until it has printed a line with that text: the line, decoded
--   s:stop(0)                           ends `reeve c1` by SIGTERM, insists on its exit status
--   s:close()                           ends all; a violation of the protocol is an error, as it is behind each test
local acme = require "acme"
local c1z = require "c1z"
local conductorone = require "conductorone"
local reeve = require "reeve"

local M = {}
local Service = {}
Service.__index = Service

local CONNECTOR = [[
M.list = { user = all("user", "/users"), team = all("team", "/teams"),
  team_member = { per = "team", emits = "grant", function(ctx, cursor, team)
    for x in ctx.http:get("/teams/" .. team.id):each("items") do ctx.emit("team_member", x) end
  end } }]]

M.it = conductorone.it

--- What a file's tests make theirs of, one after the other; busted's after_each has it ended.
function M.each(after_each)
  local self = setmetatable({}, Service)
  after_each(function() self:close() end)
  return self
end

--- A home with a connector acme, its target, and a stand-in; nothing was synced yet. What was made before is ended.
--- options: people (ids of users), c1 (options of the stand-in), connector_file, config (acme.new's).
function Service:make(options)
  self:close()
  options = options or {}
  self.w = acme.new { connector = CONNECTOR, connector_file = options.connector_file, config = options.config }
  self.home = self.w.home
  local c1 = { next_poll = 0.1 }
  for name, value in pairs(options.c1 or {}) do c1[name] = value end
  self.c1 = conductorone.start(c1)
  self:people(options.people or { "u1", "u2", "u3" })
  return self
end

--- Who is in the target, by ids; members: those of team t1 (all).
function Service:people(ids, members)
  local function records(list)
    local users = {}
    for i, id in ipairs(list) do users[i] = { id = id, name = "User " .. id, login = id .. "@acme.test" } end
    return acme.items(users)
  end
  self.w:world { ["/users"] = records(ids), ["/teams"] = acme.items { { id = "t1", name = "One" } },
    ["/teams/t1"] = records(members or ids) }
end

--- Starts `reeve c1` and returns at once. words: its arguments (acme unless told), env (false unsets), through. Its
-- port for health is another's on the same machine: it is open only where env says so.
function Service:start(words)
  words = words or {}
  local all = { "c1", home = self.home, env = { BATON_HEALTH_CHECK = "false" }, timeout = words.timeout or 150 }
  for name, value in pairs(self.c1.env) do all.env[name] = value end
  for name, value in pairs(words.env or {}) do all.env[name] = value end
  all.through = words.through
  table.move(#words > 0 and words or { "acme" }, 1, math.max(#words, 1), 2, all)
  self.process, self.told = reeve.start(all), 0
  self.c1.watched = self.process
  return self.process
end

--- Gives a task and waits for its end: the `finished` event.
function Service:task(spec, seconds)
  local id = self.c1:task(spec)
  return self.c1:wait({ event = "finished", task = id }, seconds)
end

--- Waits for a line of the log, behind the last one that was waited for, in which all texts stand; decoded.
function Service:log(...)
  local texts = { ... }
  local path = self.process.err_path
  return reeve.await(function()
    for line, at in (reeve.read(path) or ""):sub(self.told + 1):gmatch("([^\n]+)\n()") do
      local all = true
      for _, text in ipairs(texts) do all = all and line:find(text, 1, true) end
      if all then
        self.told = self.told + at - 1
        return line:sub(1, 1) == "{" and reeve.json(line) or { message = line }
      end
    end
    if not reeve.alive(self.process.pid) then error("reeve c1 ended: " .. (reeve.read(path) or "")) end
  end, "'" .. table.concat(texts, "', '") .. "' in its log", 30)
end

--- Ends `reeve c1`, and insists on its exit status (0); returns the process.
function Service:stop(code, signal)
  local process = self.process
  process:kill(signal or "TERM")
  process:wait()
  self.process, self.c1.watched = nil, nil
  if process.code ~= (code or 0) then
    error(("reeve c1: exit %d, not %d\n%s"):format(process.code, code or 0, process.err), 2)
  end
  return process
end

--- Makes one and starts it.
function Service:serve(options, words)
  self:make(options)
  return self:start(words)
end

--- Ends all that runs.
function Service:close()
  local trouble = self.process and select(2, pcall(self.stop, self))
  local w, c1 = self.w, self.c1
  self.w, self.c1, self.process = nil, nil, nil
  if w then w:stop() end
  if c1 then c1:stop() end
  if type(trouble) == "string" then error(trouble, 2) end
end

--- Asks a c1z file's tables: sql -> text, its lines with blanks between.
function M.tables(path)
  local ask = c1z.unpacked(path)
  return function(sql) return (ask(sql):gsub("\n", " ")) end
end

return M

-- reeve: what specs need to drive the real program. `local reeve = require "reeve"`.
--
-- Everything runs under spec/support/drive.c: exit codes, stdout and stderr come apart, time is
-- bounded, and a process that stays behind is an error. Nothing here sleeps for luck.
local dkjson = require "dkjson"
local lfs = require "lfs"
local system = require "system"

local reeve = {}

local BIN = os.getenv("REEVE_BIN") or lfs.currentdir() .. "/build/reeve"
local DRIVE = os.getenv("REEVE_DRIVE") or lfs.currentdir() .. "/build/spec/drive"
local ENGINE = os.getenv("REEVE_ENGINE") or lfs.currentdir() .. "/build/spec/host"
reeve.host = ENGINE
local PATIENCE = 60

reeve.bin = BIN
reeve.null = dkjson.null

--- True under `make asan`: a sanitizer keeps what was freed, so that memory cannot be measured.
reeve.sanitized = os.getenv("REEVE_SANITIZED") ~= nil

-- Temporary files ---------------------------------------------------------------------------------

local base

-- The folder of this process; `make test` removes it when all went well, else helper.lua does.
local function base_dir()
  base = base or os.getenv("REEVE_TEST_DIR")
  if not base then
    local p <close> = assert(io.popen("mktemp -d"))
    base = p:read("l")
  end
  return base
end

--- Removes all temporary files, unless `make test` looks after them.
function reeve.clean()
  if base and not os.getenv("REEVE_TEST_DIR") then os.execute("rm -rf '" .. base .. "'") end
  base = nil
end

local count = 0

--- A path that is nobody else's, in a folder that is removed at the end.
function reeve.path(name)
  count = count + 1
  return ("%s/%d-%s"):format(base_dir(), count, name or "tmp")
end

--- A new empty folder (mode 700).
function reeve.folder(name)
  local path = reeve.path(name or "dir")
  assert(os.execute(("mkdir -m 700 '%s'"):format(path)))
  return path
end

--- The file's bytes, or nil where it cannot be read.
function reeve.read(path)
  local f <close> = io.open(path, "rb")
  return f and f:read("a")
end

--- Writes a file, and makes the folders above it; mode is octal text ("600" unless told).
function reeve.write(path, bytes, mode)
  local at = path:sub(1, 1) == "/" and "" or "."
  for part in path:match("^(.*/)") and path:match("^(.*/)"):gmatch("[^/]+") or function() end do
    at = at .. "/" .. part
    lfs.mkdir(at)
  end
  local f = assert(io.open(path, "wb"))
  assert(f:write(bytes))
  assert(f:close())
  assert(os.execute(("chmod %s '%s'"):format(mode or "600", path)))
  return path
end

-- JSON, by a reader that is not the program's own ---------------------------------------------------

--- Bytes as hexadecimal digits.
function reeve.hex(bytes)
  return (bytes:gsub(".", function(c) return ("%02x"):format(c:byte()) end))
end

--- Decodes one document; nulls are reeve.null, integers are exact.
function reeve.json(text)
  local value, at, why = dkjson.decode(text, 1, dkjson.null)
  if why or text:find("%S", at) then
    error(("not JSON (%s): %s"):format(why or "text behind it", text:sub(1, 200)), 2)
  end
  return value
end

--- Decodes a document a line.
function reeve.jsonl(text)
  local list = {}
  for line in text:gmatch("[^\n]+") do list[#list + 1] = reeve.json(line) end
  return list
end

--- Encodes a plain table. An empty one is an object; reeve.array{} is an array.
function reeve.encode(value)
  return dkjson.encode(value)
end

--- Marks a table as an array for reeve.encode, also when it is empty.
function reeve.array(list)
  return setmetatable(list or {}, { __jsontype = "array" })
end

-- Homes and connectors --------------------------------------------------------------------------------

--- A new home. `config`, where given, becomes its reeve.json.
function reeve.home(config)
  local home = reeve.folder("home")
  assert(lfs.mkdir(home .. "/connectors"))
  if config then reeve.write(home .. "/reeve.json", reeve.encode(config)) end
  return home
end

--- Writes HOME/connectors/NAME.json; a string is written as it is.
function reeve.connector(home, name, connector)
  local text = type(connector) == "table" and reeve.encode(connector) or connector
  return reeve.write(("%s/connectors/%s.json"):format(home, name), text)
end

--- Writes a plugin into HOME/plugins/NAME: files = { ["plugin.lua"] = text, … }.
function reeve.plugin(home, name, files)
  for file, text in pairs(files) do
    reeve.write(("%s/plugins/%s/%s"):format(home, name, file), text)
  end
end

-- Running -------------------------------------------------------------------------------------------

local function quote(word)
  return "'" .. tostring(word):gsub("'", "'\\''") .. "'"
end
reeve.quote = quote

-- A word of the shell's command line that sets and unsets variables; `false` unsets.
local function environment(spec)
  local unset, set = {}, {}
  local env = { HOME = base_dir(), REEVE_HOME = spec.home }
  for name, value in pairs(spec.env or {}) do env[name] = value end
  for name, value in pairs(env) do
    if value then
      set[#set + 1] = quote(name .. "=" .. tostring(value))
    else
      unset[#unset + 1] = "-u " .. quote(name)
    end
  end
  return "env " .. table.concat(unset, " ") .. " " .. table.concat(set, " ")
end

local function command_line(spec, out, err)
  local words = { environment(spec), quote(DRIVE), tostring(spec.timeout or PATIENCE), quote(out), quote(err) }
  for word in (spec.through or ""):gmatch("%S+") do words[#words + 1] = quote(word) end
  words[#words + 1] = quote(spec.program or BIN)
  for _, word in ipairs(spec) do words[#words + 1] = quote(word) end
  local input = "/dev/null"
  if spec.stdin then input = reeve.write(reeve.path("stdin"), spec.stdin) end
  local cd = spec.cwd and "cd " .. quote(spec.cwd) .. " && " or ""
  return cd .. "exec " .. table.concat(words, " ") .. " < " .. quote(input)
end

local Process = {}
Process.__index = Process

local function finish(self, how, number)
  self.code = how == "exit" and number or 128 + number
  self.status = self.code
  self.signal = how == "signal" and number or nil
  self.timed_out = how == "timeout"
  self.out = not self.spec.stdout and reeve.read(self.out_path) or ""
  self.err = not self.spec.stderr and not self.spec.merge and reeve.read(self.err_path) or ""
end

--- Starts the program and returns at once: { pid, wait(), kill(sig), await(pattern) }.
-- spec: its arguments; home, env (false unsets), stdin, cwd, timeout (seconds); program in place of
-- ours, and `through`, words before it ("unshare -m"); merge = true puts stderr into stdout;
-- stdout, stderr = paths to write to. These fields may also stand in a second table.
function reeve.start(spec, options)
  for name, value in pairs(options or {}) do spec[name] = value end
  local out = spec.stdout or reeve.path("out")
  local err = spec.merge and "+" or spec.stderr or reeve.path("err")
  local pipe = assert(io.popen(command_line(spec, out, err), "r"))
  local self = setmetatable({ pipe = pipe, out_path = out, err_path = err, spec = spec }, Process)
  self.pid = tonumber((pipe:read("l") or ""):match("^pid (%d+)"))
  if not self.pid then error("could not start " .. tostring(spec.program or BIN), 2) end
  return self
end

--- Waits for the end; sets and returns self with code, signal, timed_out, out, err, cpu (seconds).
function Process:wait()
  if self.code then return self end
  local left
  for line in self.pipe:lines() do
    local how, number = line:match("^(%a+) (%d+)$")
    if how == "left" then
      left = number
    elseif how == "cpu" then
      self.cpu = number / 1000
    elseif how then
      finish(self, how, math.tointeger(number))
    end
  end
  self.pipe:close()
  if not self.code then error("the program's end was not told", 2) end
  if left and not self.spec.leaves then error(left .. " processes were left behind", 2) end
  return self
end

--- Sends a signal: a number or a name ("KILL"). False where the process is gone.
function Process:kill(signal)
  return reeve.kill(self.pid, signal)
end

--- Waits until what it printed so far (stdout; with `which`, "err") matches; returns the captures.
function Process:await(pattern, which)
  local path = which == "err" and self.err_path or self.out_path
  local found
  reeve.await(function()
    found = table.pack((reeve.read(path) or ""):match(pattern))
    return found[1] ~= nil or not reeve.alive(self.pid)
  end, "'" .. pattern .. "' from " .. table.concat(self.spec, " "))
  if found[1] == nil then
    self:wait()
    error(("ended (%d) without printing '%s': %s%s"):format(self.code, pattern, self.out, self.err), 2)
  end
  return table.unpack(found, 1, found.n)
end

--- Runs the program to its end.
function reeve.run(spec, options)
  return reeve.start(spec, options):wait()
end

--- Runs it and insists on exit code 0 (or spec.code); returns what it printed.
function reeve.ok(spec)
  local r = reeve.run(spec)
  if r.code ~= (spec.code or 0) then
    error(("reeve %s: exit %d%s\n%s%s"):format(table.concat(spec, " "), r.code,
      r.timed_out and " (out of time)" or "", r.out, r.err), 2)
  end
  return r.out, r.err
end

--- Runs a command of the system through the shell; returns stdout, code.
function reeve.shell(text)
  local r = reeve.run { program = "/bin/sh", "-c", text }
  return r.out, r.code, r.err
end

--- Runs Lua text among the engine's own modules (require "state.ledger", "host.sys" …); its arguments and
-- options as for reeve.run. Insists on exit code 0 (or spec.code); returns what it printed.
function reeve.engine(text, spec)
  spec = spec or {}
  spec.program = ENGINE
  table.insert(spec, 1, reeve.write(reeve.path("script.lua"), text))
  return reeve.ok(spec)
end

--- True where `script` can give a program a terminal.
function reeve.has_terminals()
  return select(2, reeve.shell "script -qec true /dev/null") == 0
end

--- True where the process exists and is not a zombie.
function reeve.alive(pid)
  local stat = reeve.read(("/proc/%d/stat"):format(pid))
  local state = stat and stat:match("^.*%) (%a)")
  return state ~= nil and state ~= "Z" and state ~= "X"
end

--- Sends a signal to a process; false where there is none.
function reeve.kill(pid, signal)
  return (os.execute(("kill -s %s %d 2>/dev/null"):format(signal or "TERM", pid))) == true
end

--- Asks `condition` until it gives something true, which is returned; raises after `seconds`.
function reeve.await(condition, what, seconds)
  local deadline = system.monotime() + (seconds or PATIENCE)
  while true do
    local value = condition()
    if value then return value end
    if system.monotime() > deadline then error("waited in vain for " .. (what or "a condition"), 2) end
    system.sleep(0.005)
  end
end

--- Seconds of a clock that only goes forward.
function reeve.mono()
  return system.monotime()
end

-- The simulator -------------------------------------------------------------------------------------

--- One HTTP request by curl: { url, method, body, headers = { "Name: value" }, args = { … } };
-- returns status, body.
function reeve.http(spec)
  local out = reeve.path("body")
  local words = { "-sS", "-o", out, "-w", "%{http_code}", "--max-time", "30", "--noproxy", "*",
    "-X", spec.method or (spec.body and "POST" or "GET") }
  if spec.body then
    words[#words + 1] = "--data-binary"
    words[#words + 1] = "@" .. reeve.write(reeve.path("request"), spec.body)
  end
  for _, header in ipairs(spec.headers or {}) do
    words[#words + 1] = "-H"
    words[#words + 1] = header
  end
  for _, word in ipairs(spec.args or {}) do words[#words + 1] = word end
  words[#words + 1] = spec.url
  local r = reeve.run { program = "curl", table.unpack(words) }
  if r.code ~= 0 then error("curl " .. spec.url .. ": " .. r.err, 2) end
  return math.tointeger(tonumber(r.out)), reeve.read(out) or ""
end

local Sim = {}
Sim.__index = Sim

-- Keys of reeve.sim's argument that are not options of the simulator.
local SIM_OWN = { plugin = true, faults = true, home = true, env = true, args = true, tls = true, port = true,
  timeout = true }

--- Starts `reeve sim PLUGIN` on a free port and waits until it is ready.
-- spec: plugin; faults = { "GET /path: status=500", … }; home; args = more arguments; tls = the
-- result of reeve.certificate(); every other key is an option (--set key=value).
-- Returns { url, port, pid, stop(), set{}, faults{}, requests() }.
function reeve.sim(spec)
  local words = { "sim", spec.plugin, "--port", tostring(spec.port or 0), home = spec.home, env = spec.env,
    timeout = spec.timeout or 160, merge = true }
  for key, value in pairs(spec) do
    if not SIM_OWN[key] then
      words[#words + 1] = "--set"
      words[#words + 1] = key .. "=" .. tostring(value)
    end
  end
  for _, fault in ipairs(spec.faults or {}) do
    words[#words + 1] = "--fault"
    words[#words + 1] = fault
  end
  if spec.tls then
    for _, word in ipairs { "--tls-cert", spec.tls.cert, "--tls-key", spec.tls.key } do words[#words + 1] = word end
  end
  for _, word in ipairs(spec.args or {}) do words[#words + 1] = word end
  local self = setmetatable({ process = reeve.start(words), tls = spec.tls }, Sim)
  self.url, self.port = self.process:await("(https?://[%w.%-]+:(%d+))")
  self.pid = self.process.pid
  return self
end

--- Asks the simulator's own control paths: returns the decoded answer, if it is JSON.
function Sim:control(method, path, body)
  local args = self.tls and { "--cacert", self.tls.ca } or nil
  local url = self.url .. "/__sim/" .. path
  local status, text = reeve.http { url = url, method = method, body = body, args = args }
  if status < 200 or status > 299 then error(("%s %s: %d %s"):format(method, path, status, text), 2) end
  local ok, value = pcall(reeve.json, text)
  return ok and value or text
end

--- Changes options while it runs; the data are built again from the new ones.
function Sim:set(options)
  return self:control("POST", "options", reeve.encode(options))
end

--- Replaces its faults by these: { "GET /path: status=500 times=2", … }.
function Sim:faults(list)
  return self:control("POST", "faults", table.concat(list or {}, "\n") .. "\n")
end

--- What was asked since its start or the last forget(): { total, routes, statuses, log = { … } }.
function Sim:requests()
  return self:control("GET", "requests")
end

--- Starts counting requests anew.
function Sim:forget()
  return self:control("DELETE", "requests")
end

--- Runs the command that it printed, which connects a connector to it, in its home.
function Sim:connect()
  local command = self.process:await("\n  ([^\n]+)\n")
  local shell = ("reeve() { %s \"$@\"; }; %s"):format(quote(BIN), command)
  return reeve.run { program = "/bin/sh", "-c", shell, home = self.process.spec.home }
end

--- Ends it and waits for its end.
function Sim:stop()
  if not self.process.code then
    self.process:kill("TERM")
    self.process:wait()
  end
  return self.process
end

-- Certificates --------------------------------------------------------------------------------------

--- A CA and a certificate of it for 127.0.0.1 and localhost: { ca, cert, key } as paths of PEM files.
function reeve.certificate()
  local dir = reeve.folder("tls")
  local _, code, err = reeve.shell(([[
    cd '%s' && exec 2>log && key='-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes' &&
    openssl req -x509 $key -keyout ca.key -out ca.pem -days 2 -subj '/CN=spec CA' \
      -addext 'basicConstraints=critical,CA:TRUE' -addext 'keyUsage=critical,keyCertSign' &&
    openssl req $key -keyout key.pem -out req.pem -subj '/CN=localhost' &&
    printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\n' > ext &&
    openssl x509 -req -in req.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile ext -out cert.pem
  ]]):format(dir))
  if code ~= 0 then error("openssl: " .. (reeve.read(dir .. "/log") or err), 2) end
  return { ca = dir .. "/ca.pem", cert = dir .. "/cert.pem", key = dir .. "/key.pem", dir = dir }
end

return reeve

-- reeve: runs the built program for a spec, as a shell would.
--
--   local reeve = require "reeve"
--   local r = reeve.run({ "list", "acme", "user" }, { env = { REEVE_HOME = dir }, stdin = "…" })
--   r.status, r.out, r.err
--
-- Files of a spec live under reeve.dir, which is emptied with the test run.
local M = {}

M.bin = os.getenv("REEVE_BIN") or "build/reeve"
M.dir = os.getenv("REEVE_TEST_DIR") or os.getenv("TMPDIR") or "/tmp"

local made = 0

--- A word as the shell reads it back.
function M.quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

--- The bytes of a file; nil where there is none.
function M.read(path)
  local file = io.open(path, "rb")
  if not file then return nil end
  local text = file:read("a")
  file:close()
  return text
end

--- Writes a file whole, making its folder; mode is octal text ("600" unless told).
function M.write(path, text, mode)
  local quoted = M.quote(path)
  assert(os.execute("umask 077; mkdir -p \"$(dirname " .. quoted .. ")\""))
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
  assert(os.execute("chmod " .. (mode or "600") .. " " .. quoted))
  return path
end

--- A fresh empty folder (mode 700).
function M.folder()
  made = made + 1
  local path = ("%s/reeve-spec-%d-%s-%d"):format(M.dir, os.time(), tostring({}):match("0x(%x+)"), made)
  assert(os.execute("mkdir -p -m 700 " .. M.quote(path)))
  return path
end

--- Runs the program; options: env (a table; false unsets), stdin (bytes; else /dev/null), stdout and stderr
--- (a path in place of what is captured), cwd, before (shell text put before the program's name).
function M.run(args, options)
  options = options or {}
  local base = M.folder()
  local words = { options.cwd and "cd " .. M.quote(options.cwd) .. " &&" or "", "env" }
  for name, value in pairs(options.env or {}) do
    table.insert(words, value and name .. "=" .. M.quote(value) or "-u " .. name)
  end
  local bin = M.bin:sub(1, 1) == "/" and M.bin or io.popen("pwd"):read("l") .. "/" .. M.bin
  table.insert(words, (options.before or "") .. " " .. M.quote(bin))
  for _, arg in ipairs(args) do table.insert(words, M.quote(arg)) end
  local input = "/dev/null"
  if options.stdin then input = M.write(base .. "/in", options.stdin) end
  local out, err = options.stdout or base .. "/out", options.stderr or base .. "/err"
  table.insert(words, ("<%s >%s 2>%s"):format(M.quote(input), M.quote(out), M.quote(err)))
  local _, how, status = os.execute(table.concat(words, " "))
  local result = { status = how == "signal" and 128 + status or status, out = M.read(base .. "/out"),
    err = M.read(base .. "/err") }
  os.execute("rm -rf " .. M.quote(base))
  return result
end

return M

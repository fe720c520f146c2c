-- The rules of the house, as far as a machine can see them: who may know whom, what is named where,
-- how long things are. A finding names file and line; an empty list of findings is the expectation.
local reeve = require "reeve"

local function tree()
  local out, code = reeve.shell("git ls-files --cached --others --exclude-standard")
  if code ~= 0 then
    out = reeve.shell("find . -name .git -prune -o -path ./build -prune -o -type f -print | sed 's|^./||'")
  end
  local list = {}
  for path in out:gmatch("[^\n]+") do
    if reeve.read(path) then list[#list + 1] = path end
  end
  table.sort(list)
  return list
end

local FILES = tree()

local function files(...)
  local found = {}
  for _, path in ipairs(FILES) do
    for _, pattern in ipairs { ... } do
      if path:find(pattern) then
        found[#found + 1] = path
        break
      end
    end
  end
  return found
end

local C, LUA = "^[es][np][ge][ic].*%.[ch]$", "%.lua$" -- engine/ and spec/

-- The C text without what comments and strings say, and with every line where it was.
local function code_of(text)
  local function blank(s) return (s:gsub("[^\n]", " ")) end
  text = text:gsub("/%*.-%*/", blank):gsub("//[^\n]*", blank)
  return (text:gsub('"[^"\n]*"', function(s) return s:find("%.h\"$") and s or blank(s) end))
end

local function each_line(text)
  local n = 0
  return function(next_line)
    local line = next_line()
    if line then
      n = n + 1
      return line, n
    end
  end, text:gmatch("([^\n]*)\n?")
end

-- Findings: for every line of every file that `look(line)` objects to, "FILE:LINE: why".
local function look_through(paths, look, prepare)
  local found = {}
  for _, path in ipairs(paths) do
    local text = reeve.read(path)
    for line, n in each_line(prepare and prepare(text) or text) do
      local why = look(line, path, n)
      if why then found[#found + 1] = ("%s:%d: %s"):format(path, n, why) end
    end
  end
  return found
end

local function none(findings)
  assert.equal("", table.concat(findings, "\n"))
end

describe("the tree", function()
  it("has nothing at its top but what belongs there", function()
    local allowed = { engine = true, plugins = true, scripts = true, spec = true, Makefile = true,
      ["README.md"] = true, ["reeve-scm-1.rockspec"] = true, LICENSE = true }
    local found = {}
    for _, path in ipairs(FILES) do
      local top = path:match("^[^/]+")
      if not allowed[top] and top:sub(1, 1) ~= "." then found[#found + 1] = path end
    end
    none(found)
  end)

  it("has no C outside the engine and the specs", function()
    local found = {}
    for _, path in ipairs(files("%.[ch]$")) do
      if not path:find("^engine/") and not path:find("^spec/") then found[#found + 1] = path end
    end
    none(found)
  end)

  it("knows no path of one machine", function()
    local places = { "work", "root", "farm" }
    none(look_through(FILES, function(line)
      for _, place in ipairs(places) do
        if line:find("/" .. place .. "/", 1, true) then return "/" .. place .. "/" end
      end
    end))
  end)

  it("makes no promises in place of code", function()
    local words = { "TO" .. "DO", "FIX" .. "ME", "not " .. "implemented", "assert.is_true" .. "(true)" }
    local code = files("^engine/", "^plugins/", "^scripts/", "^spec/.*%.lua$", "^spec/.*%.[ch]$", "%.md$")
    none(look_through(code, function(line)
      for _, word in ipairs(words) do
        if line:find(word, 1, true) then return word end
      end
    end))
  end)

  it("names no SaaS in the engine", function()
    local anywhere = { "torq", "github", "gitlab", "scim", "okta", "salesforce", "workday", "servicenow" }
    none(look_through(files("^engine/"), function(line)
      for _, name in ipairs(anywhere) do
        if line:lower():find(name, 1, true) then return name end
      end
    end))
  end)

  it("has lines and files that can be read at a glance", function()
    local found = look_through(files(C, LUA), function(line, path)
      local width, limit = utf8.len(line) or #line, path:find(LUA) and 120 or 110
      if width > limit then return "a line of " .. width .. " characters" end
      if line:find("[ \t]$") then return "blanks at the end of a line" end
      if line:find("\t", 1, true) then return "a tab" end
    end)
    for _, path in ipairs(files(C, LUA)) do
      local _, lines = reeve.read(path):gsub("\n", "")
      if lines > 600 then found[#found + 1] = ("%s: %d lines"):format(path, lines) end
    end
    none(found)
  end)
end)

describe("the C", function()
  -- header -> pattern of the files that may include it
  local owners = {
    { "curl/", "^engine/host/net/http[%w_]*%.[ch]$" },
    { "lmdb%.h", "^engine/host/store/store[%w_]*%.c$" },
    { "sodium%.h", "^engine/host/secret/secret[%w_]*%.c$" },
    { "openssl/", "^engine/host/secret/sign[%w_]*%.c$" },
    { "microhttpd%.h", "^engine/host/net/server[%w_]*%.c$" },
    { "sqlite3%.h", "^engine/host/c1/c1z[%w_]*%.c$" },
    { "zstd%.h", "^engine/host/c1/u?n?pack%.c$" },
    { "zstd_errors%.h", "^engine/host/c1/unpack%.c$" },
    { "lua%.h", "^engine/api/" },
    { "lauxlib%.h", "^engine/api/" },
    { "lualib%.h", "^engine/api/" },
  }

  it("has one owner for each foreign library", function()
    none(look_through(files("^engine/.*%.[ch]$"), function(line, path)
      local header = line:match("^%s*#%s*include%s*[<\"]([^>\"]+)[>\"]")
      for _, owner in ipairs(header and owners or {}) do
        if header:find("^" .. owner[1]) and not path:find(owner[2]) then return "includes " .. header end
      end
    end))
  end)

  -- The rooms of the host, each of which knows those before it.
  local ROOMS = { base = 1, json = 2, secret = 3, system = 4, net = 5, model = 6, store = 7, c1 = 8 }

  it("points down: the host knows nothing of Lua or the bindings, a room of it nothing of those above", function()
    none(look_through(files("^engine/host/"), function(line, path)
      local own = ROOMS[path:match("^engine/host/(%w+)/[%w_]+%.[ch]$")]
      if not own then return "is in no room" end
      local header = line:match("^%s*#%s*include%s*\"([^\"]+)\"")
      local room = header and header:match("^%.%./(%w+)/[%w_]+%.h$")
      if header and header:find("/") and not ((ROOMS[room] or own) < own) then return "includes " .. header end
      if line:find("lua_State", 1, true) then return "knows a Lua state" end
    end, code_of))
  end)

  it("enters Lua in one place", function()
    local allowed = { lua_pcallk = { ["engine/api/sandbox.c"] = true } }
    none(look_through(files("^engine/.*%.c$"), function(line, path)
      if path == "engine/api/vm.c" then return end
      for name in line:gmatch("[%w_]+") do
        local protected = name == "lua_pcall" or name == "lua_pcallk" or name == "lua_resume"
        if protected and not (allowed[name] or {})[path] then return name end
      end
    end, code_of))
  end)

  it("ends the process in one place", function()
    none(look_through(files("^engine/.*%.c$"), function(line, path)
      local call = line:match("%f[%w_](exit)%s*%(") or line:match("%f[%w_](abort)%s*%(")
      if call and path ~= "engine/main.c" then return call .. "()" end
    end, code_of))
  end)

  it("tells people things in one place, where no terminal obeys them", function()
    none(look_through(files("^engine/lua/.*%.lua$"), function(line, path)
      local may = path:find("^engine/lua/ui/") or path == "engine/lua/main.lua"
      if line:find("io.stderr", 1, true) and not may then return "io.stderr" end
    end))
  end)

  it("uses no function that writes without a bound", function()
    local unbounded = " strcpy strcat sprintf vsprintf gets alloca strtok system tmpnam mktemp "
    none(look_through(files(C), function(line)
      for name in line:gmatch("([%w_]+)%s*%(") do
        if unbounded:find(" " .. name .. " ", 1, true) then return name end
      end
    end, code_of))
  end)

  it("begins each header with what its noun is", function()
    local found = {}
    for _, path in ipairs(files("^engine/.*%.h$")) do
      local text, noun = reeve.read(path), path:match("([%w_]+)%.h$")
      local named = text:match("^/%* ([%w_./]+)[:,]") or "nothing"
      if named:match("[%w_]+$") ~= noun then
        found[#found + 1] = ("%s: its first comment is about %s"):format(path, named)
      end
    end
    none(found)
  end)

  it("keeps static things out of headers", function()
    none(look_through(files("^engine/.*%.h$"), function(line)
      if line:find("^static") and not line:find("^static inline") then return line end
    end, code_of))
  end)

  -- A function is named after its file, or after a struct that the header declares.
  it("exports only what is named after the file's nouns", function()
    local found = {}
    for _, path in ipairs(files("^engine/%a+/.*%.h$")) do
      local text = code_of(reeve.read(path))
      local noun = path:match("([%w_]+)%.h$")
      local nouns = { [noun] = true, [noun:match("^[^_]+")] = true }
      for name in text:gmatch("struct ([%w_]+)") do nouns[name] = true end
      for name in text:gmatch("\n[%a][%w_%s%*]-([%w_]+)%([^;{]*%)[^;{]*;") do
        local ok = name == "luaopen_host_" .. noun:gsub("_lua$", "") or name == "__attribute__"
        for prefix in pairs(nouns) do
          ok = ok or name == prefix or name:sub(1, #prefix + 1) == prefix .. "_"
        end
        if not ok then found[#found + 1] = path .. ": " .. name end
      end
    end
    none(found)
  end)

  it("keeps to itself what nobody else uses", function()
    local build = reeve.bin:match("^(.*)/")
    -- Of the objects whose source is there: a build folder may hold older ones.
    local function symbols(how, ...)
      local objects = table.concat(files(...), " "):gsub("%.c%f[%s%z]", ".o")
      local out, code = reeve.shell(("cd %s && nm -A -g %s %s"):format(reeve.quote(build), how, objects))
      return code ~= 127 and out or nil
    end
    local wanted = symbols("-u", "^engine/.*%.c$", "^spec/unit/test_.*%.c$", "^spec/unit/fuzz_.*%.c$")
    if not wanted then return pending("nm is not installed") end
    local used, found = {}, {}
    for name in wanted:gmatch("U ([%w_]+)") do used[name] = true end
    local defined = symbols("--defined-only", "^engine/%a+/.*%.c$")
    for file, name in defined:gmatch("([%w_./]+%.o):%x+ [TDRB] ([%w_]+)") do
      if not used[name] and not name:find("^__") then found[#found + 1] = file .. ": " .. name end
    end
    none(found)
  end)

  -- engine/api/NOUN.c: what Lua gets is told in a comment, of the header or beside the function.
  it("says of each function that Lua gets what it is", function()
    local found = {}
    for _, path in ipairs(files("^engine/api/.*%.c$")) do
      local text, comments = reeve.read(path), ""
      local headers = { path:gsub("%.c$", ".h"), path:gsub("_%a+%.c$", ".h") }
      for _, part in ipairs { text, reeve.read(headers[1]) or "", reeve.read(headers[2]) or "" } do
        for comment in part:gmatch("/%*.-%*/") do comments = comments .. comment end
      end
      for name in text:gmatch('{"([%l%d_]+)",%s*[%w_]+}') do
        local told = comments:find("%f[%w_]" .. name .. "%f[^%w_]") or name:find("^__")
        if not told then found[#found + 1] = path .. ": " .. name end
      end
    end
    none(found)
  end)

  local function functions(path)
    local list, name, from = {}, nil, nil
    for line, n in each_line(code_of(reeve.read(path))) do
      if line:find("^[%a_].*%)%s*{$") or (line:find("^ .*%)%s*{$") and not name) then
        name, from = line:match("([%w_]+)%("), n
      elseif line == "}" and name then
        list[#list + 1] = { name = name, lines = n - from + 1, at = path .. ":" .. from }
        name = nil
      end
    end
    return list
  end

  it("has short functions", function()
    local found, lengths = {}, {}
    for _, path in ipairs(files("^engine/.*%.c$")) do
      for _, f in ipairs(functions(path)) do
        lengths[#lengths + 1] = f.lines
        if f.lines > 60 then found[#found + 1] = ("%s: %s has %d lines"):format(f.at, f.name, f.lines) end
      end
    end
    none(found)
    table.sort(lengths)
    assert.is_true(lengths[#lengths // 2 + 1] <= 12)
  end)
end)

describe("the Lua", function()
  local function requires(text)
    local list = {}
    local code = text:gsub("%-%-[^\n]*", "")
    for name in code:gmatch("require%s*%(?%s*[\"']([^\"']+)[\"']%s*[^.%s]") do list[#list + 1] = name end
    return list
  end

  it("of the engine requires the engine and the host", function()
    local found = {}
    local registered = {}
    for name in reeve.read("engine/api/modules.c"):gmatch('"(host%.[%w_.]+)"') do registered[name] = true end
    for _, path in ipairs(files("^engine/lua/.*%.lua$")) do
      for _, name in ipairs(requires(reeve.read(path))) do
        if name:find("^host%.") and not registered[name] then found[#found + 1] = path .. ": " .. name end
      end
    end
    none(found)
  end)

  it("of plugins requires its own files and what is given", function()
    local given = { ["reeve.time"] = true, ["reeve.json"] = true, ["reeve.text"] = true, ["reeve.paginate"] = true }
    local found = {}
    for _, path in ipairs(files("^plugins/.*%.lua$", "^scripts/.*%.lua$")) do
      local dir = path:match("^plugins/[^/]+/")
      for _, name in ipairs(requires(reeve.read(path))) do
        local own = dir and reeve.read(dir .. name:gsub("%.", "/") .. ".lua")
        if not given[name] and not own then found[#found + 1] = path .. ": " .. name end
      end
    end
    none(found)
  end)

  it("has no focused test", function()
    local focus = "#" .. "only"
    none(look_through(files("^spec/.*%.lua$"), function(line)
      if line:find(focus, 1, true) then return focus end
    end))
  end)

  it("has no global, no unused name, no shadow", function()
    local out, code = reeve.shell("luacheck --no-color -q " .. table.concat(files(LUA), " "))
    if code == 127 then return pending("luacheck is not installed") end
    assert.equal("", code == 0 and "" or out)
  end)
end)

describe("plugins", function()
  local wanted = { "plugin.lua", "connector.lua", "mapping.lua", "simulator.lua", "README.md" }

  it("have the files that the contract names", function()
    local found, seen = {}, {}
    for _, path in ipairs(files("^plugins/[^/]+/")) do
      local dir = path:match("^plugins/[^/]+/")
      for _, file in ipairs(seen[dir] and {} or wanted) do
        if not reeve.read(dir .. file) then found[#found + 1] = dir .. file .. " is missing" end
      end
      seen[dir] = true
    end
    none(found)
  end)
end)

describe("the rockspec", function()
  local function rockspec()
    local rock = {}
    assert(load(reeve.read("reeve-scm-1.rockspec"), "=rockspec", "t", rock))()
    return rock
  end

  it("names the package and what it builds on", function()
    local rock = rockspec()
    assert.same({ "reeve", "scm-1" }, { rock.package, rock.version })
    local makefile = reeve.read("Makefile")
    for _, lib in pairs(rock.external_dependencies) do
      assert.truthy(makefile:find(lib.library, 1, true))
    end
  end)

  it("hands the building to targets that the Makefile has", function()
    local build = rockspec().build
    assert.equal("make", build.type)
    for _, target in ipairs { build.build_target, build.install_target } do
      assert.truthy(reeve.read("Makefile"):find("\n" .. target .. ":", 1, true))
    end
  end)
end)

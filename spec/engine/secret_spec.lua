-- host.secret as Lua sees it: opaque values, sealing, key files, digests.
local reeve = require "reeve"

local ROOT = require("lfs").currentdir()
local HEAD = [[local secret, sys = require "host.secret", require "host.sys"; local dir = ...
local key = assert(secret.random(32))
]]

local function run(text)
  return reeve.engine(HEAD .. text, { reeve.folder() })
end

describe("a secret", function()
  it("shows *** and nothing else", function()
    assert.equal("***\n***\n***\nx ***\n", run [[
      local s = secret.new("correct horse")
      print(s) print("Bearer " .. s) print(s .. 7) print(("x %s"):format(s))]])
  end)

  it("has no fields, no length and no metatable to take apart", function()
    assert.equal("false\nfalse\nfalse\tfalse\n", run [[
      local s = secret.new("correct horse")
      print((pcall(function() return s.__gc end)))
      print((pcall(function() return #s end)))
      print(getmetatable(s), (pcall(setmetatable, s, {})))]])
  end)

  it("joins, encodes and compares by value", function()
    run [[
      local function same(a, b) assert(secret.equal(a, secret.new(b))) end
      local s = secret.new('p/ä"\n')
      same("<" .. s .. 7 .. ">", '<p/ä"\n7>')
      same(secret.join("a", s, 1), 'ap/ä"\n1')
      same(secret.urlencode(s), "p%2F%C3%A4%22%0A")
      same(secret.json_string(s), '"p/ä\\"\\u000a"')
      same(secret.basic("id", secret.new("pass")), "Basic aWQ6cGFzcw==")
      assert(not secret.equal(s, secret.new("other")))
      assert(secret.is(s) and not secret.is("text"))]]
  end)

  -- Lua 5.4.4 loses its place where the stack moves while `..` runs; found by ASan and valgrind, or as a crash.
  it("joins in any coroutine, at any depth, whatever the collector does", function()
    assert.equal("a secret is joined more than 64 calls deep\n", run [[
      local s = secret.new("correct horse")
      local function deep(n, ...)
        if n > 0 then return deep(n - 1, n, ...) end
        local a, b = ...
        return "<" .. s .. (a or 1) .. ">" .. (b or 2) .. s .. "."
      end
      collectgarbage("setpause", 10) collectgarbage("setstepmul", 1000)
      for n = 0, 40 do
        local co = coroutine.create(function() return (deep(n)) end)
        assert(select(2, assert(coroutine.resume(co))), "no result")
      end
      local function deeper(n) if n == 0 then return "x" .. s end local r = deeper(n - 1) return r end
      print((select(2, pcall(deeper, 70)):gsub("^.*: ", "")))]])
  end)

  it("refuses invalid UTF-8 as a JSON string", function()
    assert.equal("nil\tinvalid\n", run [[
      local v, _, code = secret.json_string(secret.new("\xff\xfe")) print(v, code)]])
  end)

  it("may be made and dropped without end, but only so many can be held", function()
    assert.equal("2048\tlimit\n", run [[
      for i = 1, 3000 do secret.new("value number " .. i) end
      collectgarbage()
      local held, code = {}, nil
      key = nil
      collectgarbage()
      while true do
        local s, _, c = secret.new("held value " .. #held)
        if not s then code = c break end
        held[#held + 1] = s
      end
      print(#held, code)]])
  end)
end)

describe("sealed bytes", function()
  it("open with the same key and context, and with nothing else", function()
    assert.equal("true\nstorage\nstorage\nstorage\nconfig\nstorage\n", run [[
      local s = secret.new("correct horse")
      local sealed = assert(secret.seal(key, s, "secret/acme/x"))
      assert(not sealed:find("correct", 1, true))
      assert(sealed ~= secret.seal(key, s, "secret/acme/x"), "nonces repeat")
      local function code(...) local _, _, c = secret.open(...) return c end
      print(secret.equal(secret.open(key, sealed, "secret/acme/x"), s))
      print(code(key, sealed, "secret/acme/y"))
      print(code(key, sealed:sub(1, -2), "secret/acme/x"))
      print(code(key, sealed:sub(1, -2) .. string.char(sealed:byte(-1) ~ 1), "secret/acme/x"))
      print(code(secret.random(32), sealed, "secret/acme/x"))
      print(code(key, "\2" .. sealed:sub(2), "secret/acme/x"))]])
  end)

  it("open as plain bytes where they are no secret", function()
    assert.equal("a cursor\t0\n", run [[
      print(secret.open_bytes(key, secret.seal(key, "a cursor", "c"), "c"),
        #secret.open_bytes(key, secret.seal(key, "", "c"), "c"))]])
  end)
end)

describe("a key file", function()
  it("is made once, for its owner alone, and loads as the same key", function()
    assert.equal("true\t384\t65\nbusy\ntrue\n", run [[
      local made = assert(secret.make_key(dir .. "/key"))
      local facts = sys.stat(dir .. "/key")
      print(secret.equal(made, secret.load_key(dir .. "/key")), facts.mode, facts.size)
      print((select(3, secret.make_key(dir .. "/key"))))
      print(#sys.list_dir(dir) == 1)]])
  end)

  it("is refused where others may read or write it, or it holds no key", function()
    local out = run [[
      local function try(text, mode, trust)
        sys.write_file(dir .. "/key", text, tonumber(mode, 8))
        local key, message, code = secret.load_key(dir .. "/key", trust)
        print(key and "good" or code .. " " .. message)
      end
      local good = ("0123456789abcdef"):rep(4)
      try(good .. "\n", "644") try(good, "666") try(good .. "\n", "440", "trusted")
      try("xy", "600") try(good .. "00", "600") try(good:sub(2), "600")]]
    local lines = {}
    for line in out:gmatch("[^\n]+") do lines[#lines + 1] = line end
    assert.matches("^config /.*/key may be read by others %(mode 0644%): run  chmod 600 '/.*/key'$", lines[1])
    assert.matches("^config /.*/key may be written by others %(mode 0666%): run  chmod go%-w '/.*/key'$", lines[2])
    assert.equal("good", lines[3])
    for i = 4, 6 do assert.matches("^config /.*/key: read a key: 64 hexadecimal digits expected", lines[i]) end
  end)
end)

describe("digests", function()
  it("are BLAKE2b-256, and count the parts", function()
    -- RFC 7693's function with 32 bytes of output, as b2sum -l 256 gives it.
    assert.equal("bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319\ttrue\n", run [[
      print(secret.hash("abc"), secret.hash("ab", "c") ~= secret.hash("a", "bc"))]])
  end)

  it("hash128 is SipHash-2-4 with 128 bits", function()
    -- The first vectors of the reference implementation (vectors_sip128).
    assert.equal("a3817f04ba25a8e66df67214c7550293\nda87c1d86b99af44347659119b22fc45\n", run [[
      local k = ""
      for i = 0, 15 do k = k .. string.char(i) end
      for _, text in ipairs { "", "\0" } do
        print((secret.hash128(k, text):gsub(".", function(c) return ("%02x"):format(c:byte()) end)))
      end]])
  end)

  it("subkeys differ by purpose and stay the same", function()
    assert.equal("true\ttrue\t16\n", run [[
      print(secret.subkey(key, "a", 16) == secret.subkey(key, "a", 16),
        secret.subkey(key, "a", 16) ~= secret.subkey(key, "b", 16), #secret.subkey(key, "a", 16))]])
  end)
end)

describe("a program that is killed", function()
  -- Runs a program in a folder of its own where cores are allowed, ends it, and lists the folder.
  local function left_behind(line)
    local dir = reeve.folder()
    local p = reeve.start { program = "/bin/sh", "-c",
      ("cd %s && ln -s %s/plugins . && ulimit -c unlimited && exec %s"):format(dir, ROOT, line) }
    p:await("https?://")
    p:kill("SEGV")
    p:wait()
    return (reeve.shell("cd " .. dir .. " && ls -d core*"))
  end

  it("leaves no core file", function()
    local line = reeve.bin .. " sim torq --port 0"
    if not left_behind("env REEVE_CORE=1 " .. line):find("core") then
      pending("no core files in the working directory here")
      return
    end
    assert.equal("", left_behind(line))
  end)
end)

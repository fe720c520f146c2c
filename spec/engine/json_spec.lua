-- host.json as Lua sees it: raw objects, exact decoding, canonical encoding. Random documents are
-- made here together with what they must become, by rules written down a second time; jq is asked
-- as well.
local reeve = require "reeve"

local function run(text)
  return reeve.engine('local json = require "host.json"\n' .. text)
end

-- One expression a line, each given as text; what they are, a line each.
local function shows(cases)
  local script, expected = {}, {}
  for _, case in ipairs(cases) do
    script[#script + 1] = ("print(%s)"):format(case[1])
    expected[#expected + 1] = case[2] .. "\n"
  end
  assert.equal(table.concat(expected), run(table.concat(script, "\n")))
end

describe("a raw object", function()
  it("reads like a table", function()
    shows {
      { [[json.raw('{"a":"x","b":{"c":[1,2.5,"z"]}}').b.c[3] ]], "z" },
      { [[json.raw('{"a":"x"}').a, json.raw('{"a":"x"}').b, json.raw('{"a":"x"}')[1] ]], "x\tnil\tnil" },
      { [[#json.raw('[1,null,3]'), #json.raw('[]'), #json.raw('{"a":1}')]], "3\t0\t0" },
      { [[json.raw('[7,8]')[1], json.raw('[7,8]')[2.0], json.raw('[7,8]')[3], json.raw('[7]').a]], "7\t8\tnil\tnil" },
      { [[json.raw('{"a":true,"b":false}').a, json.raw('{"a":true,"b":false}').b]], "true\tfalse" },
      { [[tostring(json.raw('{"secret":1}')), tostring(json.raw('[1]'))]], "raw object\traw array" },
      { [[json.is_raw(json.raw('{}')), json.is_raw(json.raw('{"a":[]}').a), json.is_raw({}), json.is_raw(json.null)]],
        "true\ttrue\tfalse\tfalse" },
    }
  end)

  it("leaves out members that are null and keeps nulls in arrays", function()
    shows {
      { [[json.raw('{"a":null}').a]], "nil" },
      { [[json.raw('[null]')[1] == json.null, #json.raw('[null]')]], "true\t1" },
    }
  end)

  it("has the last of members with one name", function()
    shows {
      { [[json.raw('{"a":"1","a":"2"}').a, json.raw('{"a":1,"a":2}').a]], "2\t2" },
      { [[json.raw('{"a":1,"a":null}').a, json.raw('{"a":null,"a":1}').a]], "nil\t1" },
    }
  end)

  it("has exact integers, and text where 64 bits are not enough", function()
    shows {
      { [[json.raw('{"n":1618065507111835497}').n]], "1618065507111835497" },
      { [[math.type(json.raw('[7]')[1]), math.type(json.raw('[7.0]')[1]), math.type(json.raw('[7e0]')[1])]],
        "integer\tfloat\tfloat" },
      { [[json.raw('[9223372036854775807]')[1] == math.maxinteger]], "true" },
      { [[json.raw('[-9223372036854775808]')[1] == math.mininteger]], "true" },
      { [[type(json.raw('[9223372036854775808]')[1]), json.raw('[9223372036854775808]')[1] ]],
        "string\t9223372036854775808" },
      { [[json.raw('[-9223372036854775809]')[1] ]], "-9223372036854775809" },
      { [[json.raw('[1e999]')[1], json.raw('[-0]')[1], json.raw('[-0.0]')[1] ]], "1e999\t0\t-0.0" },
    }
  end)

  it("gives pairs in the document's order, each name once", function()
    assert.equal("z=1 a=x m=raw array b=true\n1=5 2=userdata 3=7\n1=5\n", run [[
      local list = {}
      for k, v in pairs(json.raw('{"z":1,"q":null,"a":"w","m":[1],"b":true,"a":"x"}')) do
        list[#list + 1] = k .. "=" .. tostring(v)
      end
      print(table.concat(list, " "))
      list = {}
      for i, v in pairs(json.raw('[5,null,7]')) do
        list[#list + 1] = i .. "=" .. (type(v) == "number" and v or type(v))
      end
      print(table.concat(list, " "))
      for i, v in ipairs(json.raw('[5]')) do print(i .. "=" .. v) end
      for _ in pairs(json.raw('{}')) do print("?") end
      for _ in pairs(json.raw('[]')) do print("?") end]])
  end)

  it("gives a name once however often and with whatever values it comes", function()
    assert.equal("z=é a=3 y=true\n", run [[
      local list = {}
      local text = '{"z":"\\u00e9","b":1,"a":1,"b":null,"a":null,"y":true,"a":2,"\\u0061":3}'
      for k, v in pairs(json.raw(text)) do list[#list + 1] = k .. "=" .. tostring(v) end
      print(table.concat(list, " "))]])
  end)

  it("has members with names alone, not with numbers", function()
    shows {
      { [[json.raw('{"a":"x"}')[1], json.raw('{"1":"x"}')[1], json.raw('{"1":"x"}')["1"], #json.raw('{"a":1}')]],
        "nil\tnil\tx\t0" },
    }
  end)

  it("cannot be written to or taken apart", function()
    shows {
      { [[select(2, pcall(function() json.raw('{}').a = 1 end)):match("raw objects cannot be written to")]],
        "raw objects cannot be written to" },
      { [[getmetatable(json.raw('{}')), pcall(setmetatable, json.raw('{}'), {})]],
        "false\tfalse\tbad argument #1 to 'setmetatable' (table expected, got raw object)" },
      { [[(pcall(next, json.raw('{}')))]], "false" },
    }
  end)

  it("is kept alive by its parts", function()
    assert.equal("deep\t7\n", run [[
      local function part(n) return json.raw('{"a":{"b":{"c":["deep",' .. n .. ']}}}').a.b end
      local parts = {}
      for n = 1, 200 do parts[n] = part(n) collectgarbage("step") end
      collectgarbage() collectgarbage()
      for n = 1, 200 do assert(parts[n].c[2] == n) end
      print(parts[7].c[1], parts[7].c[2])]])
  end)

  it("keeps bad strings as they are, so that only their record suffers", function()
    shows {
      { [[json.raw('{"a":"\xff"}').a == "\xff", json.raw('{"a":"\\ud83d"}').a == "\xed\xa0\xbd"]], "true\ttrue" },
      { [[json.raw('{"a":"x\\u0000y"}').a == "x\0y", json.raw('{"a":"\\u0000","b":1}').a == "\0"]], "true\ttrue" },
    }
  end)

  it("is refused where the text is no JSON", function()
    shows {
      { [[json.raw('{"a":01}')]], "nil\tbyte 7: a comma or } was expected\tinvalid" },
      { [[json.raw('')]], "nil\tbyte 1: it ends too early\tinvalid" },
      { [[json.raw(("["):rep(100000))]], "nil\tnested deeper than 64 levels\tlimit" },
      { [[json.raw(' "x" '), json.raw('12'), json.raw('null') == json.null]], "x\t12\ttrue" },
    }
  end)
end)

describe("decode", function()
  it("gives plain tables", function()
    shows {
      { [[type(json.decode('{"a":[1]}').a), json.decode('{"a":[1,null]}').a[2] == json.null]], "table\ttrue" },
      { [[next(json.decode('{"a":null,"b":1,"b":null}'))]], "nil" },
      { [[json.decode('"x"'), json.decode('true'), json.decode('null') == json.null]], "x\ttrue\ttrue" },
      { [[json.decode('12'), json.decode(' -1.5 '), json.decode('"\\u00e9"')]], "12\t-1.5\té" },
      { [[json.decode('{"\\u0061":{"b":[{"c":[]},2],"d":"\\n"}}').a.b[2] ]], "2" },
      { [=[#json.decode('[[],{},"",null,[{"a":1}]]')]=], "5" },
      { [[json.decode('{"a":1} x')]], "nil\tbyte 9: the end was expected\tinvalid" },
      { [[json.decode('{"a":[1,')]], "nil\tbyte 9: it ends too early\tinvalid" },
      { [[json.decode('1.')]], "nil\tbyte 3: it ends too early\tinvalid" },
      { [[json.decode(' ')]], "nil\tbyte 2: it ends too early\tinvalid" },
      { [[json.decode(('{"a":'):rep(100000))]], "nil\tnested deeper than 64 levels\tlimit" },
      { [[select(2, pcall(json.decode, {})):match("string expected, got table")]], "string expected, got table" },
    }
  end)
end)

describe("encode", function()
  it("sorts names by their bytes and writes no blanks", function()
    shows {
      { [[json.encode { b = 1, a = { d = true, c = "x" }, B = 2, ["é"] = 3, ["aa"] = 4, [""] = 5 }]],
        [[{"":5,"B":2,"a":{"c":"x","d":true},"aa":4,"b":1,"é":3}]] },
      { [[json.encode { ["a\0b"] = 1, a = 2, ["a\0"] = 3 }]], [[{"a":2,"a\u0000":3,"a\u0000b":1}]] },
    }
  end)

  it("tells arrays from objects", function()
    shows {
      { [[json.encode { 1, { 2 }, {} }]], "[1,[2],{}]" },
      { [[json.encode { a = json.array {}, b = json.array(), c = json.array { 1 } }]], [=[{"a":[],"b":[],"c":[1]}]=] },
      { [=[json.encode(json.decode('{"a":[],"b":{},"c":[[]]}'))]=], [=[{"a":[],"b":{},"c":[[]]}]=] },
      { [=[json.encode(json.raw('{"c":[[]],"a":[],"b":{}}'))]=], [=[{"a":[],"b":{},"c":[[]]}]=] },
      { [[getmetatable(json.array {})]], "false" },
    }
  end)

  it("writes numbers so that they come back", function()
    shows {
      { [[json.encode { 1, -1, math.maxinteger, math.mininteger, 1.0, 0.1, 1e100, -0.0, 1/3 }]],
        "[1,-1,9223372036854775807,-9223372036854775808,1.0,0.1,1e+100,-0.0,0.3333333333333333]" },
    }
  end)

  it("takes nulls, raw objects and parts of them", function()
    shows {
      { [[json.encode { a = json.null, b = { json.null } }]], [=[{"a":null,"b":[null]}]=] },
      { [[json.encode { p = json.raw('{"x":{"b":[1, 2.50,null],"a":"\\u00e9"},"n":null}') }]],
        [[{"p":{"x":{"a":"é","b":[1,2.5,null]}}}]] },
      { [[json.encode { p = json.raw('{"x":{"b":[1,18446744073709551616]}}').x.b }]],
        [=[{"p":[1,"18446744073709551616"]}]=] },
      { [[json.encode { json.raw('{"a":1,"a":"2"}'), json.raw('[]') }]], [=[[{"a":"2"},[]]]=] },
    }
  end)

  it("indents for people", function()
    assert.equal('{\n  "a": [\n    1,\n    {}\n  ],\n  "b": []\n}\n',
      run 'print(json.encode({ b = json.array {}, a = { 1, {} } }, { indent = 2 }))')
  end)

  it("refuses what JSON cannot hold, naming its place and not its value", function()
    local function no(value, why)
      return { ("json.encode(%s)"):format(value), "nil\t" .. why .. "\tinvalid" }
    end
    shows {
      no('{ user = { emails = { "ok", "s\\xff" } } }', "user.emails[2]: it is not valid UTF-8"),
      no('{ ["s\\xff"] = 1 }', "s?: its name is not valid UTF-8"),
      no("json.raw('{\"a\":{\"b\":\"\\\\ud800\"}}')", "a.b: it is not valid UTF-8"),
      no("{ a = 0/0 }", "a: a number that JSON cannot hold (NaN or infinite)"),
      no("{ a = -math.huge }", "a: a number that JSON cannot hold (NaN or infinite)"),
      no("{ 1, nil, 3 }", "the value: an array must have the keys 1 to n and no others"),
      no("{ 1, a = 2 }", "the value: an array must have the keys 1 to n and no others"),
      no("json.array { a = 2 }", "the value: an array must have the keys 1 to n and no others"),
      no("{ a = { [2] = 1 } }", "a: an object's names must be strings (and an array begins at 1)"),
      no("{ [true] = 1 }", "the value: an object's names must be strings (and an array begins at 1)"),
      no("{ a = print }", "a: JSON has no form for a function"),
      no("{ a = io.stdout }", "a: JSON has no form for this kind of object"),
      no("nil", "the value: JSON has no form for a nil"),
    }
  end)

  it("refuses what is too deep, or goes in circles", function()
    assert.equal("true\n[1]: nested\n", run [[
      local function nest(levels)
        local t = {}
        for _ = 2, levels do t = { t } end
        return t
      end
      print(json.encode(nest(64)) == ("["):rep(63) .. "{}" .. ("]"):rep(63))
      local round = {}
      round[1] = round
      for _, deep in ipairs { nest(65), round } do
        local text, message, code = json.encode(deep)
        assert(text == nil and code == "invalid" and message == ("[1]"):rep(64) .. ": it is nested too deep", message)
      end
      assert(json.encode { json.raw(("["):rep(64) .. ("]"):rep(64)) } == nil)
      print("[1]: nested")]])
  end)

  it("bounds what it makes", function()
    shows {
      { [[json.encode("12345678", { max = 10 })]], [["12345678"]] },
      { [[json.encode("123456789", { max = 10 })]], "nil\tthe JSON text is larger than 10 bytes\tlimit" },
      { [[json.encode({ "123456", 1 }, { max = 10 })]], "nil\tthe JSON text is larger than 10 bytes\tlimit" },
    }
  end)

  it("does not look at metamethods", function()
    shows {
      { [[json.encode(setmetatable({ a = 1 }, { __index = function() error("called") end,
        __pairs = function() error("called") end, __len = function() error("called") end }))]], [[{"a":1}]] },
    }
  end)

  it("raises where it is called wrongly", function()
    shows {
      { "(pcall(json.encode))", "false" },
      { "(pcall(json.encode, 1, 2))", "false" },
      { "(pcall(json.encode, 1, { indent = 'x' }))", "false" },
      { "(pcall(json.encode, 1, { indent = -1 }))", "false" },
      { "(pcall(json.encode, 1, { max = 0 }))", "false" },
      { "(pcall(json.array, 1))", "false" },
      { "(pcall(json.is_raw))", "false" },
    }
  end)

  it("holds many members", function()
    assert.equal("20000\ttrue\n", run [=[
      local t, names = {}, {}
      for i = 1, 20000 do names[i] = ("%05d"):format(i) t[names[i]] = i end
      local text = json.encode(t)
      local at, sorted = 0, true
      for name in text:gmatch('"(%d+)":') do at = at + 1 sorted = sorted and name == names[at] end
      print(at, sorted)]=])
  end)
end)

-- Random documents ----------------------------------------------------------------------------------

local seed = math.tointeger(os.getenv("REEVE_SEED") or 20261124)

-- What an engine's script does with each document of a file: both ways of reading must agree, also
-- on the order of members where a list of them is told, and what is printed is both encodings.
local BOTH = [[
local json = require "host.json"
local function same(raw, plain)
  if not json.is_raw(raw) then
    return raw == plain and math.type(raw) == math.type(plain)
  end
  local n = 0
  for k, v in pairs(raw) do
    n = n + 1
    if not same(v, plain[k]) or not same(raw[k], plain[k]) then return false end
  end
  for _ in pairs(plain) do n = n - 1 end
  return n == 0 and #raw == #plain
end
for line in io.lines((...)) do
  local raw, plain = assert(json.raw(line)), assert(json.decode(line))
  local text = assert(json.encode(plain))
  assert(same(raw, plain), line)
  assert(json.encode(raw) == text, line)
  assert(json.encode(json.decode(text)) == text, line)
  print(text)
end]]

-- A value is { text = a spelling of it, means = its canonical form }; `means` is false for null.
local make

local function pick(list) return list[math.random(#list)] end

local function blank() return pick { "", "", "", " ", "\t", "  " } end

local CHARS = { "a", "b", "Z", "7", " ", "/", "é", "ß", "€", "😀", "\127", "\\", '"', "\n", "\1", "\t", "{", "]", "," }
local SHORT = { ["\\"] = "\\\\", ['"'] = '\\"', ["\n"] = "\\n", ["\t"] = "\\t", ["\1"] = "\\u0001" }

local function escape(char)
  local code = utf8.codepoint(char)
  if code < 0x10000 then return ("\\u%04x"):format(code) end
  return ("\\u%04X\\u%04x"):format(0xd800 + ((code - 0x10000) >> 10), 0xdc00 + ((code - 0x10000) & 0x3ff))
end

local function make_string(most)
  local text, means = {}, {}
  for i = 1, math.random(0, most or 20) do
    local char = pick(CHARS)
    means[i] = SHORT[char] or char
    text[i] = math.random(6) == 1 and escape(char) or char == "/" and pick { "/", "\\/" } or means[i]
  end
  return { text = '"' .. table.concat(text) .. '"', means = '"' .. table.concat(means) .. '"' }
end

local function make_integer()
  local edge = 1 << math.random(0, 63)
  local n = pick { math.random(0, 99), math.random(0), edge, edge - 1, edge + 1, -edge, math.mininteger }
  return { text = ("%d"):format(n), means = ("%d"):format(n) }
end

-- Eighths have a finite decimal form, which is also the shortest one.
local function make_float()
  local n = math.random(-80000, 80000) // 1 / 8
  local means = ("%.3f"):format(n):gsub("0+$", ""):gsub("%.$", ".0")
  return { text = pick { means, means .. "00", means .. "e0", means .. "E+00" }, means = means }
end

local function make_long()
  local digits = ("%d%019d"):format(math.random(1, 9), math.random(0, 10 ^ 18 // 1))
  local text = pick { "", "-" } .. digits
  return { text = text, means = '"' .. text .. '"' }
end

local function make_array(depth)
  local text, means = {}, {}
  for i = 1, math.random(0, 4) do
    local v = make(depth - 1)
    text[i], means[i] = blank() .. v.text .. blank(), v.means or "null"
  end
  return { text = "[" .. blank() .. table.concat(text, ",") .. "]", means = "[" .. table.concat(means, ",") .. "]" }
end

-- Members may have one name, in two spellings; the last counts, and a null takes it away.
local function make_object(depth)
  local text, last, names = {}, {}, {}
  for i = 1, math.random(0, 6) do
    local name, v = make_string(3), make(depth - 1)
    text[i] = blank() .. name.text .. blank() .. ":" .. blank() .. v.text .. blank()
    if last[name.means] == nil then names[#names + 1] = name.means end
    last[name.means] = v.means
  end
  -- By the bytes of the names, not of their spellings.
  local bytes = {}
  for _, name in ipairs(names) do bytes[name] = reeve.json(name) end
  table.sort(names, function(a, b) return bytes[a] < bytes[b] end)
  local means = {}
  for _, name in ipairs(names) do
    if last[name] then means[#means + 1] = name .. ":" .. last[name] end
  end
  return { text = "{" .. table.concat(text, ",") .. blank() .. "}", means = "{" .. table.concat(means, ",") .. "}" }
end

local SIMPLE = { make_string, make_string, make_integer, make_float,
  function() return { text = "null", means = false } end,
  function() return { text = "true", means = "true" } end,
  function() return { text = "false", means = "false" } end }

local plain_only

function make(depth)
  local kind = math.random(10)
  if depth > 0 and kind <= 2 then return make_array(depth) end
  if depth > 0 and kind <= 4 then return make_object(depth) end
  if not plain_only and kind == 5 then return make_long() end
  return pick(SIMPLE)()
end

local function documents(n)
  local list = {}
  math.randomseed(seed)
  for i = 1, n do list[i] = pick { make_array, make_object, make_object } (math.random(0, 5)) end
  return list
end

local function write_lines(list, field)
  local lines = {}
  for i, v in ipairs(list) do lines[i] = v[field] end
  return reeve.write(reeve.path("documents"), table.concat(lines, "\n") .. "\n"), lines
end

describe("random documents (REEVE_SEED=" .. seed .. ")", function()
  it("mean the same to a second reader and writer", function()
    plain_only = false
    local list = documents(4000)
    local path = write_lines(list, "text")
    local got = reeve.engine(BOTH, { path })
    local i = 0
    for line in got:gmatch("[^\n]+") do
      i = i + 1
      if line ~= list[i].means then
        error(("%s\nbecame %s\nnot    %s"):format(list[i].text, line, list[i].means))
      end
    end
    assert.equal(#list, i)
  end)

  it("mean the same to jq", function()
    plain_only = true
    local path = write_lines(documents(1500), "text")
    local ours = reeve.write(reeve.path("ours"), (reeve.engine(BOTH, { path })))
    local function jq(file, program)
      return reeve.ok { program = "/usr/bin/env", "jq", "-cS", program, file }
    end
    local drop = 'walk(if type == "object" then with_entries(select(.value != null)) else . end)'
    assert.equal(jq(path, drop), jq(ours, "."))
  end)

  it("come from every edge of 64 bits unharmed", function()
    local list = {}
    local function fits(text) list[#list + 1] = { text = ("[%s]"):format(text), means = ("[%s]"):format(text) } end
    for bit = 0, 63 do
      for near = -2, 2 do
        fits(("%d"):format((1 << bit) + near))
        fits(("%d"):format(-(1 << bit) + near))
      end
    end
    for _, text in ipairs { "9223372036854775808", "9223372036854775809", "9223372036854775817", "-9223372036854775809",
      "18446744073709551615", "18446744073709551616", "18446744073709551617", "-18446744073709551616",
      "27670116110564327424", "100000000000000000000", "184467440737095516160", "1" .. ("0"):rep(400) } do
      list[#list + 1] = { text = ("[%s]"):format(text), means = ('["%s"]'):format(text) }
    end
    local path = write_lines(list, "text")
    local _, expected = write_lines(list, "means")
    assert.equal(table.concat(expected, "\n") .. "\n", reeve.engine(BOTH, { path }))
  end)
end)

-- host.wire: protobuf by tables. The vectors are Go's bytes; what is hostile or wrong is refused with words
-- that name message and field and never a value.
local reeve = require "reeve"

local HEAD = [[
local wire, json = require "host.wire", require "host.json"
local messages = require "c1.messages"

local function hex(bytes)
  return (bytes:gsub(".", function(c) return ("%02x"):format(c:byte()) end))
end

local function bytes(text)
  return (text:gsub("%s", ""):gsub("%x%x", function(byte) return string.char(tonumber(byte, 16)) end))
end

local function same(a, b)
  if type(a) ~= "table" or type(b) ~= "table" then return a == b end
  for k, v in pairs(a) do
    if not same(v, b[k]) then return false end
  end
  for k in pairs(b) do
    if a[k] == nil then return false end
  end
  return true
end

local T = {
  Scalars = {
    text = { 1, "string" }, raw = { 2, "bytes" }, yes = { 3, "bool" }, kind = { 4, "enum" },
    i32 = { 5, "int32" }, i64 = { 6, "int64" }, u32 = { 7, "uint32" }, u64 = { 8, "uint64" },
    s32 = { 9, "sint32" }, s64 = { 10, "sint64" }, f32 = { 11, "fixed32" }, f64 = { 12, "fixed64" },
    sf32 = { 13, "sfixed32" }, sf64 = { 14, "sfixed64" }, small = { 15, "float" }, real = { 16, "double" },
    maybe = { 17, "int32", "optional" }, list = { 18, "sint32", "repeated" },
    names = { 19, "string", "repeated" }, map = { 20, "int32", "map" }, reals = { 21, "double", "repeated" },
  },
  Tree = { down = { 1, "Tree" }, leaf = { 2, "Scalars" } },
  Choice = { a = { 1, "int32", oneof = "of" }, b = { 2, "Tree", oneof = "of" }, c = { 3, "string", oneof = "other" } },
  Any = { any = { 1, "google.protobuf.Any" } },
  Free = { value = { 1, "google.protobuf.Value" }, values = { 2, "google.protobuf.ListValue" } },
}

local function encode(name, value)
  local made, message, code = wire.encode(T, name, value)
  return made and hex(made) or message .. " (" .. code .. ")"
end

local function decode(name, text)
  local value, message, code = wire.decode(T, name, bytes(text))
  if value == nil then return message .. " (" .. code .. ")" end
  return assert(json.encode(value))
end
]]

local function run(text, ...)
  return reeve.engine(HEAD .. text, { ... })
end

-- One expression a line, and what it is.
local function shows(cases)
  local script, expected = {}, {}
  for _, case in ipairs(cases) do
    script[#script + 1] = ("print(%s)"):format(case[1])
    expected[#expected + 1] = case[2] .. "\n"
  end
  assert.equal(table.concat(expected), run(table.concat(script, "\n")))
end

describe("the vectors", function()
  it("are made, and read back", function()
    assert.equal("70 vectors\n", run([[
      local values = assert(loadfile(arg[1] .. "/values.lua"))(json)
      local n, TASK = 0, "c1.connectorapi.baton.v1.Task"
      for line in io.lines(arg[1] .. "/vectors.txt") do
        local name, expected = line:match("^(%S+) (%S*)$")
        n = n + 1
        if name:find("GetTaskResponse$") then -- its task is read by itself
          local job = values[n].task
          values[n].task = assert(wire.encode(messages, TASK, job))
          if not same(wire.decode(messages, TASK, values[n].task), job) then print(n, TASK) end
        end
        local made, message = wire.encode(messages, name, values[n])
        if (made and hex(made) or message) ~= expected then
          print(n, name, made and hex(made) or message, expected)
        end
        local read, why = wire.decode(messages, name, bytes(expected))
        if not same(read, values[n]) then print(n, name, why or json.encode(read)) end
      end
      assert(#values == n)
      print(n .. " vectors")]], "spec/fixtures/wire"))
  end)
end)

describe("encode", function()
  it("writes numbers as their kinds are", function()
    shows {
      { [[encode("Scalars", { i32 = -1, i64 = -2 })]], "28ffffffffffffffffff01" .. "30feffffffffffffffff01" },
      { [[encode("Scalars", { u32 = 4294967295, u64 = -1 })]], "38ffffffff0f" .. "40ffffffffffffffffff01" },
      { [[encode("Scalars", { s32 = -1, s64 = math.mininteger })]], "4801" .. "50ffffffffffffffffff01" },
      { [[encode("Scalars", { s32 = 2147483647 })]], "48feffffff0f" },
      { [[encode("Scalars", { f32 = 1, f64 = 2, sf32 = -1, sf64 = -2 })]],
        "5d01000000" .. "610200000000000000" .. "6dffffffff" .. "71feffffffffffffff" },
      { [[encode("Scalars", { small = 1.5, real = -0.0 })]], "7d0000c03f" .. "81010000000000000080" },
      { [[encode("Scalars", { i32 = 3.0 })]], "2803" },
    }
  end)

  it("leaves out defaults, but not of what is optional, in a oneof or an element", function()
    shows {
      { [[encode("Scalars", { text = "", raw = "", yes = false, kind = 0, u64 = 0, real = 0, names = {}, map = {},
          list = {} })]], "" },
      { [[encode("Scalars", { maybe = 0 })]], "880100" },
      { [[encode("Choice", { a = 0, c = "" })]], "08001a00" },
      { [[encode("Scalars", { names = { "", "a" }, list = { 0, -1 } })]], "9201020001" .. "9a0100" .. "9a010161" },
      { [[encode("Scalars", { map = { a = 0 } })]], "a201050a01611000" },
      { [[encode("Tree", { down = {} })]], "0a00" },
    }
  end)

  it("gives the same bytes for the same value", function()
    assert.equal("true\n", run [[
      local seen = {}
      for _ = 1, 50 do
        local map, keys = {}, {}
        for i = 1, 200 do keys[i] = "k" .. i end
        while #keys > 0 do map[table.remove(keys, math.random(#keys))] = 7 end
        seen[wire.encode(T, "Scalars", { map = map, text = "x", yes = true })] = true
      end
      local first = next(seen)
      print(first ~= nil and next(seen, first) == nil)]])
  end)

  it("takes a time as text", function()
    shows {
      { [[hex(wire.encode(messages, "c1.connector.v2.UserTrait", { created_at = "2023-11-14T22:13:21.5Z" }))]],
        "420c" .. "0881e2cfaa061080cab5ee01" },
      { [[hex(wire.encode(messages, "c1.connector.v2.UserTrait", { created_at = "1970-01-01T00:00:00Z" }))]], "4200" },
      { [[select(2, wire.encode(messages, "c1.connector.v2.UserTrait", { created_at = "yesterday" }))]],
        "c1.connector.v2.UserTrait.created_at: no time\tinvalid" },
    }
  end)

  it("writes integers that are no double as texts where all numbers are doubles", function()
    shows {
      { [[encode("Free", { value = 9007199254740992 })]], "0a0911" .. "0000000000004043" },
      { [[encode("Free", { value = 9007199254740993 })]], "0a121a10" .. "39303037313939323534373430393933" },
      { [[encode("Free", { value = math.mininteger })]], "0a161a14" .. "2d39323233333732303336383534373735383038" },
    }
  end)

  it("is done as often as one likes by an encoder", function()
    shows {
      { [[(function()
          local encode = wire.encoder(T, "Scalars")
          local long = encode { text = ("x"):rep(5000) }
          return #long .. hex(encode { text = "x" }) .. select(2, encode { tekst = 1 }) .. hex(encode {}) .. "."
        end)()]], "5003" .. "0a0178" .. "Scalars: it has no field 'tekst'" .. "." },
      { [[tostring(pcall(wire.encoder, T, "Nothing"))]], "false" },
    }
  end)

  it("refuses what the tables do not have, naming it", function()
    shows {
      { [[encode("Scalars", { tekst = "x" })]], "Scalars: it has no field 'tekst' (invalid)" },
      { [[encode("Tree", { leaf = { tekst = "x" } })]], "Scalars: it has no field 'tekst' (invalid)" },
      { [[encode("Scalars", { "x" })]], "Scalars: it has no field '?' (invalid)" },
      { [[encode("Scalars", { text = 1 })]], "Scalars.text: a string expected (invalid)" },
      { [[encode("Scalars", { text = "secret\xff" })]], "Scalars.text: it is not valid UTF-8 (invalid)" },
      { [[encode("Scalars", { raw = "\xff" })]], "1201ff" },
      { [[encode("Scalars", { map = { ["\xff"] = 1 } })]], "Scalars.map: a name is not valid UTF-8 (invalid)" },
      { [[encode("Scalars", { map = { 1 } })]], "Scalars.map: names must be strings (invalid)" },
      { [[encode("Scalars", { i32 = 2147483648 })]], "Scalars.i32: a number of 32 bits expected (invalid)" },
      { [[encode("Scalars", { u32 = -1 })]], "Scalars.u32: a number of 32 bits expected (invalid)" },
      { [[encode("Scalars", { i64 = 1.5 })]], "Scalars.i64: a whole number expected (invalid)" },
      { [[encode("Scalars", { i64 = "1" })]], "Scalars.i64: a number expected (invalid)" },
      { [[encode("Scalars", { small = 1e300 })]], "Scalars.small: too great for a float (invalid)" },
      { [[encode("Scalars", { yes = 1 })]], "Scalars.yes: true or false expected (invalid)" },
      { [[encode("Scalars", { names = { a = 1 } })]], "Scalars.names: a list expected (invalid)" },
      { [[encode("Scalars", { names = { "a", nil, "c" } })]], "Scalars.names: a list expected (invalid)" },
      { [[encode("Tree", { down = 1 })]], "Tree.down: a table expected (invalid)" },
      { [[encode("Choice", { a = 1, b = {} })]], "Choice.b: another of its oneof is there as well (invalid)" },
      { [[encode("Any", { any = { type = "Nothing", value = {} } })]],
        "Any.any: a type that is not known (invalid)" },
      { [[encode("Any", { any = {} })]], "Any.any: a table { type = …, value = … } expected (invalid)" },
      { [[encode("Free", { value = print })]], "Free.value: a Struct has no form for it (invalid)" },
    }
  end)

  it("bounds depth and size", function()
    assert.equal("Tree: nested deeper than 64\tlimit\nScalars: larger than 4194304 bytes\tlimit\ntrue\n", run [[
      local circle, deep = {}, {}
      circle.down = circle
      print(select(2, wire.encode(T, "Tree", circle)))
      print(select(2, wire.encode(T, "Scalars", { raw = ("x"):rep(4 << 20) })))
      for _ = 1, 63 do deep = { down = deep } end
      print(same(wire.decode(T, "Tree", wire.encode(T, "Tree", deep)), deep))]])
  end)
end)

describe("decode", function()
  it("reads what any writer may write", function()
    shows {
      { [[decode("Scalars", "18ff01 2805 2806")]], '{"i32":6,"yes":true}' },
      { [[decode("Scalars", "9a010161 9a010162 900101 92010102")]], '{"list":[-1,1],"names":["a","b"]}' },
      { [[decode("Scalars", "28ffffffff0f 28808080808001")]], '{"i32":0}' },
      { [[decode("Tree", "0a021200 0a0412022803 0a020a00")]], '{"down":{"down":{},"leaf":{"i32":3}}}' },
      { [[decode("Choice", "0801 1a0178 1200")]], '{"b":{},"c":"x"}' },
      { [[decode("Scalars", "a20100 a20102 1005 a201030a0161")]], '{"map":{"":5,"a":0}}' },
      { [[decode("Scalars", "2d01000000 0801 fa0f0178 f20f03616263 ed0f01000000 e90f0100000000000000")]], "{}" },
      { [[decode("Free", "0a00")]], '{"value":null}' },
      { [[decode("Free", "1208 0a021a00 0a022001 0a023200")]], '{"value":[],"values":["",true]}' },
      { [[decode("Free", "0a04 2001 1a00")]], '{"value":""}' },
      { [[decode("Scalars", "40ffffffffffffffffff01")]], '{"u64":-1}' },
    }
  end)

  it("keeps what it cannot unpack of an Any, and packs it again", function()
    shows {
      { [[decode("Any", "0a0a 0a05 2f612e6263 1201 79")]], '{"any":{"bytes":"y","type":"a.bc"}}' },
      { [[decode("Any", "0a09 0a07 782f547265 6573")]], '{"any":{"bytes":"","type":"Trees"}}' },
      { [[decode("Any", "0a0c 0a06 782f54726565 1202 0a00")]], '{"any":{"type":"Tree","value":{"down":{}}}}' },
      { [[encode("Any", { any = { type = "b.c", bytes = "\xff" } })]],
        "0a1c0a17747970652e676f6f676c65617069732e636f6d2f622e631201ff" },
    }
  end)

  it("refuses what is none", function()
    shows {
      { [[decode("Scalars", "0a")]], "a number is cut off (invalid)" },
      { [[decode("Scalars", "0a05 6161")]], "a field claims 5 bytes where 2 are left (invalid)" },
      { [[decode("Scalars", "0affffffffffffffffff01")]],
        "a field claims 18446744073709551615 bytes where 0 are left (invalid)" },
      { [[decode("Scalars", "28ffffffffffffffffff02")]], "a number has more than 64 bits (invalid)" },
      { [[decode("Scalars", "2880808080808080808080808000")]], "a number has more than 64 bits (invalid)" },
      { [[decode("Scalars", "61 00000000000000")]], "a number of 8 bytes is cut off (invalid)" },
      { [[decode("Scalars", "0001")]], "a field has a number that none can have (invalid)" },
      { [[decode("Scalars", "8080808010 01")]], "a field has a number that none can have (invalid)" },
      { [[decode("Scalars", "0b 0c")]], "field 1 has the wire type 3, which is not read (invalid)" },
      { [[decode("Scalars", "0e")]], "field 1 has the wire type 6, which is not read (invalid)" },
      { [[decode("Scalars", "0a01ff")]], "Scalars.text: it is not valid UTF-8 (invalid)" },
      { [[decode("Scalars", "a201030a01ff")]], "a map.key: it is not valid UTF-8 (invalid)" },
      { [[decode("Scalars", "9201028080")]], "a number is cut off (invalid)" },
      { [[decode("Tree", "0a020a01")]], "a field claims 1 bytes where 0 are left (invalid)" },
    }
  end)

  it("bounds depth, size and the number of values", function()
    assert.equal("messages nested deeper than 64\tlimit\na message of more than 4194304 bytes\tlimit\n" ..
      "a message with more than 262144 values\tlimit\nmessages nested deeper than 64\tlimit\n", run [[
      local function field(tag, body)
        local n = #body
        return tag .. (n < 128 and string.char(n) or string.char(n & 127 | 128, n >> 7)) .. body
      end
      local deep, list = "", ""
      for _ = 1, 64 do deep = field("\x0a", deep) end
      for _ = 1, 64 do list = field("\x0a", field("\x32", list)) end
      print(select(2, wire.decode(T, "Tree", deep)))
      print(select(2, wire.decode(T, "Tree", ("\x18\x01"):rep(3 << 20))))
      print(select(2, wire.decode(T, "Scalars", ("\x9a\x01\x00"):rep(300000))))
      print(select(2, wire.decode(T, "google.protobuf.ListValue", list)))]])
  end)

  it("gives back what was encoded", function()
    assert.equal("", run [[
      math.randomseed(7)
      local random = math.random
      local function text()
        local s = {}
        for i = 1, random(0, 4) do s[i] = utf8.char(random(2) == 1 and random(0, 127) or random(0xe000, 0x10ffff)) end
        return table.concat(s)
      end
      local function integer(bits)
        return random(0) >> random(65 - bits, 63) | 1
      end
      local function free(depth)
        local kind = random(depth > 4 and 4 or 6)
        if kind == 1 then return json.null end
        if kind == 2 then return random() * 10 ^ random(-300, 300) end
        if kind == 3 then return text() end
        if kind == 4 then return random(2) == 1 end
        local t = {}
        if kind == 5 then
          for i = 1, random(0, 4) do t[i] = free(depth + 1) end
          return json.array(t)
        end
        for _ = 1, random(0, 4) do t["k" .. text()] = free(depth + 1) end
        return t
      end
      local made = {
        string = function() return text() .. "x" end, bytes = function() return "\xff" .. text() end,
        bool = function() return true end, enum = function() return integer(31) end,
        int32 = function() return -integer(31) end, int64 = function() return -integer(63) end,
        uint32 = function() return integer(32) end, uint64 = function() return random(0) | 1 end,
        float = function() return random(1000) / 8 end, double = function() return random() + 1 end,
        ["google.protobuf.Struct"] = function() return { a = free(1), b = free(1) } end,
      }
      local value
      local function single(kind, depth)
        if kind == "google.protobuf.Any" then
          return { type = "c1.connector.v2.Grant", value = value("c1.connector.v2.Grant", depth + 1) }
        end
        return made[kind] and made[kind]() or value(kind, depth + 1)
      end
      local function one_of(field, depth)
        if field[3] == nil or field[3] == "optional" then return single(field[2], depth) end
        local t = {}
        for i = 1, random(3) do t[field[3] == "map" and text() or i] = single(field[2], depth) end
        return t
      end
      function value(name, depth)
        local t, groups = {}, {}
        for field, rules in pairs(messages[name]) do
          local taken = rules.oneof and groups[rules.oneof]
          if depth < 6 and random(3) == 1 and not taken then
            t[field] = one_of(rules, depth)
            if rules.oneof then groups[rules.oneof] = true end
          end
        end
        return t
      end
      for name in pairs(messages) do
        for _ = 1, 20 do
          local t = value(name, 1)
          local made_of, message = wire.encode(messages, name, t)
          local back = made_of and wire.decode(messages, name, made_of)
          if not same(t, back) then print(name, message, json.encode(t), back and json.encode(back)) end
          if back and wire.encode(messages, name, back) ~= made_of then print(name, "other bytes") end
        end
      end]])
  end)
end)

describe("the tables", function()
  it("raise where they are wrong, or asked for what they do not have", function()
    shows {
      { [[select(2, pcall(wire.encode, T, "Nothing", {}))]],
        "bad argument #2 to 'host.wire.encode' (a message of the tables expected)" },
      { [[select(2, pcall(wire.encode, T, "string", ""))]],
        "bad argument #2 to 'host.wire.encode' (a message of the tables expected)" },
      { [[select(2, pcall(wire.encode, { A = { a = { 1, "B" } } }, "A", {}))]], "A.a: there is no message B" },
      { [[select(2, pcall(wire.encode, { A = { a = { 1, "bool" }, b = { 1, "bool" } } }, "A", {})):sub(4)]],
        ": its number is taken" },
      { [[select(2, pcall(wire.encode, { A = { a = { 1, "bool", "twice" } } }, "A", {}))]],
        "A.a: { number, type [, rule] } expected" },
    }
  end)

  it("raise again where they raised before", function()
    assert.equal("A.a: there is no message B\nA.a: there is no message B\nB.c: its number is taken\n", run [[
      local tables = { C = { a = { 1, "A" } }, A = { c = { 2, "C" }, a = { 1, "B" } } }
      print(select(2, pcall(wire.encode, tables, "A", { a = {} })))
      print(select(2, pcall(wire.encode, tables, "C", { a = { a = {} } })))
      tables.B = { c = { 1, "C" }, d = { 1, "C" } }
      print((select(2, pcall(wire.encode, tables, "C", {})):gsub("^B%.d", "B.c")))]])
  end)

  it("are right for every message that they have", function()
    assert.equal("", run [[
      for name in pairs(messages) do
        if wire.encode(messages, name, {}) ~= "" then print(name) end
      end]])
  end)
end)

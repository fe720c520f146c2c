-- reeve.text, reeve.time and reeve.json: what plugins and scripts require.
local reeve = require "reeve"

-- Lua texts, each an expression over text, time and json: their values, as `show` prints them, a line each.
local function values(expressions)
  local lines = {}
  for i, expression in ipairs(expressions) do
    lines[i] = ("show(function() return (%s) end)"):format(expression)
  end
  local out = reeve.engine([[
    local text, time, json = require "reeve.text", require "reeve.time", require "reeve.json"
    local raw = require("host.json").raw '{"a":["x"]}'
    local function word(v) return math.type(v) == "float" and ("%.3f"):format(v) or tostring(v) end
    local function show(fn)
      local ok, got = pcall(fn)
      print(ok and word(got) or "raises " .. got:gsub("^.-:%d+: ", "at its line: "))
    end
  ]] .. table.concat(lines, "\n") .. " _ = raw, json, time, text")
  local got = {}
  for line in out:gmatch("([^\n]*)\n") do got[#got + 1] = line end
  return got
end

-- pairs of an expression and what it gives
local function all(cases)
  local expressions, wanted = {}, {}
  for i, case in ipairs(cases) do expressions[i], wanted[i] = case[1], case[2] end
  local got = values(expressions)
  for i, case in ipairs(cases) do assert.equal(wanted[i], got[i], case[1]) end
end

local function refuse(cases)
  for i, case in ipairs(cases) do cases[i] = { case[1], "raises at its line: " .. case[2] } end
  all(cases)
end

describe("reeve.text", function()
  it("takes addresses apart, absent ones too", function()
    all {
      { "text.domain 'Ana.Smith@Example.COM '", "example.com" }, { "text.domain(nil)", "nil" },
      { "text.domain 'nobody'", "nil" }, { "text.domain '@example.com'", "nil" },
      { "text.domain 'a@b@c.org'", "c.org" },
      { "text.local_part 'Ana+x@example.com'", "Ana+x" }, { "text.local_part(nil)", "nil" },
      { "text.local_part 'a@'", "nil" },
    }
  end)

  it("looks for texts and patterns", function()
    all {
      { "text.contains('a.b', '.')", "true" }, { "text.contains('ab', '.')", "false" },
      { "text.contains(nil, 'x')", "false" }, { "text.match_any('test-1', { '^svc', '^test%-' })", "^test%-" },
      { "text.match_any('ana', { '^svc', '^test%-' })", "nil" }, { "text.match_any(nil, { 'a' })", "nil" },
    }
  end)

  it("finds the first that says something", function()
    all {
      { "text.first(nil, ' ', 7, raw, ' Ana ', 'Bob')", "Ana" }, { "text.first()", "nil" },
      { "text.first(json.null, '')", "nil" },
    }
  end)

  it("says of nonsense which argument it is, and what was expected", function()
    refuse {
      { "text.split(nil)", "text.split(s, separator): s: a text expected, got nil" },
      { "text.split('a', '')", "text.split(s, separator): separator: a text that is not empty expected" },
      { "text.trim(7)", "text.trim(s): s: a text expected, got 7" },
      { "text.lower(raw)", "text.lower(s): s: a text or nil expected, got a raw object" },
      { "text.starts('a')", "text.starts(s, text): text: a text expected, got nil" },
      { "text.ends({}, 'a')", "text.ends(s, text): s: a text expected, got a table" },
      { "text.contains('a')", "text.contains(s, text): text: a text expected, got nil" },
      { "text.match_any('a', 'b')", "text.match_any(s, patterns): patterns: a list of patterns expected, got 'b'" },
      { "text.match_any('a', { 1 })", "text.match_any(s, patterns): patterns[1]: a text expected, got 1" },
      { "text.cut('a')", "text.cut(s, mark): mark: a text expected, got nil" },
      { "text.domain(true)", "text.domain(email): email: a text or nil expected, got true" },
      { "text.slug()", "text.slug(s): s: a text expected, got nil" },
      { "json.decode(nil)", "json.decode(text): text: a text expected, got nil" },
      { "json.array('x')", "json.array(list): list: a table expected, got 'x'" },
    }
  end)
end)

describe("reeve.time", function()
  it("reads times as they come", function()
    all {
      { "time.parse '2022-03-09T08:40:20Z'", "1646815220" },
      { "time.parse '2022-03-09T08:40:20.5+02:00'", "1646808020.500" },
      { "time.parse '2022-03-09'", "1646784000" }, { "time.parse 'Wed, 09 Mar 2022 08:40:20 GMT'", "1646815220" },
      { "time.parse '2022-02-30'", "nil" }, { "time.parse 'never'", "nil" },
    }
  end)

  it("reads other forms by a format, and at a zone", function()
    all {
      { "time.parse('09.03.2022 08:40', '%d.%m.%Y %H:%M')", "1646815200" },
      { "time.parse('09.03.2022 10:40', '%d.%m.%Y %H:%M', '+02:00')", "1646815200" },
      { "time.parse('3/9/2022 8:40:20 am', '%m/%d/%Y %H:%M:%S %p')", "1646815220" },
      { "time.parse('3/9/2022 12:00:00 AM', '%m/%d/%Y %H:%M:%S %p')", "1646784000" },
      { "time.parse('09-Mar-2022', '%d-%b-%Y')", "1646784000" },
      { "time.parse('2022-03-09 08:40:20 +0000', '%Y-%m-%d %H:%M:%S %z')", "1646815220" },
      { "time.parse('20220309', '%Y%m%d')", "1646784000" }, { "time.parse('31.02.2022', '%d.%m.%Y')", "nil" },
      { "time.parse('13/9/2022 13:00:00 PM', '%m/%d/%Y %H:%M:%S %p')", "nil" }, { "time.parse('x', '%Y')", "nil" },
      { "time.parse('(2022)', '(%Y)')", "nil" }, { "time.parse('(2022.1.1)', '(%Y.%m.%d)')", "1640995200" },
    }
  end)

  it("reads numbers of seconds and milliseconds", function()
    all {
      { "time.epoch(1646815220)", "1646815220" }, { "time.epoch(1646815220123)", "1646815220.123" },
      { "time.epoch '1646815220000'", "1646815220" }, { "time.epoch(0)", "nil" }, { "time.epoch(nil)", "nil" },
      { "time.epoch 'soon'", "nil" }, { "time.epoch(-86400)", "-86400" },
    }
  end)

  it("writes and reckons, and asks no clock", function()
    all {
      { "time.format(1646815220)", "2022-03-09T08:40:20Z" }, { "time.format '2022-03-09T10:40:20+02:00'",
        "2022-03-09T08:40:20Z" }, { "time.format 'never'", "nil" }, { "time.day '2022-03-09'", "2022-03-09" },
      { "time.day '2022-03-09T01:40:20+02:00'", "2022-03-08" }, { "time.day(86400)", "1970-01-02" },
      { "time.add('2022-02-28', 86400)", "2022-03-01T00:00:00Z" }, { "time.add('never', 1)", "nil" },
      { "time.add(0, -1)", "1969-12-31T23:59:59Z" }, { "time.between('2022-03-09T00:00:00Z', '2022-03-10')", "86400" },
      { "time.between(10, 5)", "-5" }, { "time.between('never', 5)", "nil" },
    }
  end)

  it("says of nonsense which argument it is, and what was expected", function()
    local call = "time.parse(text, format, zone): "
    refuse {
      { "time.parse(5)", call .. "text: a text expected, got 5" },
      { "time.parse('x', 5)", call .. "format: a text or nil expected, got 5" },
      { "time.parse('x', '%Y %q')", call .. "format: %Y %m %d %H %M %S %b %p %z are known, got %q" },
      { "time.parse('x', '%Y', 'CET')", call .. [[zone: "+02:00" or its like expected, got 'CET']] },
      { "time.format({})", "time.format(time): time: a time as text or in seconds expected, got a table" },
      { "time.day(0/0)", "time.day(time): time: a time as text or in seconds expected, got " .. tostring(0 / 0) },
      { "time.add('2022-03-09')", "time.add(time, seconds): seconds: a number expected, got nil" },
      { "time.between(1)", "time.between(from, to): to: a time as text or in seconds expected, got nil" },
      { "time.epoch(true)", "time.epoch(value): value: a time as text or in seconds expected, got true" },
    }
  end)
end)

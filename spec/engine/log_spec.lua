-- log: lines on stderr as text, JSON and for the journal; scrubbed, escaped, bounded; the sink.
local reeve = require "reeve"

local HEAD = [[
local log, secret = require "log", require "host.secret"
]]

-- Returns what was written to stderr, and stdout.
local function run(text, spec)
  local out, err = reeve.engine(HEAD .. text, spec)
  return err, out
end

describe("a line of text", function()
  it("has time, level, message and fields sorted by name", function()
    local err = run [[log.warn("list done", { seen = 1200, list = "user", part = 0.5, ok = true })]]
    assert.matches('^%d%d:%d%d:%d%d warn   list done  list=user  ok=true  part=0.5  seen=1200\n$', err)
  end)

  it("quotes what would not read as one word", function()
    local err = run [[log.info("m", { a = "two words", b = "", c = "x=y", d = 'say "hi"', e = "back\\slash" })]]
    assert.matches([[  a="two words"  b=""  c="x=y"  d="say \"hi\""  e="back\\slash"]] .. "\n", err, 1, true)
  end)

  it("lets nothing command the terminal or pretend to be a line", function()
    local err = run [[log.info("a\27[31m\nb\r\0c\xff\u{9b}\u{202e}", { k = "v\n12:00:00 info  fake" })]]
    assert.equal(1, select(2, err:gsub("\n", "")))
    assert.matches([[a\u001b[31m\nb\u000d\u0000c\xff\u009b\u202e  k="v\n12:00:00 info  fake"]], err, 1, true)
  end)

  it("has colour where it is wanted", function()
    assert.matches("\27%[31merror\27%[0m  boo\n", (run [[log.setup { color = true } log.error("boo")]]))
  end)

  it("is written from the level up that was set", function()
    local err = run [[log.debug("one") log.info("two") log.setup { level = "error" } log.warn("three") log.error("four")
      log.setup { level = "debug" } log.debug("five")]]
    local messages = {}
    for message in err:gmatch("  (%a+)\n") do messages[#messages + 1] = message end
    assert.same({ "two", "four", "five" }, messages)
  end)

  it("has a priority and no time where stderr is the journal", function()
    local path = reeve.path("journal")
    local stat = reeve.write(path, "") and reeve.shell("stat -c %d:%i " .. path):gsub("\n", "")
    reeve.engine(HEAD .. [[log.warn("boo")]], { env = { JOURNAL_STREAM = stat }, stderr = path })
    assert.equal("<4>warn  boo\n", reeve.read(path))
    reeve.engine(HEAD .. [[log.warn("boo")]], { env = { JOURNAL_STREAM = "1:1" }, stderr = path })
    assert.matches("^%d%d:", reeve.read(path))
  end)
end)

describe("a line of JSON", function()
  it("has ts, level, msg and the fields", function()
    local line = reeve.json((run [[log.setup { format = "json" }
      log.warn("list done", { seen = 1200, list = "user", ok = false })]]))
    assert.matches("^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d[%d.]*Z$", line.ts)
    line.ts = nil
    assert.same({ level = "warn", msg = "list done", seen = 1200, list = "user", ok = false }, line)
  end)

  it("is JSON whatever is in it", function()
    local line = reeve.json((run [[log.setup { format = "json" }
      log.warn("q\"\\\n\27\xff", { nan = 0/0, huge = 1/0, ts = "mine", ["a b\""] = 1, t = {} == 1 })]]))
    assert.equal('q"\\\n\27\u{FFFD}', line.msg)
    assert.equal("mine", line._ts)
    assert.equal(1, line.a_b_)
    assert.is_true(line.nan == nil or line.nan == reeve.null)
  end)

  it("stays within its bound and says what it left out", function()
    local err = run [[log.setup { format = "json" }
      local f = {} for i = 1, 60 do f["f" .. i] = ("é"):rep(4000) end
      log.warn(("m"):rep(100000), f)]]
    assert.is_true(#err <= 16 * 1024)
    local line = reeve.json(err)
    assert.is_true(line.cut)
    assert.matches("^m+…$", line.msg)
    assert.matches("^[é]+…$", line.f1)
  end)
end)

describe("a secret in a line", function()
  it("is *** in message, field, name and object", function()
    for _, format in ipairs { "text", "json" } do
      local err = run(([[local s = secret.new("correct horse") log.setup { format = "%s" }
        log.warn("the correct horse", { a = "correct%%20horse", correct_horse = 1, b = s,
          d = "Y29ycmVjdCBob3JzZQ==", ["correct horse"] = 2 })]]):format(format))
      assert.is_nil(err:find("correct horse", 1, true))
      assert.is_nil(err:find("correct%20horse", 1, true))
      assert.is_nil(err:find("Y29ycmVjdCBob3JzZQ", 1, true))
      assert.equal(4, select(2, err:gsub("%*%*%*", "")))
    end
  end)

  it("is found before the line is cut", function()
    local err = run [[local s = secret.new("correct horse battery staple")
      for n = 2030, 2048 do log.warn(("x"):rep(n) .. "correct horse battery staple") end]]
    assert.is_nil(err:find("cor", 1, true))
  end)
end)

describe("the sink", function()
  it("gets each line as JSON, of every level, and not what it logs itself", function()
    local err, out = run [[
      log.setup { level = "error" }
      log.sink(function(line) print(line) log.error("from the sink") end)
      log.debug("one", { a = 1 })
      log.sink(nil)
      log.debug("two")]]
    local line = reeve.json(out)
    assert.equal("one", line.msg)
    assert.equal(1, line.a)
    assert.equal(1, select(2, err:gsub("\n", "")))
  end)

  it("that fails once is asked again", function()
    local _, out = run [[
      local n = 0
      log.sink(function() n = n + 1 error("no room") end)
      print((pcall(log.info, "a")), (pcall(log.info, "b")), n)]]
    assert.equal("false\tfalse\t2\n", out)
  end)
end)

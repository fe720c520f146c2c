-- Forms of data: tables that fit, csv that a reader of csv reads back, suggestions, shells.
package.path = "engine/lua/?.lua;" .. package.path
local reeve = require "reeve"

-- The engine's modules run here without its C parts: only what the spec needs of them stands in.
package.preload["host.json"] = function() return { encode = reeve.encode, decode = reeve.json } end
package.preload["host.sys"] = function()
  local function columns(text)
    local n = 0
    for _, code in utf8.codes(text) do n = n + (code >= 0x4E00 and code <= 0x9FFF and 2 or 1) end
    return n
  end
  return {
    isatty = function() return true end,
    width = function() return 30 end,
    epoch = tonumber,
    mono = function() return _G.reeve_clock end,
    width_of = columns,
    fit = function(text, max)
      while columns(text) > max do text = text:sub(1, utf8.offset(text, -1) - 1) end
      return text
    end,
  }
end
local csv, grid, text, change, suggest =
  require "ui.csv", require "ui.grid", require "ui.text", require "state.change", require "suggest"

local function collect(fn, ...)
  local parts = {}
  local args = table.pack(...)
  fn(function(...) for _, s in ipairs { ... } do parts[#parts + 1] = s end end, table.unpack(args, 1, args.n))
  return table.concat(parts)
end

local function iterator(rows)
  local i = 0
  return function()
    i = i + 1
    return rows[i]
  end
end

describe("csv", function()
  it("quotes what needs it, changes nothing, ends lines with CRLF", function()
    local columns = { { name = "a" }, { name = "b" }, { name = "c" } }
    local rows = { { a = 'say "hi"', b = "x,y", c = "two\nlines" }, { a = "=1+1", c = 5 }, { b = { "l" } } }
    assert.equal('a,b,c\r\n"say ""hi""","x,y","two\nlines"\r\n=1+1,,5\r\n,"[""l""]",\r\n',
      collect(csv.write, columns, iterator(rows)))
  end)
end)

describe("a table", function()
  local columns = { { name = "id", title = "ID" }, { name = "name", title = "NAME" }, { name = "none", title = "NONE" },
    { name = "n", title = "N", right = true } }

  it("is as wide as what is in it, without empty columns", function()
    local rows = { { id = "1", name = "Ann", n = 5 }, { id = "22", name = "张伟", n = 10 } }
    assert.equal("ID  NAME   N\n1   Ann    5\n22  张伟  10\n", collect(grid.write, columns, iterator(rows), math.huge))
  end)

  it("fits the terminal", function()
    local rows = { { id = ("x"):rep(36), name = ("word "):rep(20), n = 123456 }, { id = "1", name = "b", n = 1 } }
    for room = 20, 120, 7 do
      for line in collect(grid.write, columns, iterator(rows), room):gmatch("[^\n]+") do
        assert.is_true(text.width(line) <= room, line)
      end
    end
    local wide = collect(grid.write, columns, iterator(rows), 200)
    assert.truthy(wide:find(("x"):rep(36), 1, true))
  end)

  it("holds the first rows only, and prints all", function()
    local n = 0
    local out = collect(grid.write, { { name = "n", title = "N" } }, function()
      n = n + 1
      return n <= 2000 and { n = n } or nil
    end, 80)
    assert.equal(2001, select(2, out:gsub("\n", "\n")))
    assert.matches("\n2000\n$", out)
  end)

  it("shows what a terminal would obey, and does not pass it on", function()
    local rows = { { id = "a\27[31mred\nb", name = "x\u{202e}y\u{9b}", n = 1 } }
    local out = collect(grid.write, columns, iterator(rows), math.huge)
    assert.truthy(out:find("a\\u{1b}[31mred\\nb", 1, true))
    assert.truthy(out:find("x\\u{202e}y\\u{9b}", 1, true))
    assert.is_nil(out:find("\27", 1, true))
  end)

  it("prints a heading where there is nothing", function()
    assert.equal("ID  NAME  NONE  N\n", collect(grid.write, columns, iterator {}, 80))
  end)
end)

describe("a change", function()
  it("is told field by field, profile per key", function()
    local fields = change.fields({ status = "enabled", profile = { team = "A", x = 1 }, emails = { "a" } },
      { status = "disabled", profile = { team = "B", x = 1 }, emails = { "a" }, login = "l" })
    assert.same({ { field = "login", after = "l" }, { field = "profile.team", before = "A", after = "B" },
      { field = "status", before = "enabled", after = "disabled" } }, fields)
    assert.equal("login: – → l; profile.team: A → B; status: enabled → disabled", change.line(fields))
  end)
end)

describe("a label", function()
  local label = require "state.label"
  local function of(more)
    local facts = { enabled = true, now = 1000, max_age = 100, accepted = { ended = "950" },
      last = { state = "accepted" } }
    for name, value in pairs(more) do facts[name] = value end
    return label.of(facts)
  end

  it("is derived from what is known", function()
    assert.equal("Connected", of {})
    assert.equal("Connected", of { last = { state = "rejected" } })
    assert.equal("Stale", of { accepted = { ended = "899" } })
    assert.equal("Connected", of { accepted = { ended = "900" } })
    assert.equal("Error", of { last = { state = "failed" } })
    assert.equal("Error", of { problem = "not JSON" })
    assert.equal("Held", of { held = 3, last = { state = "held" } })
    assert.equal("Held", of { held = 3, last = { state = "failed" }, accepted = false })
    assert.equal("Not connected", of { accepted = false, last = false })
    assert.equal("Not connected", of { accepted = false, last = { state = "failed" } })
    assert.equal("Syncing", of { locked = true, accepted = false })
    assert.equal("Paused", of { enabled = false, locked = true })
  end)
end)

describe("did you mean", function()
  it("finds the nearest name, or none", function()
    local names = { "status", "sync", "set", "show", "list" }
    assert.equal("status", suggest.nearest("satus", names))
    assert.equal("status", suggest.nearest("stauts", names))
    assert.equal("sync", suggest.nearest("snyc", names))
    assert.equal("list", suggest.nearest("lists", names))
    assert.is_nil(suggest.nearest("elephant", names))
    assert.is_nil(suggest.nearest(("x"):rep(5000), names))
    assert.equal("there are: list, set, show, status, sync", suggest.hint("elephant", names))
  end)
end)

describe("forms", function()
  it("are json, jsonl, csv and a table of the same data", function()
    local home = reeve.home()
    local function out(form) return reeve.ok { "paths", "-o", form, home = home } end
    assert.equal(home, reeve.json(out "json").home)
    assert.equal(home, reeve.jsonl(out "jsonl")[1].home)
    assert.matches("^field,value\r\nhome," .. home:gsub("%p", "%%%0") .. "\r\n", out "csv")
    assert.matches("^FIELD +VALUE\nhome +" .. home:gsub("%p", "%%%0") .. "\n", out "table")
    assert.equal("[]\n", reeve.ok { "connectors", "-o", "json", home = home })
    assert.equal("", reeve.ok { "connectors", "-o", "jsonl", home = home })
    for _, form in ipairs { "table", "json" } do -- that there is nothing is a sentence, and no heading
      local nothing, told = reeve.ok { "connectors", "-o", form, home = home }
      assert.equal(form == "table" and "" or "[]\n", nothing)
      assert.matches("^no connectors in ", told)
    end
  end)

  it("have no colour and no progress where nobody looks", function()
    local r = reeve.run { "paths", "--verbose", home = reeve.home() }
    assert.is_nil((r.out .. r.err):find("\27", 1, true))
  end)

  it("tell errors as JSON where somebody chose it for the log", function()
    local r = reeve.run { "show", "nobody", "user", "1", "--log-format", "json", home = reeve.home() }
    assert.equal(2, r.status)
    assert.equal("usage", reeve.json(r.err).code)
  end)
end)

describe("a terminal", function()
  local function on_columns(n, command, home)
    local out, code, err = reeve.shell(("script -qec 'stty cols %d; %s %s --home %s' /dev/null"):format(n, reeve.bin,
      command, home))
    assert.equal(0, code, err)
    return out
  end

  it("gets tables of its width", function()
    if not reeve.has_terminals() then return pending("no pseudo-terminals here") end
    local out, widest = on_columns(80, "plugins", reeve.home()), 0
    for line in out:gmatch("[^\r\n]+") do widest = math.max(widest, text.width(line)) end
    assert.equal(80, widest)
    assert.truthy(out:find("…", 1, true))
  end)

  it("gets the values of one thing whole", function()
    if not reeve.has_terminals() then return pending("no pseudo-terminals here") end
    local home = reeve.home()
    assert.truthy(on_columns(40, "paths", home):find(home .. "/state/ledger", 1, true))
  end)

  it("gets progress for what takes more than a second, and is left clean", function()
    local progress, stderr, written = require "ui.progress", io.stderr, {}
    rawset(io, "stderr", { write = function(_, ...)
      for _, part in ipairs { ... } do written[#written + 1] = part end
    end })
    _G.reeve_clock = 100
    local p = progress.start("fetching acme with a long, long name", {})
    p:at(10, 100, "users")
    p:done()
    local early = #written
    _G.reeve_clock = 101.5
    p:at(20, 100, "users")
    _G.reeve_clock = 101.55
    p:at(30, 100, "users")
    p:done()
    local quiet = progress.start("x", { quiet = true })
    _G.reeve_clock = 200
    quiet:at(1)
    rawset(io, "stderr", stderr)
    assert.equal(0, early)
    assert.equal("\r\27[Kfetching acme with a long, l…\r\27[K", table.concat(written))
  end)
end)

describe("completion", function()
  it("is a script that its shell reads, and knows the commands", function()
    for _, shell in ipairs { "bash", "zsh", "fish" } do
      local out = reeve.ok { "completion", shell }
      for _, word in ipairs { "connectors", "--home", "--max-age", "prometheus" } do
        assert.truthy(out:find(word, 1, true) or out:find(word:gsub("^%-%-", "-l "), 1, true), word)
      end
    end
    local path = reeve.write(reeve.path "completion", (reeve.ok { "completion", "bash" }))
    local answers = reeve.shell("bash -c '. " .. path .. "; COMP_WORDS=(reeve sta); COMP_CWORD=1; _reeve; "
      .. "echo ${COMPREPLY[@]}; COMP_WORDS=(reeve status -o p); COMP_CWORD=3; _reeve; echo ${COMPREPLY[@]}'")
    assert.equal("status\nprometheus\n", answers)
    assert.equal(2, reeve.run({ "completion", "tcsh" }).status)
  end)
end)

-- redaction: stand-ins are the same wherever a value comes from, fit together as the values did, and leave alone what
-- is nobody's.
local reeve = require "reeve"

local function run(text)
  return (reeve.engine([[
    local redact, pseudonym, secret = require "trial.redact", require "trial.pseudonym", require "host.secret"
    local json, encoded, json_text = require "host.json", require "encoded", require "trial.json_text"
    local function say(...) io.stdout:write(table.concat({ ... }, " "), "\n") end
    local random = 4711
    local function dice(n)
      random = (random * 1103515245 + 12345) % 2147483648
      return random // 65536 % n + 1
    end
  ]] .. text))
end

describe("stand-ins", function()
  it("are put together as the values were", function()
    assert.equal("ok\n", run [[
      local r = redact.new()
      r:record { name = "Ana Lima", login = "ana.lima", email = "ana.lima@corp.test" }
      local function is(text, want) assert(r:text(text) == want, text .. " became " .. r:text(text)) end
      local ana, lima, email, login = r:text "Ana", r:text "Lima", r:text "ana.lima@corp.test", r:text "ana.lima"
      is("Ana Lima", ana .. " " .. lima)
      is("Lima, Ana", lima .. ", " .. ana)
      is("Ana-Lima", ana .. "-" .. lima)
      is("ANA.LIMA@CORP.TEST", email)
      assert(email == login .. "@" .. r:text "corp.test")
      is("mail ana.lima@corp.test now", "mail " .. email .. " now")
      is("/u/ana.lima", "/u/" .. login)
      is("https://h.test/u/ana.lima?m=ana.lima%40corp.test",
        "https://h.test/u/" .. login .. "?m=" .. email:gsub("@", "%%40"))
      is(encoded.to_base64('{"m":"ana.lima@corp.test"}', "=="), encoded.to_base64('{"m":"' .. email .. '"}', "=="))
      say "ok"
    ]])
  end)

  it("leave times, ids, counts, words of a product and other people's words alone", function()
    assert.equal("ok\n", run [[
      local r = redact.new()
      r:record { name = "Admin Ruiz", login = "owner" }
      for _, text in ipairs { "2026-01-02T03:04:05.678Z", "c4b06cfe-e361-4078-9fc2-3dd4081e1b91", "owner", "Admin",
        "SHOUTING_ENUM", "a sentence of no one, 42 %", "/v1/users?limit=100&cursor=AAECAwQFBgcICQ==", "", "a@b" } do
        assert(r:body(text) == text, text .. " became " .. r:body(text))
      end
      local doc = '{ "a" : [1.50, 1e3, null, true, 12345678901234567890], "b":"\\u00e9" }'
      assert(r:body(doc) == doc, r:body(doc))
      say "ok"
    ]])
  end)

  it("are found again in what is made of them: many values in many shapes", function()
    assert.equal("ok\n", run [[
      local r, users = redact.new(), {}
      local syllables = { "ka", "mi", "Ro", "le", "zé", "An", "to", "O'", "xi" }
      local function word()
        local parts = {}
        for i = 1, 2 + dice(3) do parts[i] = syllables[dice(#syllables)] end
        return table.concat(parts)
      end
      local function ascii(text) return (text:gsub("[^%w]", "")) end
      for i = 1, 200 do
        local first, last = word(), word()
        local login = (ascii(first) .. "." .. ascii(last)):lower() .. i
        users[i] = { name = first .. " " .. last, first = first, login = login,
          email = login .. "@d" .. dice(5) .. ".test" }
        r:record(users[i])
      end
      r:document(json.encode(users))
      local seen = {}
      for _, user in ipairs(users) do
        local email = r:text(user.email)
        assert(not seen[email]) -- another value, another stand-in
        seen[email] = true
        assert(email == r:text(user.login) .. "@" .. r:text(user.email:match "@(.*)"))
        local escaped = user.email:gsub("@", "%%40")
        assert(r:url("https://h.test/x?e=" .. escaped) == "https://h.test/x?e=" .. email:gsub("@", "%%40"))
        local document = json.decode(r:body(json.encode { user, { deep = { user.email, user.login } } }))
        assert(document[1].email == email and document[2].deep[1] == email and document[2].deep[2] == document[1].login)
        assert(document[1].name:find(r:text(user.first), 1, true) == 1)
        local cursor = encoded.to_base64(json.encode { after = user.email }, "-")
        assert(json.decode(encoded.from_base64(r:text(cursor))).after == email)
      end
      say "ok"
    ]])
  end)

  it("come out of hostile documents without a fault", function()
    assert.equal("ok\n", run [[
      local r = redact.new()
      local signs = { '"', "\\", "{", "}", "[", "]", ":", ",", "%", "%4", "%40", "a@b.c",
        "@", "\255", "\0", "/", "?", "=",
        "&", "+", "eyJ", "YWJjZGVmZ2hpamts", "https://", "\n", "\\u0041", "Ana", "1", " " }
      r:record { name = "Ana", login = "a@b.c" }
      for _ = 1, 2000 do
        local parts = {}
        for i = 1, dice(30) do parts[i] = signs[dice(#signs)] end
        local text = table.concat(parts)
        r:document(text)
        assert(type(r:body(text)) == "string" and type(r:url(text)) == "string")
        local quoted = json.encode { key = (text:gsub("[\128-\255]", "?")) }
        assert(quoted == nil or json.decode(r:body(quoted)).key)
      end
      say "ok"
    ]])
  end)

  it("need the recording's key", function()
    assert.equal("ok\n", run [[
      local a, b = pseudonym.new(), pseudonym.new()
      for _, kind in ipairs { "secret", "email", "login", "domain", "word", "phone", "ip", "other" } do
        local value = kind == "email" and "ana@corp.test" or "value"
        assert(a[kind](a, value) == a[kind](a, value) and a[kind](a, value) ~= b[kind](b, value))
        assert(not a[kind](a, value):find("value", 1, true))
      end
      local held = secret.new "a-secret-value"
      assert(secret.stand_in(a.key, held) == a:secret "a-secret-value")
      assert(secret.stand_in(a.key, "x " .. held) == "x " .. a:secret "a-secret-value")
      assert(secret.equal(secret.holds "eA a-secret-value", held) and secret.holds "nothing" == nil)
      say "ok"
    ]])
  end)
end)

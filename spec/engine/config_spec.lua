-- Home and configuration: where they are, what is accepted, what wins.
package.path = "engine/lua/?.lua;" .. package.path
local reeve = require "reeve"
local config = require "config.config"
local kinds = require "config.kinds"

-- The failure that fn raises.
local function failure(fn, ...)
  local ok, e = pcall(fn, ...)
  assert.is_false(ok)
  return e
end

local function environment(variables)
  local layer = {}
  for _, entry in ipairs(config.keys) do
    layer[entry.name] = config.from_env(entry, function(name) return variables[name] end)
  end
  return layer
end

describe("keys", function()
  it("are accepted where they may stand", function()
    local tree = reeve.json [[{ "plugin": "acme", "settings": { "region": "us" }, "app": "Acme",
      "owners": ["ana@example.com"], "mapping": "scripts/a.lua", "enabled": false, "keep_raw": false,
      "guard": { "user": { "removed": "30%", "changed": 7 }, "role:member": { "gained": 5, "removed": "1.5%" } },
      "tolerate": { "set_aside": 3, "mapping_errors": "10%" }, "max_age": "26h",
      "http": { "timeout_s": 0.5, "retry_s": 0, "concurrency": 8, "proxy": "http://p:1", "ca_file": "ca.pem",
                "client_cert": "c.pem", "client_key": "k.pem" },
      "limits": { "memory_mb": 64, "instructions": 50000, "cpu_s": 1.5, "body_mb": 64, "element_mb": 1 },
      "retention": { "history": "400d", "logs": 50 } }]]
    local values = config.validate(tree, "connector", "f")
    assert.equal(7, values.guard.user.changed)
    assert.equal(0.5, values["http.timeout_s"])
    assert.is_false(values.keep_raw)
    values = config.validate(reeve.json '{"state":"/s","map_gb":1,"jobs":4,"log_format":"json","max_age":"1h"}',
      "home", "f")
    assert.equal(4, values.jobs)
  end)

  it("are refused with file, key and what was expected", function()
    local function refused(text, where)
      local e = failure(config.validate, reeve.json(text), where or "home", "/h/reeve.json")
      assert.equal("config", e.code)
      assert.matches("^/h/reeve.json: ", e.message)
      return tostring(e)
    end
    assert.matches("unknown key 'max_agge' %(did you mean 'max_age'%?%)", refused '{"max_agge":"1h"}')
    assert.matches("unknown key 'http.retry' %(did you mean 'retry_s'%?%)", refused '{"http":{"retry":1}}')
    assert.matches('write "http": { "retry_s": …', refused '{"http.retry_s":1}')
    assert.matches("max_age: a duration .* expected, got \"soon\"", refused '{"max_age":"soon"}')
    assert.matches("max_age: a duration .* expected, got 26", refused '{"max_age":26}')
    assert.matches("http: an object expected, got 3", refused '{"http":3}')
    assert.matches("http.retry_s: a number of at least 0 expected, got %-1", refused '{"http":{"retry_s":-1}}')
    assert.matches("http.timeout_s: a number above 0 expected", refused '{"http":{"timeout_s":0}}')
    assert.matches("http.concurrency: a whole number from 1 to 256", refused '{"http":{"concurrency":1.5}}')
    assert.matches("keep_raw: true or false expected, got \"yes\"", refused '{"keep_raw":"yes"}')
    assert.matches("log_format: one of text, json expected", refused '{"log_format":"xml"}')
    assert.matches('tolerate.set_aside: a percentage %("10%%"%) or a whole number',
      refused '{"tolerate":{"set_aside":"x"}}')
    assert.matches("'plugin' stands in a connector file only", refused '{"plugin":"acme"}')
    assert.matches("'mapping' stands in a connector file only", refused '{"mapping":"x"}')
    assert.matches("'jobs' stands in reeve.json only", refused('{"plugin":"a","jobs":1}', "connector"))
    assert.matches("key 'plugin' is missing", refused('{"settings":{}}', "connector"))
    assert.matches("an object expected, got a list", refused '["a"]')
  end)

  it("refuse a guard that would measure nothing", function()
    local function refused(guard)
      return failure(config.validate, reeve.json('{"guard":' .. guard .. "}"), "home", "f").message
    end
    assert.matches("removed or changed for 'user' %(not 'remove'%)", refused '{"user":{"remove":"3%"}}')
    assert.matches("removed or gained for 'role:member' %(not 'changed'%)", refused '{"role:member":{"changed":1}}')
    assert.matches("not 'User'", refused '{"User":{"removed":1}}')
    assert.matches("user.removed", refused '{"user":{"removed":"101%"}}')
    assert.matches("user.removed", refused '{"user":{"removed":-1}}')
    assert.matches("an object of limits for 'user'", refused '{"user":5}')
  end)

  it("have a variable each", function()
    local layer = environment { REEVE_HTTP_RETRY_S = "7", REEVE_KEEP_RAW = "false", REEVE_MAX_AGE = "1h",
      REEVE_GUARD = nil, REEVE_TOLERATE_SET_ASIDE = "5%", REEVE_JOBS = "3" }
    assert.equal(7, layer["http.retry_s"])
    assert.is_false(layer.keep_raw)
    assert.equal("1h", layer.max_age)
    assert.equal("5%", layer["tolerate.set_aside"])
    assert.equal(3, layer.jobs)
    local e = failure(environment, { REEVE_HTTP_RETRY_S = "soon" })
    assert.equal("config", e.code)
    assert.matches("%$REEVE_HTTP_RETRY_S: a number", e.message)
    for _, entry in ipairs(config.keys) do assert.equal("REEVE_" .. entry.name:upper():gsub("%.", "_"), entry.env) end
  end)
end)

describe("a variable that is no key's", function()
  local function told(words)
    words.home = reeve.home()
    reeve.connector(words.home, "main", { plugin = "none" })
    reeve.connector(words.home, "other", { plugin = "none" })
    words[#words + 1] = "--log-format=json"
    local warnings = {}
    for line in reeve.run(words).err:gmatch "[^\n]+" do
      local entry = line:find "^{" and reeve.json(line) or {}
      if entry.level == "warn" then warnings[#warnings + 1] = entry.msg .. "; " .. entry.hint end
    end
    return table.concat(warnings, "\n")
  end

  it("is told where it nearly is one, and not where it is somebody's own", function()
    assert.equal("REEVE_HOMES is no variable of Reeve's, and is ignored; did you mean 'REEVE_HOME'?\n"
      .. "REEVE_HTP_RETRY_S is no variable of Reeve's, and is ignored; did you mean 'REEVE_HTTP_RETRY_S'?",
      told { "connectors", env = { REEVE_HTP_RETRY_S = "3", REEVE_HOMES = "/", REEVE_ACME_TOKEN = "x",
        REEVE_SETTINGS_STAT = "x", REEVE_HTTP_RETRY_S = "7", REEVE_KEY_FILE = "/x", REEVE_CORE = "0" } })
    assert.equal("", told { "connectors", "--quiet", env = { REEVE_HTP_RETRY_S = "3" } })
  end)

  it("is told once, also where others do the work", function()
    assert.equal("REEVE_JOSB is no variable of Reeve's, and is ignored; did you mean 'REEVE_JOBS'?",
      told { "sync", "--all", env = { REEVE_JOSB = "3" } })
  end)
end)

describe("precedence", function()
  it("is flag, environment, connector, reeve.json, default, member by member", function()
    local flags, env = { max_age = "1h" }, { max_age = "2h", ["http.retry_s"] = 2 }
    local connector = { max_age = "3h", ["http.retry_s"] = 3, ["http.timeout_s"] = 3,
      guard = { user = { removed = 1 } } }
    local home = { ["http.retry_s"] = 4, ["http.timeout_s"] = 4, ["http.concurrency"] = 4,
      guard = { user = { removed = 2, changed = 2 }, role = { removed = 2 } } }
    local options = config.resolve({ flags, env, connector, home }, "connector")
    assert.equal(3600, options.max_age)
    assert.equal(2, options.http.retry_s)
    assert.equal(3, options.http.timeout_s)
    assert.equal(4, options.http.concurrency)
    assert.equal(64, options.limits.memory_mb)
    assert.same({ user = { removed = 1, changed = 2 }, role = { removed = 2 } }, options.guard)
    assert.same({ removed = 1, changed = 2, gained = 5 }, config.guard(options, "user"))
    assert.same({ removed = "30%", changed = "50%", gained = 5 }, config.guard(options, "api_key"))
  end)

  it("lets false win over true", function()
    assert.is_false(config.resolve({ { keep_raw = false }, { keep_raw = true } }, "connector").keep_raw)
    assert.is_true(config.resolve({ {}, {} }, "connector").keep_raw)
  end)

  it("has the defaults of the contract", function()
    local o = config.resolve({}, "connector")
    assert.same({ timeout_s = 30, retry_s = 120, concurrency = 8 }, o.http)
    assert.same({ memory_mb = 64, instructions = 50000000, cpu_s = 10, body_mb = 64, element_mb = 1 }, o.limits)
    assert.same({ history = 400 * 86400, logs = 50 }, o.retention)
    assert.same({ set_aside = 0, mapping_errors = "10%" }, o.tolerate)
    assert.equal(26 * 3600, o.max_age)
    assert.is_true(o.enabled)
    local h = config.resolve({}, "home")
    assert.equal(64, h.map_gb)
    assert.equal(2, h.jobs)
  end)
end)

describe("limits", function()
  it("take a percentage from 3 records up, or a number", function()
    assert.is_false(config.over("30%", 2, 2))
    assert.is_true(config.over("30%", 1, 3))
    assert.is_false(config.over("30%", 3, 10))
    assert.is_true(config.over("30%", 4, 10))
    assert.is_false(config.over(5, 5, 2))
    assert.is_true(config.over(5, 6, 2))
    assert.is_true(config.over(0, 1, 1))
  end)

  it("read durations", function()
    assert.equal(90, kinds.seconds "90s")
    assert.equal(26 * 3600, kinds.seconds "26h")
    assert.equal(14 * 86400, kinds.seconds "2w")
    for _, text in ipairs { "", "h", "26", "-1h", "1.5h", "26 h", "1y" } do assert.is_nil(kinds.seconds(text)) end
  end)
end)

describe("the home", function()
  local function paths(spec)
    spec[1], spec[2], spec[3] = "paths", "-o", "json"
    local r = reeve.run(spec)
    return r.status == 0 and reeve.json(r.out) or nil, r
  end

  it("is named by --home, $REEVE_HOME, or is the user's", function()
    local home, other = reeve.home(), reeve.home()
    assert.equal(home, paths({ home = home }).home)
    assert.equal(other, reeve.json(reeve.run({ "--home", other, "paths", "-o", "json", home = home }).out).home)
    local user = reeve.folder()
    assert.equal(user .. "/reeve", paths({ env = { XDG_CONFIG_HOME = user } }).home)
    assert.equal(user .. "/.config/reeve", paths({ env = { HOME = user } }).home)
    assert.equal(home, paths({ cwd = home .. "/connectors", env = { REEVE_HOME = ".." } }).home)
  end)

  it("has its state in it, or where reeve.json says", function()
    local home = reeve.home()
    assert.equal(home .. "/state", paths({ home = home }).state)
    assert.equal("/var/x", paths({ home = reeve.home { state = "/var/x" } }).state)
    home = reeve.home { state = "elsewhere" }
    assert.equal(home .. "/elsewhere", paths({ home = home }).state)
    assert.equal("/s", paths({ home = home, env = { REEVE_STATE = "/s" } }).state)
  end)

  it("refuses a $STATE_DIRECTORY that disagrees", function()
    local home = reeve.home()
    assert.truthy(paths { home = home, env = { STATE_DIRECTORY = home .. "/state" } })
    local _, r = paths { home = home, env = { STATE_DIRECTORY = "/elsewhere" } }
    assert.equal(3, r.status)
    assert.matches("STATE_DIRECTORY is /elsewhere", r.err)
  end)

  it("finds the plugins of the tree that it was built in", function()
    local tree = reeve.shell("pwd"):gsub("\n", "")
    assert.equal(tree .. "/plugins", paths({ home = reeve.home() }).bundled_plugins)
  end)

  it("takes its key from a variable or a credential first", function()
    local home = reeve.home()
    assert.equal(home .. "/key", paths({ home = home }).key)
    assert.equal("/k", paths({ home = home, env = { REEVE_KEY_FILE = "/k" } }).key)
    local credentials = reeve.folder()
    reeve.write(credentials .. "/reeve-key", "x")
    assert.equal(credentials .. "/reeve-key", paths({ home = home, env = { CREDENTIALS_DIRECTORY = credentials } }).key)
  end)

  it("refuses what is not valid, exit 3", function()
    for text, pattern in pairs {
      ['{"jbos":2}'] = "unknown key 'jbos'\n  did you mean 'jobs'?",
      ['{"jobs":2'] = "not JSON",
      ['{"jobs":"two"}'] = "jobs: a whole number from 1 to 256 expected, got \"two\"",
    } do
      local home = reeve.home()
      reeve.write(home .. "/reeve.json", text)
      local _, r = paths { home = home }
      assert.equal(3, r.status)
      assert.truthy(r.err:find(home .. "/reeve.json: ", 1, true))
      assert.truthy(r.err:find(pattern, 1, true))
      assert.equal("", r.out)
    end
  end)

  it("refuses files and folders that others may write", function()
    local home = reeve.home {}
    reeve.shell("chmod 620 '" .. home .. "/reeve.json'")
    local _, r = paths { home = home }
    assert.equal(3, r.status)
    assert.truthy(r.err:find(home .. "/reeve.json", 1, true))
    reeve.shell("chmod 600 '" .. home .. "/reeve.json'; chmod 777 '" .. home .. "'")
    _, r = paths { home = home }
    assert.equal(3, r.status)
    assert.truthy(r.err:find(home, 1, true))
    reeve.shell("chmod 755 '" .. home .. "'")
    assert.truthy(paths { home = home })
  end)
end)

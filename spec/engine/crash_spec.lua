-- kill -9 at any moment: the next run goes on or starts afresh, and ends where an undisturbed one does.
local acme = require "acme"
local reeve = require "reeve"
local system = require "system"

describe("a process that is killed", function()
  local sim, killer

  setup(function()
    sim = reeve.sim { plugin = "torq", users = 120, roles = 6 }
    killer = reeve.path("killer.so")
    local _, code, err = reeve.shell(("%s -shared -fPIC -O1 -o '%s' spec/support/killer.c -ldl"):format(
      os.getenv("CC") or "cc", killer))
    assert(code == 0, err)
  end)

  teardown(function()
    if sim then sim:stop() end
  end)

  before_each(function()
    sim:faults {}
    sim:set { users = 120, generation = 0, drift = 0.2 }
  end)

  local function new_home()
    local home = reeve.home()
    reeve.connector(home, "acme", { plugin = "torq", http = { retry_s = 2 }, settings = { client_id = "sim-client-id",
      client_secret = "env:SECRET", api_url = sim.url .. "/public/v1alpha", auth_url = sim.url .. "/v1/auth/token" } })
    return home
  end

  local function spec_of(home, words, env)
    local all = { table.unpack(words) }
    all.home, all.env = home, { SECRET = "sim-client-secret" }
    for name, value in pairs(env or {}) do all.env[name] = value end
    return all
  end

  local function run(home, words, code)
    local r = reeve.run(spec_of(home, words))
    if r.code ~= (code or 0) then
      error(("%s: exit %d\n%s%s"):format(table.concat(words, " "), r.code, r.out, r.err), 2)
    end
    return r
  end

  -- Runs the words until their n-th commit; true where they were killed there.
  local function killed_at(home, n, words)
    local r = reeve.run(spec_of(home, words, { LD_PRELOAD = killer, KILL_AT = n,
      ASAN_OPTIONS = "verify_asan_link_order=0:detect_leaks=0" }))
    return r.signal == 9, r
  end

  local function copy(home)
    local to = reeve.path("home")
    assert(os.execute(("cp -a %s %s"):format(reeve.quote(home), reeve.quote(to))))
    return to
  end

  -- Not assert.equal, which would print both.
  local function same(wanted, got, note)
    if wanted ~= got then error("another state than that of an undisturbed run " .. (note or ""), 2) end
  end

  local function undisturbed()
    local home = new_home()
    run(home, { "sync", "acme" })
    return acme.state_of(home, "acme")
  end

  -- Kills `words` at each of their commits in turn, each time in a copy of `origin`, and calls mend(home, n).
  -- Returns how many there were.
  local function sweep(origin, words, mend)
    for n = 1, 200 do
      local home = copy(origin)
      local killed, r = killed_at(home, n, words)
      local ok, why = pcall(mend, home, killed, r)
      if not ok then error(("killed at commit %d: %s"):format(n, why), 0) end
      os.execute("rm -rf " .. reeve.quote(home))
      if not killed then return n - 1 end
    end
    error("it never ended by itself")
  end

  it("in a first sync", function()
    local wanted = undisturbed()
    local n = sweep(new_home(), { "sync", "acme" }, function(home)
      run(home, { "sync", "acme" })
      same(wanted, acme.state_of(home, "acme"))
    end)
    assert.is_true(n >= 5)
  end)

  it("in a sync that replaces a held run: the held one is accepted whole or not at all", function()
    local home = new_home()
    run(home, { "sync", "acme" })
    local first = acme.state_of(home, "acme")
    sim:set { users = 20 }
    run(home, { "sync", "acme" }, 6)
    local small = copy(home)
    run(small, { "accept", "acme" })
    small = acme.state_of(small, "acme")
    sim:set { users = 120, generation = 1 }
    local wanted = undisturbed()
    sweep(home, { "sync", "acme" }, function(at, killed)
      if killed then
        local seen = acme.state_of(at, "acme")
        assert.is_true(seen == first or seen == wanted)
        local other = copy(at)
        local r = reeve.run(spec_of(other, { "accept", "acme" }))
        if r.code == 0 then same(small, acme.state_of(other, "acme")) end
        run(at, { "sync", "acme" })
      end
      same(wanted, acme.state_of(at, "acme"))
    end)
  end)

  it("in accept and reject, also between accept and publish", function()
    local home = new_home()
    run(home, { "sync", "acme" })
    local before = acme.state_of(home, "acme")
    sim:set { users = 20 }
    run(home, { "sync", "acme" }, 6)
    local wanted = undisturbed()
    sweep(home, { "accept", "acme" }, function(at, killed)
      if killed then reeve.run(spec_of(at, { "accept", "acme" })) end
      same(wanted, acme.state_of(at, "acme"))
      run(at, { "sync", "acme" })
      same(wanted, acme.state_of(at, "acme"))
    end)
    sim:set { users = 120 }
    sweep(home, { "reject", "acme" }, function(at, killed)
      same(before, acme.state_of(at, "acme"))
      local r = killed and reeve.run(spec_of(copy(at), { "accept", "acme" }))
      assert.is_true(not r or r.code == 0 or r.code == 1)
      run(at, { "sync", "acme" })
      same(before, acme.state_of(at, "acme"))
    end)
  end)

  it("while what a run had fetched is dropped: nobody goes on with half of it", function()
    local wanted = undisturbed()
    local home = new_home()
    sim:faults { "GET /v1alpha/users?sso_provision=true: status=500" }
    run(home, { "sync", "acme" }, 5)
    sim:faults {}
    sweep(home, { "sync", "acme", "--fresh" }, function(at)
      run(at, { "sync", "acme" })
      same(wanted, acme.state_of(at, "acme"))
    end)
  end)

  it("twenty times in a row at random moments", function()
    local home, seed = new_home(), os.time()
    run(home, { "sync", "acme" })
    sim:set { generation = 1 }
    sim:faults { "*: latency=10", "GET /v1alpha/users*: speed=400000" }
    local wanted
    math.randomseed(seed)
    for _ = 1, 20 do
      local p = reeve.start(spec_of(home, { "sync", "acme" }))
      system.sleep(math.random() * 0.12)
      p:kill("KILL")
      p:wait()
    end
    sim:faults {}
    wanted = undisturbed()
    run(home, { "sync", "acme" })
    same(wanted, acme.state_of(home, "acme"), "seed " .. seed)
    assert.equal(0, reeve.run(spec_of(home, { "sync", "acme" })).code)
    same(wanted, acme.state_of(home, "acme"), "seed " .. seed)
  end)
end)

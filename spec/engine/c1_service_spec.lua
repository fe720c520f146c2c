-- `reeve c1`: what each task of ConductorOne makes it do, with the stand-in on one side and a target on the other.
local reeve = require "reeve"
local service = require "service"

local it = service.it(it, pending)

describe("reeve c1", function()
  local s = service.each(after_each)

  -- The file that a finished sync task has brought: a function that asks its tables.
  local function uploaded(id)
    local uploads = s.c1:events { event = "upload", task = id }
    assert.equal(1, #uploads)
    return service.tables(uploads[1].path)
  end

  -- Has a sync done that must succeed: its id, its file.
  local function synced(payload)
    local finished = s:task { kind = "sync_full", payload = payload }
    assert.is_true(finished.success, finished.message)
    return finished.task, uploaded(finished.task)
  end

  local PEOPLE = "select external_id from v1_resources where resource_type_id = 'user' order by 1"

  it("says who it is before it asks for anything", function()
    s:serve()
    local hello = s.c1:wait { event = "call" }
    assert.same({ "Hello", "host-1" }, { hello.method, hello.request.host_id })
    assert.is_nil(hello.request.task_id)
    assert.matches("^happy%-otter%-1 reeve/", hello.agent)
    local metadata = hello.request.connector_metadata
    local claimed = reeve.json((reeve.ok { "capabilities", "acme", home = s.home }))
    local types = {}
    for i, of in ipairs(metadata.capabilities.resource_type_capabilities) do types[i] = of.resource_type.id end
    assert.same({ "org", "team", "user" }, types)
    assert.equal(#claimed.resourceTypeCapabilities, #types)
    assert.equal(#claimed.connectorCapabilities, #metadata.capabilities.connector_capabilities)
    s.c1:wait { event = "call", method = "GetTask" }
  end)

  it("says who it is by the machine's name, where it is not told another", function()
    s:serve(nil, { env = { BATON_HOST_ID = false } })
    local name = reeve.shell("uname -n"):gsub("\n", "")
    assert.equal(name, s.c1:wait({ event = "call", method = "Hello" }).request.host_id)
  end)

  it("says over HTTP how it is, to who asks on this machine", function()
    s:make()
    s.c1:away()
    s:start { env = { BATON_HEALTH_CHECK = "true", BATON_HEALTH_CHECK_PORT = "0" } }
    local url = s:log("health is served").url
    local function health(path)
      local status, text = reeve.http { url = url .. path }
      return status, reeve.json(text)
    end
    assert.equal("not_ready", select(2, health "/ready").status)
    assert.equal("alive", select(2, health "/live").status)
    s.c1:back()
    s.c1:wait { event = "call", method = "GetTask" }
    assert.equal("ready", select(2, health "/ready").status)
    local status, answer = health "/health"
    assert.same({ 200, "healthy" }, { status, answer.status })
    reeve.ok { "health-check", "--port", url:match("%d+$"), home = s.home }
  end)

  it("syncs when it is told to, with a heartbeat first, and brings the file before it says that it is done", function()
    s:serve()
    local id, ask = synced()
    assert.equal("user:u1 user:u2 user:u3", ask(PEOPLE))
    assert.equal("3|full|1",
      ask "select (select count(*) from v1_grants), sync_type, ended_at is not null from v1_sync_runs")
    local order = {}
    for _, event in ipairs(s.c1:events()) do
      local request = event.request or {}
      if event.event == "call" and request.task_id == id then order[#order + 1] = event.method end
    end
    assert.equal("Heartbeat UploadAsset FinishTask", table.concat(order, " "))
    assert.equal("u1 u2 u3", s.w:ids "user")
    s:people { "u1", "u4" }
    local _, again = synced()
    assert.equal("user:u1 user:u4", again(PEOPLE))
    s:stop()
    assert.equal("", (reeve.shell(("find %s/state -name '*.c1z*' -o -name finish"):format(s.home))))
  end)

  it("writes of a sync what the task asks for", function()
    s:serve()
    local _, ask = synced { skip_grants = true }
    assert.equal("3 1 0", ask [[select count(*) from v1_resources where resource_type_id = 'user']] .. " "
      .. ask "select count(*) from v1_entitlements" .. " " .. ask "select count(*) from v1_grants")
    _, ask = synced { skip_entitlements_and_grants = true }
    assert.equal("resources_only 0", ask "select sync_type from v1_sync_runs" .. " "
      .. ask "select count(*) from v1_entitlements")
    _, ask = synced { sync_resource_type_ids = { "team" } }
    assert.equal("full team", ask "select sync_type from v1_sync_runs" .. " "
      .. ask "select distinct resource_type_id from v1_resources")
    _, ask = synced { targeted_sync_resources = { { id = { resource_type = "user", resource = "u2" } } } }
    assert.equal("partial user:u2", ask "select sync_type from v1_sync_runs" .. " " .. ask(PEOPLE))
    local refused = s:task { kind = "sync_full", payload = { targeted_sync_resources = { { display_name = "?" } } } }
    assert.same({ 3, 0 }, { refused.code, #s.c1:events { event = "upload", task = refused.task } })
    _, ask = synced { storage_engine = "pebble", skip_expand_grants = true }
    assert.equal("user:u1 user:u2 user:u3", ask(PEOPLE))
  end)

  it("writes what the environment asks for, where the task does not say", function()
    s:serve(nil, { env = { BATON_SYNC_RESOURCE_TYPES = "team", BATON_SKIP_GRANTS = "true" } })
    local _, ask = synced()
    assert.equal("team:t1", ask "select external_id from v1_resources")
    _, ask = synced { sync_resource_type_ids = { "user" } }
    assert.equal("user:u1 user:u2 user:u3", ask "select external_id from v1_resources order by 1")
  end)

  it("answers a hello task with a hello, and says that it is done", function()
    s:serve()
    local finished = s:task { kind = "hello" }
    assert.is_true(finished.success)
    local hellos = s.c1:events { event = "call", method = "Hello" }
    assert.same({ 2, finished.task }, { #hellos, hellos[2].request.task_id })
  end)

  it("gives its events, from where ConductorOne has read them", function()
    s:serve()
    local feeds = s:task { kind = "list_event_feeds" }.final.success.response
    assert.equal("ListEventFeedsResponse", feeds["@type"])
    local types = feeds.list[1].supported_event_types
    table.sort(types)
    assert.same({ 1, { 4, 5, 6 } }, { #feeds.list, types })
    synced()
    local function events(cursor)
      local finished = s:task { kind = "list_events",
        payload = { cursor = cursor, event_feed_id = feeds.list[1].id, page_size = 100 } }
      assert.is_true(finished.success, finished.message)
      return finished.final.success.response
    end
    local first = events()
    assert.is_truthy(first.cursor)
    s:people({ "u1", "u2", "u4" }, { "u1", "u4" })
    synced()
    local found = {}
    for _, event in ipairs(events(first.cursor).events) do
      local grant = event.create_grant_event or event.create_revoke_event
      if grant then
        found[#found + 1] = (event.create_grant_event and "+" or "-") .. grant.principal.id.resource .. " "
          .. grant.entitlement.id
      else
        found[#found + 1] = "~" .. event.resource_change_event.resource_id.resource
      end
    end
    table.sort(found)
    assert.equal("+u4 team:t1:member, -u2 team:t1:member, -u3 team:t1:member, ~u3, ~u4", table.concat(found, ", "))
  end)

  it("declines every other kind for good", function()
    s:serve()
    local user = { id = { resource_type = "user", resource = "u1" } }
    local member = { id = "team:t1:member", resource = { id = { resource_type = "team", resource = "t1" } } }
    local kinds = { { kind = "grant", payload = { entitlement = member, principal = user } },
      { kind = "revoke", payload = { grant = { id = "g", entitlement = member, principal = user } } },
      { kind = "create_account", payload = { account_info = { login = "n" } } },
      { kind = "create_resource", payload = { resource = user } },
      { kind = "delete_resource", payload = { resource_id = user.id } },
      { kind = "rotate_credentials", payload = { resource_id = user.id } }, { kind = "event_feed" },
      { kind = "create_ticket_task" }, { kind = "list_ticket_schemas" }, { kind = "get_ticket" },
      { kind = "bulk_create_tickets" }, { kind = "bulk_get_tickets" }, { kind = "action_list_schemas" },
      { kind = "action_get_schema", payload = { name = "a" } }, { kind = "action_invoke", payload = { name = "a" } },
      { kind = "action_status", payload = { name = "a", id = "1" } }, { kind = "create_sync_diff" },
      { kind = "compact_syncs" }, { kind = "issue_credential" }, { kind = 999, payload = "0801" } }
    local waiting = {}
    for _, spec in ipairs(kinds) do waiting[s.c1:task(spec)] = spec.kind end
    while next(waiting) do
      local finished = s.c1:wait { event = "finished" }
      local kind = waiting[finished.task]
      assert.same({ 12, true }, { finished.code, finished.final.error.non_retryable }, kind)
      waiting[finished.task] = nil
    end
    assert.equal(0, s.w:asked "/users")
  end)

  it("passes over tasks that are none", function()
    s:serve()
    s.c1:task { kind = "none" }
    s.c1:task { id = "short", kind = "sync_full" }
    s.c1:task { id = "", kind = "hello" }
    s.c1:task { raw = "0a1b32" }
    local bare = s.c1:task {}
    assert.equal(12, s.c1:wait({ event = "finished", task = bare }).code)
    s:task { kind = "hello" }
  end)
end)

-- csv: a connector's accepted state as the one file that ConductorOne's file connector takes from who uploads by hand.
--
-- The columns are those that it knows without a mapping, by the names that its documentation gives ("Import
-- application data from a file", https://www.conductorone.com/docs/baton/file-connectors): those of an account, which
-- stand in its identity-focused template, then those of an entitlement. A row is a grant to an account; an account
-- without grants has one row, without an entitlement. What has no account has no row, since a User ID is required:
-- entitlements that nobody holds, and grants to groups.
local fail = require "fail"
local id = require "c1.id"

local M = {}

local HEADER <const> = {
  "User ID", "Username", "Email Address", "Full Name", "User Status", "User Type", "Last Login", "Resource Type",
  "Resource Name", "Entitlement", "Entitlement Display Name", "Entitlement Description", "Entitlement Slug",
}
local ACCOUNT <const> = 7 -- of these columns

local WORDS <const> = {
  { "mailless", "accounts without an e-mail address, by which ConductorOne finds their people" },
  { "principal", "grants to what is no account, left out: only -o c1z has a place for them" },
}

-- Whoever is not one of these is a person.
local ACCOUNT_TYPES <const> = { service = "Service", system = "System" }

local REMEMBERED <const> = 1000 -- entitlements, whose columns are the same for all who hold them

-- A time in one of the forms that are listed: without the fraction.
local function time(rfc3339)
  return rfc3339 and rfc3339:gsub("%.%d+", "") or nil
end

local function account(record)
  return { record.id, record.login, record.email, record.name, record.status,
    ACCOUNT_TYPES[record.account_type], time(record.last_login_at) }
end

-- The columns of entitlements, by their ids as in a .c1z file: one entitlement of two resources with one name is two.
local function entitlements(st)
  local json = require "host.json"
  local function record(...)
    local text = fail.try(st:show(...))
    return text and json.decode(text) or {}
  end
  return require "c1.memo"(REMEMBERED, function(own, ref)
    local entitlement, resource = record(ref.type, ref.id, ref.slug), record(ref.type, ref.id)
    return { ref.type, resource.name or ref.id, own, entitlement.name or ref.slug, entitlement.description, ref.slug }
  end)
end

-- Calls fn(account or nil, grant or nil) for each grant, and for each account that has none. The state gives each
-- resource with what it holds behind it.
local function each(st, is_account, fn)
  local json, holder, has_grants = require "host.json", nil, false
  local function next_holder(record)
    if holder and not has_grants then fn(holder) end
    holder, has_grants = record, false
  end
  for kind, text in fail.try(st:holdings()) do
    local record = json.decode(text)
    if kind == "grant" then
      has_grants = true
      fn(holder, record)
    else
      next_holder(is_account(record) and record or nil)
    end
  end
  next_holder(nil)
end

--- Writes the file: spec as of c1.export.write. Returns the number of rows.
function M.write(spec)
  local line, key = require("ui.csv").line, require("state.record").key
  local declared = require("state.snapshot").declared(spec.home, spec.name, spec.run)
  local notes, n = require("c1.notes").new(WORDS), 0
  local function is_account(record)
    return (declared[record.type] or {}).trait == "user"
  end
  require("state.export").text(spec.path, function(write)
    local columns_of, last, columns = entitlements(spec.st), nil, nil
    write(line(HEADER))
    each(spec.st, is_account, function(user, grant)
      if not user then return notes:add("principal", key("grant", grant)) end
      if user ~= last then
        last, columns = user, account(user)
        if not user.email then notes:add("mailless", key("resource", user)) end
      end
      local held = grant and columns_of((id.entitlement(grant.entitlement)), grant.entitlement) or {}
      write(line(table.move(held, 1, #HEADER - ACCOUNT, ACCOUNT + 1, columns), #HEADER))
      n = n + 1
      spec.step(n)
    end)
  end)
  notes:tell(spec.name)
  return n
end

return M

-- github: a simulated GitHub organisation with a workspace beside it, and what specs of the plugin ask of it.
--
--   local w = github.start({ users = 20 }, { skip_forks = true }, { http = { retry_s = 1 } })
--   github.rest(w, "/orgs/acme/members")   all pages of a path, as the target itself tells them
local reeve = require "reeve"
local workspace = require "workspace"

local M = {}

-- Specs change organisations as no guard would let them.
local GUARD, ALL = {}, "100%"
for target in ([[user team repository organization_role organization organization:member organization:owner
  team:member team:maintainer organization_role:member repository:pull repository:triage repository:push
  repository:maintain repository:admin repository:role_security_reviewer]]):gmatch("%S+") do
  local of_type = not target:find(":", 1, true)
  GUARD[target] = { removed = ALL, changed = of_type and ALL or nil, gained = not of_type and ALL or nil }
end

--- Starts the simulator (`options`: its own, and faults) and writes the connector: `settings` over those of a
--- token (false leaves one out), `keys` of the connector's file. See workspace.lua for what comes back.
function M.start(options, settings, keys)
  local set = { plugin = "github", token = workspace.secret }
  for name, value in pairs(options or {}) do set[name] = value end
  local connector = { guard = GUARD }
  for name, value in pairs(keys or {}) do connector[name] = value end
  return workspace.new { plugin = "github", connector = connector, target = reeve.sim(set), settings = function(url)
    local all = { organization = "acme", token = "env:CLIENT_SECRET", url = url }
    for name, value in pairs(settings or {}) do all[name] = value or nil end
    return all
  end }
end

local function page_of(w, path, page)
  local join = path:find("?", 1, true) and "&" or "?"
  local status, body = reeve.http { url = ("%s%s%sper_page=100&page=%d"):format(w.sim.url, path, join, page),
    headers = { "Authorization: Bearer " .. workspace.secret } }
  if status ~= 200 then error(("%s: %d %s"):format(path, status, body), 3) end
  local answer = reeve.json(body)
  return answer.roles or answer
end

--- All objects of a path.
function M.rest(w, path)
  local list, page = {}, 1
  repeat
    local part = page_of(w, path, page)
    table.move(part, 1, #part, #list + 1, list)
    page = page + 1
  until #part < 100
  return list
end

--- The names of a set, sorted.
function M.sorted(set)
  local list = {}
  for name in pairs(set) do list[#list + 1] = name end
  table.sort(list)
  return list
end

--- The set of ids of objects of the target.
function M.ids(...)
  local found = {}
  for _, objects in ipairs { ... } do
    for _, object in ipairs(objects) do found[("%d"):format(object.id)] = true end
  end
  return found
end

--- The set of grants that a filter (entitlement, principal) takes, as "user 12 push on repository 7".
function M.grants(w, filter)
  local found = {}
  for _, g in ipairs(w:list "grants") do
    local on, to = g.entitlement, g.principal
    if filter(on, to) then
      found[("%s %s %s on %s %s"):format(to.type, to.id, on.slug, on.type, on.id)] = true
    end
  end
  return found
end

--- Who holds what in the end, expandable grants followed: a function from "TYPE ID SLUG" to a set of users' ids.
--- It is a model of `expandable` in a few lines, which shares nothing with the program.
function M.effective(w)
  local direct, through, result = {}, {}, {}
  local function key(e) return e.type .. " " .. e.id .. " " .. e.slug end
  for _, g in ipairs(w:list "grants") do
    local k = key(g.entitlement)
    direct[k], through[k] = direct[k] or {}, through[k] or {}
    if g.principal.type == "user" then direct[k][g.principal.id] = true end
    for _, e in ipairs(g.expandable or {}) do table.insert(through[k], key(e)) end
  end
  local function holders(k)
    if result[k] then return result[k] end
    local found = {}
    for id in pairs(direct[k] or {}) do found[id] = true end
    for _, other in ipairs(through[k] or {}) do
      for id in pairs(holders(other)) do found[id] = true end
    end
    result[k] = found
    return found
  end
  return holders
end

return M

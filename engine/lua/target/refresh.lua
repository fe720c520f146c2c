-- refresh: ctx.auth.refresh_token, a credential whose refresh token the target may replace each time it is used.
--
-- The newest refresh token is in the ledger (state/chain.lua), under a name made of the first one, the operator's
-- setting: another setting begins another chain. It is read when it is used; one that comes in its place is sealed by
-- compare-and-swap before the access token that came with it is used. Of all processes one renews, under a lock
-- that the kernel takes away from the dead; who waited for it finds the access token that the other has kept.
--
-- An answer that is lost may have had the next refresh token in it, and nobody else has it. The request is sent
-- again with the one we have: some targets take that within a while, and where they do not, nothing more is lost.
-- What went without an answer is noted, so that a refusal can say so.
local contract = require "contract.contract"
local fail = require "fail"
local oauth = require "target.oauth"
local secret = require "host.secret"
local sys = require "host.sys"
local task = require "target.task"

local M = {}

local POLL_S = 0.05
local UNSAID_S = 600 -- how long a token whose end was not said is kept for others; a 401 ends it sooner
local MOVES = 5      -- times that the record may move under us

local GRANT = { where = "ctx.auth.refresh_token", names = { "id", "secret", "key", "refresh_token" },
  check = oauth.check_client,
  known = oauth.known("refresh_token", { id = { "text or secret", required = true }, secret = { "text or secret" },
    refresh_token = { "secret", required = true },
    style = { "text", one_of = contract.choices("refresh_token", "style"), default = "basic" } }) }

-- Waits for the lock, as long as one request may be tried.
local function lock(session, chain)
  local until_when = sys.mono() + session.retry_s
  while true do
    local taken, message, code = session.ledger:lock(chain)
    if taken ~= nil then return taken end
    if code ~= "busy" or sys.mono() > until_when then
      fail(code, GRANT.where .. ": another process renews this refresh token: " .. message)
    end
    task.sleep(POLL_S)
  end
end

-- "acme/refresh_token": whose setting the first token is.
local function user_of(session, o)
  return session.name .. "/" .. (session:names_of { o.refresh_token }:match("^[%w_]+$") or "")
end

local function ask(session, o, refresh_token)
  return pcall(oauth.ask, session, GRANT.where, o, { grant_type = "refresh_token", scope = o.scope,
    refresh_token = refresh_token })
end

-- The target refuses the newest token there is.
local function refused(self, ledger, chain, failure, unanswered)
  if not unanswered and failure.tries > 1 then unanswered = "just now" end
  if not unanswered then ledger:unmark(chain) end
  oauth.refuse(failure, self.names, unanswered and ("; a request with it went without an answer (%s), and the target "
    .. "may have replaced it then: enter a new one"):format(unanswered))
end

-- Uses the newest refresh token, under the lock. Returns the access token and when it ends.
local function use(self, session, o, chain)
  local ledger = session.ledger
  for _ = 1, MOVES do
    local record = ledger:chain(chain)
    local current = record and record.token or o.refresh_token
    local unanswered = ledger:mark(chain)
    local ok, value, ends, next_token = ask(session, o, current)
    local moved
    if ok then
      moved = next_token and not secret.equal(next_token, current)
        and not ledger:advance(chain, record and record.version, next_token, user_of(session, o))
      ledger:unmark(chain)
      if not moved then return value, ends end
    elseif not oauth.is_refusal(value) then
      error(value, 0)
    else
      local now = ledger:chain(chain)
      moved = (now and now.version) ~= (record and record.version)
      if not moved then refused(self, ledger, chain, value, unanswered) end
      ledger:unmark(chain) -- it was another token that went without an answer
    end
  end
  fail("busy", GRANT.where .. ": others go on replacing the refresh token in the ledger")
end

local function fetch(session)
  return function(self, o, spent)
    local kept_as = oauth.name_of("token", { GRANT.where, o })
    local value, ends = oauth.kept(session, kept_as, spent)
    if value then return value, ends end
    local chain = oauth.name_of("refresh", { o.token_url, o.id, o.refresh_token })
    local held <close> = lock(session, chain) -- luacheck: ignore held
    value, ends = oauth.kept(session, kept_as, spent)
    if value then return value, ends end
    value, ends = use(self, session, o, chain)
    oauth.keep(session, kept_as, value, ends or sys.now() + UNSAID_S)
    return value, ends
  end
end

--- ctx.auth.refresh_token { … }
function M.refresh_token(session, options)
  return oauth.token(session, GRANT, options, fetch(session))
end

return M

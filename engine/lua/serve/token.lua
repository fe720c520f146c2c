-- token: the access token of one connector at ConductorOne.
--
--   local token = require("serve.token").new { credential = credential, client = client }
--   local value, problem = token:get()    the value of the authorization header, a secret; in a task
--   token:forget()                        ConductorOne refused it: the next get asks for another
--
-- A token is kept in memory alone, until shortly before its end; who comes while it is asked for shares the answer.
-- A problem (status.lua) is UNAUTHENTICATED where the credential was refused, UNAVAILABLE where it may go better
-- another time. (ConductorOne's own connectors end after any failure, a 503 too; ours waits and asks again.)
local json = require "host.json"
local refusal = require "target.refusal"
local secret = require "host.secret"
local sign = require "host.sign"
local status = require "serve.status"
local sys = require "host.sys"
local task = require "target.task"
local url = require "target.url"

local M = {}
local Token = {}
Token.__index = Token

local ASSERTION <const> = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
local AROUND_S <const> = 120 -- an assertion is good so long before and after now
local EARLY_S <const> = 10 -- what is left of a token's life when the next one is asked for
local LIFE_S <const>, LIFE_MAX_S <const> = 300, 24 * 3600 -- where ConductorOne does not say; the most we believe
local TIMEOUT_S <const>, DEADLINE_S <const> = 30, 60 -- of silence; for all of the answer
local SKEW_S <const> = 120 -- a clock that is further off than this is worth a word

local HEADERS <const> = { ["Content-Type"] = "application/x-www-form-urlencoded", Accept = "application/json" }

--- An assertion for a credential, a secret; `now` in whole seconds, `nonce` 32 characters.
function M.assertion(credential, now, nonce)
  local claims = ('{"iss":%s,"sub":%s,"aud":%s,"exp":%d,"nbf":%d,"iat":%d}'):format(json.encode(credential.client_id),
    json.encode(credential.client_id), json.encode(credential.audience), now + AROUND_S, now - AROUND_S, now)
  local header = ('{"alg":"EdDSA","nonce":"%s"}'):format(nonce)
  return assert(sign.jwt("Ed25519", credential.key, header, claims))
end

--- A token that nobody has asked for yet. options: credential (credential.lua); client, of host.http, that may ask
--- credential.host.
function M.new(options)
  return setmetatable({ credential = options.credential, client = options.client }, Token)
end

local function refused(message)
  return status.problem(status.code.UNAUTHENTICATED, message)
end

local function unavailable(message, transport)
  return status.problem(status.code.UNAVAILABLE, message, transport)
end

-- A refusal's usual innocent cause: an assertion says when it was made, and ours may be wrong about that.
local function about_clock(headers, now)
  local theirs = headers.date and require("host.http").date(headers.date)
  local off = theirs and math.floor(now - theirs)
  if not off or math.abs(off) <= SKEW_S then return "" end
  return ("; this machine's clock is %d s %s ConductorOne's: set it"):format(math.abs(off),
    off > 0 and "ahead of" or "behind")
end

local function problem_of(request, now)
  local http, headers = request:status(), request:headers()
  local told = refusal.told(http, refusal.words(request, headers))
  local passing = http == 408 or http == 429 or http < 400 or http >= 500
  if passing then return unavailable(("%s: ConductorOne answered %s"):format(request:shown(), told)) end
  return refused(("%s: ConductorOne refuses the client id and secret: it answered %s%s"):format(request:shown(), told,
    (http == 400 or http == 401) and about_clock(headers, now) or ""))
end

local function life_of(answer)
  local seconds = tonumber(answer.expires_in)
  return seconds and seconds > 0 and math.min(seconds, LIFE_MAX_S) or LIFE_S
end

-- "bearer" in any case is Bearer; another word is sent as it came, and what is no word at all is taken for none.
local function scheme_of(answer)
  local kind = answer.token_type
  if type(kind) ~= "string" or not kind:find("^[%a][%w-]*$") or #kind > 32 then return "Bearer" end
  return kind:lower() == "bearer" and "Bearer" or kind
end

-- The token of a 200, with its scheme, and how long it is good; nil and a problem.
local function read(request)
  local value, message, code = request:secret "access_token"
  local answer = value and request:json()
  if not answer then
    if code == "unavailable" or code == "cut" then return nil, unavailable(message, true) end
    return nil, refused(("ConductorOne gave no token: %s"):format(message))
  end
  return scheme_of(answer) .. " " .. value, life_of(answer)
end

-- Asks once: the header's value and its life in seconds, or nil and a problem. `now` is before the question: counted
-- from then, a token is never used after its end.
local function ask(self, now)
  local c = self.credential
  local form = url.query { client_id = c.client_id, grant_type = "client_credentials",
    client_assertion_type = ASSERTION, client_assertion = M.assertion(c, math.floor(now), secret.random_hex(16)) }
  local request, message = self.client:start { method = "POST", url = c.origin .. "/auth/v1/token",
    headers = HEADERS, body = form, timeout_s = TIMEOUT_S, deadline_s = DEADLINE_S, repeatable = true }
  if not request then return nil, unavailable(message, true) end
  local ok
  ok, message = request:wait()
  if not ok then return nil, unavailable(message, true) end
  if request:status() ~= 200 then return nil, problem_of(request, now) end
  return read(request)
end

local function fetch(self)
  local now = sys.now()
  local value, life = ask(self, now)
  if not value then return nil, life end
  self.value, self.renew_at = value, now + life - EARLY_S
  return value
end

--- The value of the authorization header, "Bearer …", good for some seconds at least; nil and a problem.
function Token:get()
  if self.value and sys.now() < self.renew_at then return self.value end
  local fetching = self.fetching
  if not fetching then
    -- Detached: whoever asked first may be cancelled while others wait.
    fetching = task.spawn(fetch, { args = { self }, detached = true, name = "token" })
    self.fetching = fetching
    fetching.on_end = function() self.fetching = nil end
  end
  return fetching:join()
end

--- ConductorOne takes it no more.
function Token:forget()
  self.value = nil
end

return M

-- status: gRPC's codes, which of them tells what went wrong here, and problems, which have one.
--
-- ConductorOne shows a task's code to people who know its own connectors: each failure here has the code that those
-- would give it.
local exit = require "exit"

local M = {}

--- Codes by name, and names by code.
M.code = {
  OK = 0, CANCELLED = 1, UNKNOWN = 2, INVALID_ARGUMENT = 3, DEADLINE_EXCEEDED = 4, NOT_FOUND = 5, ALREADY_EXISTS = 6,
  PERMISSION_DENIED = 7, RESOURCE_EXHAUSTED = 8, FAILED_PRECONDITION = 9, ABORTED = 10, OUT_OF_RANGE = 11,
  UNIMPLEMENTED = 12, INTERNAL = 13, UNAVAILABLE = 14, DATA_LOSS = 15, UNAUTHENTICATED = 16,
}
M.name = {}
for name, code in pairs(M.code) do M.name[code] = name end

local code = M.code

--- Why a call has no answer: { code, name, message, transport }. transport: true where ConductorOne did not say so
--- itself (nobody answered, or a proxy did).
function M.problem(number, message, transport)
  return { code = number, name = M.name[number], message = message, transport = transport }
end

-- By the names of host/base/err.h: INVALID_ARGUMENT where settings are wrong, FAILED_PRECONDITION where a person is
-- waited for, UNAVAILABLE where it may go better another time; UNKNOWN for all that is not here.
local of_fail = {
  usage = code.INVALID_ARGUMENT, config = code.INVALID_ARGUMENT, credentials = code.UNAUTHENTICATED,
  unavailable = code.UNAVAILABLE, cut = code.UNAVAILABLE, partial = code.UNAVAILABLE, busy = code.UNAVAILABLE,
  held = code.FAILED_PRECONDITION, pending = code.FAILED_PRECONDITION, stale = code.FAILED_PRECONDITION,
  not_found = code.NOT_FOUND,
}

--- The code of a failure by its name ("config", "held" …).
function M.of_fail(name)
  return of_fail[name] or code.UNKNOWN
end

local wished = { [129] = true, [130] = true, [143] = true } -- SIGHUP, SIGINT, SIGTERM: somebody told it to end

--- The code of a process's exit status; 128 and a signal's number where that ended it.
function M.of_exit(status)
  if status < 128 then return M.of_fail(exit.name(status)) end
  return wished[status] and code.CANCELLED or code.ABORTED
end

-- The public mapping of what answers in a gRPC server's place.
local of_http = {
  [400] = code.INTERNAL, [401] = code.UNAUTHENTICATED, [403] = code.PERMISSION_DENIED, [404] = code.UNIMPLEMENTED,
  [429] = code.UNAVAILABLE, [502] = code.UNAVAILABLE, [503] = code.UNAVAILABLE, [504] = code.UNAVAILABLE,
}

--- The code of an HTTP status that came without a gRPC one.
function M.of_http(http)
  return of_http[http] or code.UNKNOWN
end

return M

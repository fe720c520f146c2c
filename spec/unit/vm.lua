-- Checks of the VM's limits and of the sandbox, one for each hostile thing a plugin or script may do. They
-- run as the engine's own Lua does; test_vm.c calls each in a state of its own.
local vm = require 'host.vm'
local function compile(text) return assert(vm.load(text, '@scripts/x.lua', vm.sandbox())) end
local function protect(text, ...) return vm.protect(compile(text), ...) end
local function resume(text, ...)
  return vm.resume(vm.thread(compile(text), 'scripts/x.lua, test'), ...)
end

local function has(text, part)
  if not tostring(text):find(part, 1, true) then
    error(('%q is not in %q'):format(part, tostring(text)), 2)
  end
end

local function breach(text, message)
  for _, how in ipairs { protect, resume } do
    local ok, e = how(text)
    assert(ok == false and type(e) == 'table' and e.breach == true, e)
    assert(e.code == 'config')
    has(e.message, message)
    assert(tostring(e) == e.message)
  end
end

local function raises(text, message)
  for _, how in ipairs { protect, resume } do
    local ok, e = how(text)
    assert(ok == false and type(e) == 'string', e)
    has(e, message)
  end
end

local function gives(expected, text, ...)
  for _, how in ipairs { protect, resume } do
    local ok, got = how(text, ...)
    if not ok or got ~= expected then
      error(('%s expected, got %s'):format(expected, tostring(got)), 2)
    end
  end
end

local checks = {}

function checks.endless_loop_is_a_breach()
  vm.limits { instructions = 200000 }
  breach('local n = 0\nwhile true do n = n + 1 end',
    'scripts/x.lua:2: more than 200000 instructions without a host call')
  breach('repeat until false', 'limits.instructions')
  breach('::again:: goto again', 'scripts/x.lua:1')
  breach('local function f() return f() end f()', 'scripts/x.lua:1')
end

function checks.pcall_does_not_swallow_a_breach()
  vm.limits { instructions = 200000 }
  breach('while true do pcall(function() while true do end end) end', 'scripts/x.lua:1')
  breach('pcall(pcall, pcall, function() while true do end end)', 'scripts/x.lua:1')
  breach('xpcall(function() while true do end end, function() while true do end end)',
    'scripts/x.lua:1')
  breach('local function f() while true do end end xpcall(f, f) xpcall(f, f)', ':1: ')
  breach('xpcall(error, function() while true do end end)', 'scripts/x.lua:1')
  breach('local function f() pcall(f) pcall(f) end f()', 'scripts/x.lua:1')
  breach('pcall(string.rep, "x", (1 << 31) - 1) while true do end', 'limits.memory_mb')
end

function checks.loops_behind_c_functions_are_breaches()
  vm.limits { instructions = 200000 }
  local loop = 'local function loop() while true do end end '
  breach(loop .. '("abc"):gsub(".", loop)', 'scripts/x.lua:1')
  breach(loop .. 'table.sort({ 1, 2, 3 }, loop)', 'scripts/x.lua:1')
  for _, use in ipairs { 't.x', 't.x = 1', 't()', '#t', 't + 1', 't .. ""', 't == u', 't < u',
      'tostring(t)', 'pairs(t)', 'pcall(t)', 'ipairs(t)(t, 0)' } do
    local mt = {}
    for _, event in ipairs { 'index', 'newindex', 'call', 'len', 'add', 'concat', 'eq', 'lt',
        'tostring', 'pairs' } do
      mt[#mt + 1] = '__' .. event .. ' = loop'
    end
    local both = 'local mt = { ' .. table.concat(mt, ', ') .. ' }\n'
      .. 'local t, u = setmetatable({}, mt), setmetatable({}, mt)\n'
    local form = use:find '=' == nil or use:find '==' or use:find '<'
    breach(loop .. both .. (form and 'return ' or '') .. use, 'scripts/x.lua:1')
  end
end

function checks.trusted_pcall_does_not_swallow_a_breach()
  vm.limits { instructions = 200000, memory_mb = 16 }
  local function swallow(text)
    local script = compile(text)
    local co = vm.thread(function()
      while true do pcall(coroutine.wrap(function() pcall(script) end)) end
    end, 'x')
    local ok, e = vm.resume(co)
    assert(not ok and e.breach and vm.status(co) == 'dead')
    return e.message
  end
  has(swallow 'while true do end', 'limits.instructions')
  has(swallow 'return ("x"):rep(1 << 30)', 'limits.memory_mb')
end

function checks.progress_starts_the_count_again()
  vm.limits { instructions = 200000 }
  local step = vm.load('local f = ... for i = 1, 20 do f() for j = 1, 60000 do end end',
    '@x.lua', vm.sandbox())
  assert(vm.protect(step, vm.progress))
  local ok, e = vm.protect(step, function() end)
  assert(not ok and e.breach)
  local co = vm.thread(step, 'x')
  for _ = 1, 21 do assert(vm.resume(co, coroutine.yield)) end
  assert(vm.status(co) == 'dead')
end

function checks.nothing_is_counted_outside()
  vm.limits { instructions = 100000, memory_mb = 4 }
  breach('while true do end', 'x.lua')
  for _ = 1, 1000000 do end
  assert(#('x'):rep(6 * 1024 * 1024) == 6 * 1024 * 1024)
  gives(7, 'return 7')
end

function checks.memory_is_capped()
  vm.limits { memory_mb = 16 }
  breach('\nreturn ("x"):rep((1 << 31) - 1)',
    'scripts/x.lua:2: more than 16 MiB of memory are needed (limits.memory_mb)')
  breach('local t = {}\nfor i = 1, 1e9 do t[i] = i end', 'scripts/x.lua:2')
  breach('local t = {}\nfor i = 1, 1e9 do t[i] = { i } end', 'scripts/x.lua:2')
  breach('local s = "x"\nwhile true do s = s .. s end', 'scripts/x.lua:2')
  breach('local t = { ("x"):rep(1e6) }\nfor i = 2, 100 do t[i] = t[1] end\n'
    .. 'return table.concat(t)', 'scripts/x.lua:3')
  breach('return ("x"):rep(1e6):gsub("x", ("y"):rep(1000))', 'scripts/x.lua:1')
  breach('while true do local ok = pcall(string.rep, "x", (1 << 31) - 1) end', 'limits.memory_mb')
  breach('pcall(function() local t = {} while true do t = { t, t } end end)', 'memory_mb')
  gives(1e6, 'return #("x"):rep(1e6)')
end

function checks.garbage_is_not_held_against_anybody()
  vm.limits { memory_mb = 8 }
  collectgarbage "stop"
  for i = 1, 12 do assert(#(("x"):rep(1 << 20) .. i) > i) end
  gives(1 << 20, 'return #("x"):rep(1 << 20)')
  collectgarbage "restart"
  gives(2e5, [[local n = 0
    for i = 1, 2e5 do n = n + 1 if n % 1000 == 0 then local s = ("x"):rep(1e6) .. n end end
    return n]])
  gives(100, 'local s for i = 1, 100 do s = ("x"):rep(1e6) .. i end return 100')
  gives(2e5, 'local n = 0 for i = 1, 2e5 do local t = { i, {} } n = n + 1 end return n')
end

-- What comes first, Lua's own limit or the memory's, depends on the size of the frames.
function checks.deep_recursion_ends_with_file_and_line()
  for _, how in ipairs { protect, resume } do
    local ok, e = how 'local function f(n)\nreturn 1 + f(n + 1) end\nreturn f(1)'
    assert(not ok) has(e, 'scripts/x.lua:2: ')
  end
  vm.limits { memory_mb = 256 }
  raises('local function f(n)\nreturn 1 + f(n + 1) end\nreturn f(1)', 'scripts/x.lua:2: ')
  raises('local function f(n)\nreturn 1 + f(n + 1) end\nreturn f(1)', 'stack overflow')
  raises('local function f(s) return (s:gsub(".", f)) end return f("x")',
    'C stack overflow')
  raises('local t = setmetatable({}, {}) getmetatable(t).__index = function(_, k)\n'
    .. 'return t[k + 1] end return t[1]', 'scripts/x.lua:2: ')
  gives(false, 'local function f() return 1 + f() end return (pcall(f))')
  local ok, e = vm.load(('('):rep(10000), '@scripts/x.lua', {})
  assert(ok == nil) has(e, 'scripts/x.lua: C stack')
end

function checks.dangerous_names_are_absent()
  for _, name in ipairs { 'io', 'os', 'debug', 'coroutine', 'load', 'loadstring', 'dofile',
      'loadfile', 'require', 'package', 'rawset', 'collectgarbage', '_G', 'print', 'warn' } do
    raises('\nlocal x = ' .. name, "scripts/x.lua:2: global '" .. name .. "' is not ")
  end
  raises('os.execute("true")', "global 'os' is not available")
  raises('print(1)', 'use ctx.log.info')
  for _, name in ipairs { 'math.random', 'math.randomseed', 'string.dump', '("").dump' } do
    gives(nil, 'return ' .. name)
  end
  raises('return tostrin(1)', "did you mean 'tostring'?")
  raises('return maths.pi', "did you mean 'math'?")
  raises('return undefined_thing', "global 'undefined_thing' is not defined")
end

function checks.globals_cannot_be_made()
  raises('\nx = 1', "scripts/x.lua:2: global 'x' cannot be set: use local x")
  raises('function f() end', "global 'f' cannot be set")
  raises('string = nil', "global 'string' cannot be set")
  raises('_ENV.x = 1', "global 'x' cannot be set")
  raises('setmetatable(_ENV, {})', 'protected')
  raises('table.insert(_ENV, 1)', 'cannot be set')
  gives(false, 'return getmetatable(_ENV)')
  gives(nil, 'return (next(_ENV))')
end

function checks.only_text_is_loaded()
  local code = string.dump(function() return 1 end)
  local fn, message, name = vm.load(code, '@scripts/x.lua', vm.sandbox())
  assert(fn == nil and name == 'config') has(message, 'binary chunk')
  fn, message, name = vm.load(('-'):rep(1024 * 1024 + 1), '@scripts/x.lua', {})
  assert(fn == nil and name == 'config') has(message, 'scripts/x.lua: larger than 1024 KiB')
  fn, message, name = vm.load('x = = 1', '@scripts/x.lua', {})
  assert(fn == nil and name == 'config') has(message, 'scripts/x.lua:1: ')
  assert(vm.load('\xEF\xBB\xBFreturn 1', '@x', {})() == 1)
end

function checks.metatables_are_kept_apart()
  raises('setmetatable({}, { __gc = function() end })', 'no __gc here')
  raises('setmetatable({}, { __close = function() end })', 'no __close here')
  gives(false, 'return getmetatable("")')
  gives(5, 'return getmetatable(setmetatable({}, { five = 5 })).five')
  gives(5, 'return setmetatable({}, { __index = { five = 5 } }).five')
  gives('no', 'return getmetatable(setmetatable({}, { __metatable = "no" }))')
  raises('setmetatable(setmetatable({}, { __metatable = "no" }), {})', 'protected')
  local ours = setmetatable({}, { __index = { secret = 1 } })
  gives(false, 'return getmetatable(...)', ours)
  local ok, e = protect('setmetatable(..., {})', ours)
  assert(not ok) has(e, 'protected')
  assert(protect('return setmetatable(setmetatable({}, {}), nil)'))
end

function checks.the_engines_strings_stay_whole()
  gives(nil, 'string.format = nil string.rep = nil table.concat = nil return string.format')
  assert(('x'):rep(3) == 'xxx' and string.format('%d', 1) == '1' and table.concat { 1 } == '1')
  gives('xx', 'string.rep = nil return ("x"):rep(2)')
  gives('xx', 'return string.rep("x", 2)')
  raises('("").rep = nil', 'index a string value')
  raises('local s = "" s.x = 1', 'index a string value')
end

function checks.ordinary_lua_works()
  gives(6, 'local n = 0 for _, v in ipairs { 1, 2, 3 } do n = n + v end return n')
  gives('b', 'local ok, e = pcall(error, { a = "b" }) return e.a')
  gives('x!', 'local ok, e = xpcall(error, function(e) return e .. "!" end, "x") return e')
  gives(3, 'return select("#", pcall(function() return 1, 2 end))')
  gives(3, 'return select(2, xpcall(function(a, b) return a + b end, error, 1, 2))')
  gives('table', 'return type(next { {} } and {})')
  gives(4, 'return rawlen { 1, 2, 3, 4 } == rawlen "abcd" and rawget({ x = 4 }, "x")')
  gives('é', 'return utf8.char(233)')
  gives(2, 'return ...', 2)
  local env = vm.sandbox { given = 'extra' }
  assert(vm.load('return given', '@x', env)() == 'extra')
end

function checks.raw_objects_are_tables()
  local raw = require 'host.json'.raw '{"a":[1,2]}'
  gives('table', 'return type(...)', raw)
  gives('table', 'return type((...).a)', raw)
  gives(nil, 'return next(...)', raw)
  gives(nil, 'return rawget(..., "a")', raw)
  gives(0, 'return rawlen(...)', raw)
  gives(3, 'local n = 0 for _, v in ipairs((...).a) do n = n + v end return n', raw)
  local ok, e = protect('setmetatable(..., {})', raw) assert(not ok) has(e, 'table expected')
  gives(false, 'return getmetatable(...)', raw)
end

function checks.coroutines_yield_through_pcall()
  local script = compile('local wait = ... local ok, a = pcall(function()\n'
    .. 'return wait(1) + select(2, xpcall(wait, error, 2)) end)\n'
    .. 'local no, e = pcall(function() wait(3) error("late", 0) end) return a, e')
  local co = vm.thread(script, 'x')
  local ok, got = vm.resume(co, coroutine.yield) assert(ok and got == 1)
  ok, got = vm.resume(co, 10) assert(ok and got == 2)
  ok, got = vm.resume(co, 20) assert(ok and got == 3, got)
  assert(vm.status(co) == 'suspended')
  local sum, e ok, sum, e = vm.resume(co)
  assert(ok and sum == 30 and e == 'late')
  assert(vm.status(co) == 'dead')
  ok, e = vm.resume(co) assert(not ok) has(e, 'dead coroutine')
  assert(not pcall(vm.resume, coroutine.create(print)))
  ok, e = vm.protect(script, coroutine.yield) assert(ok) has(e, 'outside a coroutine')
end

function checks.errors_come_out_as_they_are()
  local t = {}
  for _, how in ipairs { protect, resume } do
    local ok, e = how('error(...)', t) assert(not ok and e == t)
    ok, e = how('error()') assert(not ok and e == nil)
    ok, e = how('\nlocal x = nil + 1') assert(not ok)
    has(e, 'scripts/x.lua:2: attempt to perform arithmetic on a nil value')
    assert(not e:find('traceback', 1, true))
    local mine = setmetatable({ breach = true, code = 'failed' }, {})
    ok, e = how('pcall(error, ...)', mine) assert(not ok and e == mine)
  end
end

function checks.errors_without_a_place_get_one()
  local function fails() error("no place", 0) end
  local ok, e = resume('local f = ...\nlocal x = f()', fails)
  assert(not ok and e == 'scripts/x.lua:2: no place', e)
  ok, e = resume('return (...)()', fails)
  assert(not ok and e == 'scripts/x.lua, test: no place', e)
  assert(vm.watch 'scripts/x.lua, kind user' == nil)
  ok, e = protect('return (...)()', fails)
  assert(not ok and e == 'scripts/x.lua, kind user: no place', e)
  assert(vm.watch(nil) == 'scripts/x.lua, kind user' and vm.watch() == nil)
  ok, e = protect('return (...)()', fails)
  assert(not ok and e == 'no place', e)
end

function checks.what_comes_out_runs_nothing()
  vm.limits { instructions = 100000 }
  local sly = [[local function loop() while true do end end
    local mt = { __index = loop, __tostring = loop, __len = loop, __pairs = loop, __name = "x" }
    local t = setmetatable({ inner = setmetatable({ setmetatable({}, mt) }, mt), n = 1 }, mt)
    ]]
  for _, how in ipairs { protect, resume } do
    local ok, e = how(sly .. 'error(t)')
    assert(not ok and e.n == 1 and e.code == nil)
    has(e, 'table: ')
  end
  local ok, t = resume(sly .. 'return t')
  assert(ok and t.n == 1 and t.none == nil and t.inner[1].x == nil and #t.inner == 1)
  has(t, 'table: ')
  ok, t = resume(sly .. 't.t = t return t')
  assert(ok and t.t.t == t)
  local ours = setmetatable({}, { __index = { x = 1 } })
  ok, t = resume('return { ours = ... }', ours)
  assert(ok and t.ours.x == 1)
end

function checks.threads_can_be_closed()
  local closed = 0
  local mark = setmetatable({}, { __close = function() closed = closed + 1 end })
  local co = vm.thread(compile('local mark, wait = ... local x <close> = mark wait()'), 'x')
  assert(vm.resume(co, mark, coroutine.yield))
  assert(vm.close(co) and closed == 1 and vm.status(co) == 'dead')
  resume('local x <close> = ... error "x"', mark) assert(closed == 2)
  vm.limits { instructions = 100000 }
  local loop = 'function() while true do end end'
  local text = 'local wait = ... local mt = {} local t = setmetatable({}, mt)\n'
    .. 'mt.__close = ' .. loop .. '\nlocal x <close> = t wait()'
  co = vm.thread(compile(text), 'x')
  assert(vm.resume(co, coroutine.yield))
  local ok, e = vm.close(co) assert(not ok and e.breach)
  ok, e = resume(text, error) assert(not ok and e.breach)
end

function checks.data_has_nothing_in_scope()
  assert(vm.data('return { a = 1 }', '@p/plugin.lua').a == 1)
  local function no(text, part)
    local v, message, code = vm.data(text, '@p/plugin.lua')
    assert(v == nil and code == 'config') has(message, part)
  end
  no('return { os.time() }', "p/plugin.lua:1: 'os' is not available: this file is data only")
  no('x = 1', "'x' is not available")
  no('while true do end', 'instructions')
  no('return ("x"):rep((1 << 31) - 1)', 'memory')
  no('return {', 'p/plugin.lua:1: ')
  vm.limits { instructions = 1000000 }
  gives(1, 'for i = 1, 300000 do end return 1')
end

return checks

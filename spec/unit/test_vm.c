/* The VM's limits and the sandbox, each hostile thing that a plugin or script may do. The checks are
 * Lua chunks run as the engine runs, with these helpers in scope. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <lauxlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../engine/api/vm.h"

static const char helpers[] =
    "vm = require 'host.vm'\n"
    "function compile(text) return assert(vm.load(text, '@scripts/x.lua', vm.sandbox())) end\n"
    "function protect(text, ...) return vm.protect(compile(text), ...) end\n"
    "function resume(text, ...)\n"
    "  return vm.resume(vm.thread(compile(text), 'scripts/x.lua, test'), ...)\n"
    "end\n"
    "function has(text, part)\n"
    "  if not tostring(text):find(part, 1, true) then\n"
    "    error(('%q is not in %q'):format(part, tostring(text)), 2)\n"
    "  end\n"
    "end\n"
    "function breach(text, message)\n"
    "  for _, how in ipairs { protect, resume } do\n"
    "    local ok, e = how(text)\n"
    "    assert(ok == false and type(e) == 'table' and e.breach == true, e)\n"
    "    assert(e.code == 'config')\n"
    "    has(e.message, message)\n"
    "    assert(tostring(e) == e.message)\n"
    "  end\n"
    "end\n"
    "function raises(text, message)\n"
    "  for _, how in ipairs { protect, resume } do\n"
    "    local ok, e = how(text)\n"
    "    assert(ok == false and type(e) == 'string', e)\n"
    "    has(e, message)\n"
    "  end\n"
    "end\n"
    "function gives(expected, text, ...)\n"
    "  for _, how in ipairs { protect, resume } do\n"
    "    local ok, got = how(text, ...)\n"
    "    if not ok or got ~= expected then\n"
    "      error(('%s expected, got %s'):format(expected, tostring(got)), 2)\n"
    "    end\n"
    "  end\n"
    "end\n";

static void run(lua_State *L, const char *text) {
    if (luaL_loadbuffer(L, text, strlen(text), "=test") != LUA_OK || vm_call(L, 0, 0) != LUA_OK) {
        print_error("%s\n", luaL_tolstring(L, -1, NULL));
        fail();
    }
}

static int open_state(void **state) {
    lua_State *L = vm_new();
    if (!L) return -1;
    run(L, helpers);
    *state = L;
    return 0;
}

static int close_state(void **state) {
    lua_close(*state);
    return 0;
}

static void endless_loop_is_a_breach(void **state) {
    run(*state,
        "vm.limits { instructions = 200000 }\n"
        "breach('local n = 0\\nwhile true do n = n + 1 end',\n"
        "  'scripts/x.lua:2: more than 200000 instructions without a host call')\n"
        "breach('repeat until false', 'limits.instructions')\n"
        "breach('::again:: goto again', 'scripts/x.lua:1')\n"
        "local function deep(n) return n end\n"
        "breach('local function f() return f() end f()', 'scripts/x.lua:1')\n");
}

static void pcall_does_not_swallow_a_breach(void **state) {
    run(*state,
        "vm.limits { instructions = 200000 }\n"
        "breach('while true do pcall(function() while true do end end) end', 'scripts/x.lua:1')\n"
        "breach('pcall(pcall, pcall, function() while true do end end)', 'scripts/x.lua:1')\n"
        "breach('xpcall(function() while true do end end, function() while true do end end)',\n"
        "  'scripts/x.lua:1')\n"
        "breach('local function f() while true do end end xpcall(f, f) xpcall(f, f)', ':1: ')\n"
        "breach('xpcall(error, function() while true do end end)', 'scripts/x.lua:1')\n"
        "breach('local function f() pcall(f) pcall(f) end f()', 'scripts/x.lua:1')\n"
        "breach('pcall(string.rep, \"x\", (1 << 31) - 1) while true do end', 'limits.memory_mb')\n");
}

static void loops_behind_c_functions_are_breaches(void **state) {
    run(*state,
        "vm.limits { instructions = 200000 }\n"
        "local loop = 'local function loop() while true do end end '\n"
        "breach(loop .. '(\"abc\"):gsub(\".\", loop)', 'scripts/x.lua:1')\n"
        "breach(loop .. 'table.sort({ 1, 2, 3 }, loop)', 'scripts/x.lua:1')\n"
        "for _, use in ipairs { 't.x', 't.x = 1', 't()', '#t', 't + 1', 't .. \"\"', 't == u', 't < u',\n"
        "    'tostring(t)', 'pairs(t)', 'pcall(t)', 'ipairs(t)(t, 0)' } do\n"
        "  local mt = {}\n"
        "  for _, event in ipairs { 'index', 'newindex', 'call', 'len', 'add', 'concat', 'eq', 'lt',\n"
        "      'tostring', 'pairs' } do\n"
        "    mt[#mt + 1] = '__' .. event .. ' = loop'\n"
        "  end\n"
        "  local both = 'local mt = { ' .. table.concat(mt, ', ') .. ' }\\n'\n"
        "    .. 'local t, u = setmetatable({}, mt), setmetatable({}, mt)\\n'\n"
        "  local form = use:find '=' == nil or use:find '==' or use:find '<'\n"
        "  breach(loop .. both .. (form and 'return ' or '') .. use, 'scripts/x.lua:1')\n"
        "end\n");
}

static void trusted_pcall_does_not_swallow_a_breach(void **state) {
    run(*state,
        "vm.limits { instructions = 200000, memory_mb = 16 }\n"
        "local function swallow(text)\n"
        "  local script = compile(text)\n"
        "  local co = vm.thread(function()\n"
        "    while true do pcall(coroutine.wrap(function() pcall(script) end)) end\n"
        "  end, 'x')\n"
        "  local ok, e = vm.resume(co)\n"
        "  assert(not ok and e.breach and vm.status(co) == 'dead')\n"
        "  return e.message\n"
        "end\n"
        "has(swallow 'while true do end', 'limits.instructions')\n"
        "has(swallow 'return (\"x\"):rep(1 << 30)', 'limits.memory_mb')\n");
}

static void progress_starts_the_count_again(void **state) {
    run(*state,
        "vm.limits { instructions = 200000 }\n"
        "local step = vm.load('local f = ... for i = 1, 20 do f() for j = 1, 60000 do end end',\n"
        "  '@x.lua', vm.sandbox())\n"
        "assert(vm.protect(step, vm.progress))\n"
        "local ok, e = vm.protect(step, function() end)\n"
        "assert(not ok and e.breach)\n"
        "local co = vm.thread(step, 'x')\n"
        "for _ = 1, 21 do assert(vm.resume(co, coroutine.yield)) end\n"
        "assert(vm.status(co) == 'dead')\n");
}

static void nothing_is_counted_outside(void **state) {
    run(*state,
        "vm.limits { instructions = 100000, memory_mb = 4 }\n"
        "breach('while true do end', 'x.lua')\n"
        "for _ = 1, 1000000 do end\n"
        "local kept = ('x'):rep(6 * 1024 * 1024)\n"
        "kept = nil\n"
        "gives(7, 'return 7')\n");
}

static void memory_is_capped(void **state) {
    run(*state,
        "vm.limits { memory_mb = 16 }\n"
        "breach('\\nreturn (\"x\"):rep((1 << 31) - 1)',\n"
        "  'scripts/x.lua:2: more than 16 MiB of memory are needed (limits.memory_mb)')\n"
        "breach('local t = {}\\nfor i = 1, 1e9 do t[i] = i end', 'scripts/x.lua:2')\n"
        "breach('local t = {}\\nfor i = 1, 1e9 do t[i] = { i } end', 'scripts/x.lua:2')\n"
        "breach('local s = \"x\"\\nwhile true do s = s .. s end', 'scripts/x.lua:2')\n"
        "breach('local t = { (\"x\"):rep(1e6) }\\nfor i = 2, 100 do t[i] = t[1] end\\n'\n"
        "  .. 'return table.concat(t)', 'scripts/x.lua:3')\n"
        "breach('return (\"x\"):rep(1e6):gsub(\"x\", (\"y\"):rep(1000))', 'scripts/x.lua:1')\n"
        "breach('while true do local ok = pcall(string.rep, \"x\", (1 << 31) - 1) end', 'limits.memory_mb')\n"
        "breach('pcall(function() local t = {} while true do t = { t, t } end end)', 'memory_mb')\n"
        "gives(1e6, 'return #(\"x\"):rep(1e6)')\n");
}

static void garbage_is_not_held_against_anybody(void **state) {
    run(*state,
        "vm.limits { memory_mb = 8 }\n"
        "gives(100, 'local s for i = 1, 100 do s = (\"x\"):rep(1e6) .. i end return 100')\n"
        "gives(2e5, 'local n = 0 for i = 1, 2e5 do local t = { i, {} } n = n + 1 end return n')\n");
}

/* What comes first, Lua's own limit or the memory's, depends on the size of the frames. */
static void deep_recursion_ends_with_file_and_line(void **state) {
    run(*state,
        "for _, how in ipairs { protect, resume } do\n"
        "  local ok, e = how 'local function f(n)\\nreturn 1 + f(n + 1) end\\nreturn f(1)'\n"
        "  assert(not ok) has(e, 'scripts/x.lua:2: ')\n"
        "end\n"
        "vm.limits { memory_mb = 256 }\n"
        "raises('local function f(n)\\nreturn 1 + f(n + 1) end\\nreturn f(1)', 'scripts/x.lua:2: ')\n"
        "raises('local function f(n)\\nreturn 1 + f(n + 1) end\\nreturn f(1)', 'stack overflow')\n"
        "raises('local function f(s) return (s:gsub(\".\", f)) end return f(\"x\")',\n"
        "  'C stack overflow')\n"
        "raises('local t = setmetatable({}, {}) getmetatable(t).__index = function(_, k)\\n'\n"
        "  .. 'return t[k + 1] end return t[1]', 'scripts/x.lua:2: ')\n"
        "gives(false, 'local function f() return 1 + f() end return (pcall(f))')\n"
        "local ok, e = vm.load(('('):rep(10000), '@scripts/x.lua', {})\n"
        "assert(ok == nil) has(e, 'scripts/x.lua: C stack')\n");
}

static void dangerous_names_are_absent(void **state) {
    run(*state,
        "for _, name in ipairs { 'io', 'os', 'debug', 'coroutine', 'load', 'loadstring', 'dofile',\n"
        "    'loadfile', 'require', 'package', 'rawset', 'collectgarbage', '_G', 'print', 'warn' } do\n"
        "  raises('\\nlocal x = ' .. name, \"scripts/x.lua:2: global '\" .. name .. \"' is not \")\n"
        "end\n"
        "raises('os.execute(\"true\")', \"global 'os' is not available\")\n"
        "raises('print(1)', 'use ctx.log.info')\n"
        "for _, name in ipairs { 'math.random', 'math.randomseed', 'string.dump', '(\"\").dump' } do\n"
        "  gives(nil, 'return ' .. name)\n"
        "end\n"
        "raises('return tostrin(1)', \"did you mean 'tostring'?\")\n"
        "raises('return maths.pi', \"did you mean 'math'?\")\n"
        "raises('return undefined_thing', \"global 'undefined_thing' is not defined\")\n");
}

static void globals_cannot_be_made(void **state) {
    run(*state,
        "raises('\\nx = 1', \"scripts/x.lua:2: global 'x' cannot be set: use local x\")\n"
        "raises('function f() end', \"global 'f' cannot be set\")\n"
        "raises('string = nil', \"global 'string' cannot be set\")\n"
        "raises('_ENV.x = 1', \"global 'x' cannot be set\")\n"
        "raises('setmetatable(_ENV, {})', 'protected')\n"
        "raises('table.insert(_ENV, 1)', 'cannot be set')\n"
        "gives(false, 'return getmetatable(_ENV)')\n"
        "gives(nil, 'return (next(_ENV))')\n");
}

static void only_text_is_loaded(void **state) {
    run(*state,
        "local code = string.dump(function() return 1 end)\n"
        "local fn, message, name = vm.load(code, '@scripts/x.lua', vm.sandbox())\n"
        "assert(fn == nil and name == 'config') has(message, 'binary chunk')\n"
        "fn, message, name = vm.load(('-'):rep(1024 * 1024 + 1), '@scripts/x.lua', {})\n"
        "assert(fn == nil and name == 'config') has(message, 'scripts/x.lua: larger than 1024 KiB')\n"
        "fn, message, name = vm.load('x = = 1', '@scripts/x.lua', {})\n"
        "assert(fn == nil and name == 'config') has(message, 'scripts/x.lua:1: ')\n"
        "assert(vm.load('\\xEF\\xBB\\xBFreturn 1', '@x', {})() == 1)\n");
}

static void metatables_are_kept_apart(void **state) {
    run(*state,
        "raises('setmetatable({}, { __gc = function() end })', 'no __gc here')\n"
        "raises('setmetatable({}, { __close = function() end })', 'no __close here')\n"
        "gives(false, 'return getmetatable(\"\")')\n"
        "gives(5, 'return getmetatable(setmetatable({}, { five = 5 })).five')\n"
        "gives(5, 'return setmetatable({}, { __index = { five = 5 } }).five')\n"
        "gives('no', 'return getmetatable(setmetatable({}, { __metatable = \"no\" }))')\n"
        "raises('setmetatable(setmetatable({}, { __metatable = \"no\" }), {})', 'protected')\n"
        "local ours = setmetatable({}, { __index = { secret = 1 } })\n"
        "gives(false, 'return getmetatable(...)', ours)\n"
        "local ok, e = protect('setmetatable(..., {})', ours)\n"
        "assert(not ok) has(e, 'protected')\n"
        "assert(protect('return setmetatable(setmetatable({}, {}), nil)'))\n");
}

static void the_engines_strings_stay_whole(void **state) {
    run(*state,
        "gives(nil, 'string.format = nil string.rep = nil table.concat = nil return string.format')\n"
        "assert(('x'):rep(3) == 'xxx' and string.format('%d', 1) == '1' and table.concat { 1 } == '1')\n"
        "gives('xx', 'string.rep = nil return (\"x\"):rep(2)')\n"
        "gives('xx', 'return string.rep(\"x\", 2)')\n"
        "raises('(\"\").rep = nil', 'index a string value')\n"
        "raises('local s = \"\" s.x = 1', 'index a string value')\n");
}

static void ordinary_lua_works(void **state) {
    run(*state,
        "gives(6, 'local n = 0 for _, v in ipairs { 1, 2, 3 } do n = n + v end return n')\n"
        "gives('b', 'local ok, e = pcall(error, { a = \"b\" }) return e.a')\n"
        "gives('x!', 'local ok, e = xpcall(error, function(e) return e .. \"!\" end, \"x\") return e')\n"
        "gives(3, 'return select(\"#\", pcall(function() return 1, 2 end))')\n"
        "gives(3, 'return select(2, xpcall(function(a, b) return a + b end, error, 1, 2))')\n"
        "gives('table', 'return type(next { {} } and {})')\n"
        "gives(4, 'return rawlen { 1, 2, 3, 4 } == rawlen \"abcd\" and rawget({ x = 4 }, \"x\")')\n"
        "gives('é', 'return utf8.char(233)')\n"
        "gives(2, 'return ...', 2)\n"
        "gives('extra', 'return \"extra\"')\n"
        "local env = vm.sandbox { given = 'extra' }\n"
        "assert(vm.load('return given', '@x', env)() == 'extra')\n");
}

static void raw_objects_are_tables(void **state) {
    run(*state,
        "local raw = require 'host.json'.raw '{\\"a\\":[1,2]}'\n"
        "gives('table', 'return type(...)', raw)\n"
        "gives('table', 'return type((...).a)', raw)\n"
        "gives(nil, 'return next(...)', raw)\n"
        "gives(nil, 'return rawget(..., \\"a\\")', raw)\n"
        "gives(0, 'return rawlen(...)', raw)\n"
        "gives(3, 'local n = 0 for _, v in ipairs((...).a) do n = n + v end return n', raw)\n"
        "local ok, e = protect('setmetatable(..., {})', raw) assert(not ok) has(e, 'table expected')\n"
        "gives(false, 'return getmetatable(...)', raw)\n");
}

static void coroutines_yield_through_pcall(void **state) {
    run(*state,
        "local script = compile('local wait = ... local ok, a = pcall(function()\\n'\n"
        "  .. 'return wait(1) + select(2, xpcall(wait, error, 2)) end)\\n'\n"
        "  .. 'local no, e = pcall(function() wait(3) error(\"late\", 0) end) return a, e')\n"
        "local co = vm.thread(script, 'x')\n"
        "local ok, got = vm.resume(co, coroutine.yield) assert(ok and got == 1)\n"
        "ok, got = vm.resume(co, 10) assert(ok and got == 2)\n"
        "ok, got = vm.resume(co, 20) assert(ok and got == 3, got)\n"
        "assert(vm.status(co) == 'suspended')\n"
        "local sum, e ok, sum, e = vm.resume(co)\n"
        "assert(ok and sum == 30 and e == 'late')\n"
        "assert(vm.status(co) == 'dead')\n"
        "ok, e = vm.resume(co) assert(not ok) has(e, 'dead coroutine')\n"
        "assert(not pcall(vm.resume, coroutine.create(print)))\n"
        "ok, e = vm.protect(script, coroutine.yield) assert(ok) has(e, 'outside a coroutine')\n");
}

static void errors_come_out_as_they_are(void **state) {
    run(*state,
        "local t = {}\n"
        "for _, how in ipairs { protect, resume } do\n"
        "  local ok, e = how('error(...)', t) assert(not ok and e == t)\n"
        "  ok, e = how('error()') assert(not ok and e == nil)\n"
        "  ok, e = how('\\nlocal x = nil + 1') assert(not ok)\n"
        "  has(e, 'scripts/x.lua:2: attempt to perform arithmetic on a nil value')\n"
        "  assert(not e:find('traceback', 1, true))\n"
        "  local mine = setmetatable({ breach = true, code = 'failed' }, {})\n"
        "  ok, e = how('pcall(error, ...)', mine) assert(not ok and e == mine)\n"
        "end\n");
}

static void threads_can_be_closed(void **state) {
    run(*state,
        "local closed = 0\n"
        "local mark = setmetatable({}, { __close = function() closed = closed + 1 end })\n"
        "local co = vm.thread(compile('local mark, wait = ... local x <close> = mark wait()'), 'x')\n"
        "assert(vm.resume(co, mark, coroutine.yield))\n"
        "assert(vm.close(co) and closed == 1 and vm.status(co) == 'dead')\n"
        "resume('local x <close> = ... error \"x\"', mark) assert(closed == 2)\n"
        "vm.limits { instructions = 100000 }\n"
        "local sly = 'local wait = ... local mt = {} local x <close> = setmetatable({}, mt)'\n"
        "local loop = 'function() while true do end end'\n"
        "local text = 'local wait = ... local mt = {} local t = setmetatable({}, mt)\\n'\n"
        "  .. 'mt.__close = ' .. loop .. '\\nlocal x <close> = t wait()'\n"
        "co = vm.thread(compile(text), 'x')\n"
        "assert(vm.resume(co, coroutine.yield))\n"
        "local ok, e = vm.close(co) assert(not ok and e.breach)\n"
        "ok, e = resume(text, error) assert(not ok)\n");
}

static void data_has_nothing_in_scope(void **state) {
    run(*state,
        "assert(vm.data('return { a = 1 }', '@p/plugin.lua').a == 1)\n"
        "local function no(text, part)\n"
        "  local v, message, code = vm.data(text, '@p/plugin.lua')\n"
        "  assert(v == nil and code == 'config') has(message, part)\n"
        "end\n"
        "no('return { os.time() }', \"p/plugin.lua:1: 'os' is not available: this file is data only\")\n"
        "no('x = 1', \"'x' is not available\")\n"
        "no('while true do end', 'instructions')\n"
        "no('return (\"x\"):rep((1 << 31) - 1)', 'memory')\n"
        "no('return {', 'p/plugin.lua:1: ')\n"
        "vm.limits { instructions = 1000000 }\n"
        "gives(1, 'for i = 1, 300000 do end return 1')\n");
}

/* Runs the chunk in a child; gives its exit status and what it wrote to stderr. */
static int run_in_child(const char *text, char *said, size_t max) {
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        lua_State *L = vm_new();
        luaL_loadstring(L, helpers);
        if (vm_call(L, 0, 0) || luaL_loadstring(L, text) || vm_call(L, 0, 0)) _exit(99);
        _exit(0);
    }
    close(ends[1]);
    size_t len = 0;
    ssize_t n;
    while (len + 1 < max && (n = read(ends[0], said + len, max - 1 - len)) > 0) len += (size_t)n;
    said[len] = '\0';
    close(ends[0]);
    int status;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void runaway_pattern_ends_the_process(void **state) {
    (void)state;
    static const char *const ways[] = {
        "vm.limits { cpu_s = 0.2 }\n"
        "resume('return (\"a\"):rep(5000):find((\".-\"):rep(50) .. \"b\")')\n",
        "vm.limits { cpu_s = 0.2 }\n"
        "vm.watch('scripts/x.lua, test')\n"
        "protect('return pcall(string.find, (\"a\"):rep(5000), (\".-\"):rep(50) .. \"b\")')\n",
        "vm.limits { cpu_s = 0.2 }\n"
        "resume('return (\"\"):rep(1 << 62)')\n",
        "vm.limits { cpu_s = 0.2 }\n"
        "resume('local t = setmetatable({}, { __len = function() return 1 << 60 end,'\n"
        "  .. '__index = {}, __newindex = {} }) table.insert(t, 1, 1)')\n",
    };
    char said[512];
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        assert_int_equal(run_in_child(ways[i], said, sizeof said), 3);
        assert_string_equal(said,
                            "reeve: scripts/x.lua, test: more than 0.2 s of CPU time without a host "
                            "call (limits.cpu_s); a runaway pattern match?\n");
    }
}

static void cpu_time_counts_only_inside_and_from_the_last_host_call(void **state) {
    (void)state;
    char said[512];
    int status = run_in_child("vm.limits { cpu_s = 0.2, instructions = 1e12 }\n"
                              "gives(1, 'return 1')\n"
                              "local t = os.clock() while os.clock() - t < 0.5 do end\n"
                              "local function spend()\n"
                              "  local from = os.clock()\n"
                              "  while os.clock() - from < 0.06 do end\n"
                              "  vm.progress()\n"
                              "end\n"
                              "gives(2, 'for _ = 1, 8 do (...)() end return 2', spend)\n",
                              said, sizeof said);
    assert_string_equal(said, "");
    assert_int_equal(status, 0);
}

static int one(lua_State *L) {
    lua_pushinteger(L, 1);
    return 1;
}

/* A mapping call costs little beside lua_pcall: 100,000 records are mapped in a run. */
static void protect_is_cheap(void **state) {
    lua_State *L = *state;
    struct timespec from, to;
    enum { CALLS = 100000 };
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
    for (int i = 0; i < CALLS; i++) {
        const char *former = vm_watch("scripts/x.lua, user");
        lua_pushcfunction(L, one);
        assert_int_equal(vm_protect(L, 0, 1), LUA_OK);
        vm_watch(former);
        lua_pop(L, 1);
    }
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
    double ns = ((double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec));
    print_message("# vm_protect: %.0f ns a call\n", ns / CALLS);
    assert_true(ns / CALLS < 3000);
}

static void protect_gives_results_and_breaches_to_c(void **state) {
    lua_State *L = *state;
    run(L, "vm.limits { instructions = 100000 } loop = compile 'while true do end'\n"
           "three = compile 'return 1, 2, 3' bad = compile 'error \"x\"'");
    int top = lua_gettop(L);
    lua_getglobal(L, "three");
    assert_int_equal(vm_protect(L, 0, 2), LUA_OK);
    assert_int_equal(lua_gettop(L), top + 2);
    lua_settop(L, top);
    lua_getglobal(L, "bad");
    assert_int_equal(vm_protect(L, 0, 2), LUA_ERRRUN);
    assert_string_equal(lua_tostring(L, -1), "scripts/x.lua:1: x");
    lua_settop(L, top);
    lua_getglobal(L, "loop");
    lua_pushinteger(L, 1);
    assert_int_equal(vm_protect(L, 1, 1), VM_BREACH);
    assert_int_equal(lua_gettop(L), top + 1);
    lua_getfield(L, -1, "message");
    assert_non_null(strstr(lua_tostring(L, -1), "scripts/x.lua:1: "));
    lua_settop(L, top);
}

#define WITH_STATE(test) cmocka_unit_test_setup_teardown(test, open_state, close_state)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runaway_pattern_ends_the_process),
        cmocka_unit_test(cpu_time_counts_only_inside_and_from_the_last_host_call),
        WITH_STATE(endless_loop_is_a_breach),
        WITH_STATE(pcall_does_not_swallow_a_breach),
        WITH_STATE(loops_behind_c_functions_are_breaches),
        WITH_STATE(trusted_pcall_does_not_swallow_a_breach),
        WITH_STATE(progress_starts_the_count_again),
        WITH_STATE(nothing_is_counted_outside),
        WITH_STATE(memory_is_capped),
        WITH_STATE(garbage_is_not_held_against_anybody),
        WITH_STATE(deep_recursion_ends_with_file_and_line),
        WITH_STATE(dangerous_names_are_absent),
        WITH_STATE(globals_cannot_be_made),
        WITH_STATE(only_text_is_loaded),
        WITH_STATE(metatables_are_kept_apart),
        WITH_STATE(the_engines_strings_stay_whole),
        WITH_STATE(ordinary_lua_works),
        WITH_STATE(raw_objects_are_tables),
        WITH_STATE(coroutines_yield_through_pcall),
        WITH_STATE(errors_come_out_as_they_are),
        WITH_STATE(threads_can_be_closed),
        WITH_STATE(data_has_nothing_in_scope),
        WITH_STATE(protect_is_cheap),
        WITH_STATE(protect_gives_results_and_breaches_to_c),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

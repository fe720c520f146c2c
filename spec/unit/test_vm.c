/* The VM's limits as C sees them; spec/unit/vm.lua holds the checks that can be written in Lua. */
#include "checks.h"

#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

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
        _exit(luaL_loadstring(L, text) || vm_call(L, 0, 0) ? 99 : 0);
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

#define PRELUDE                                                                    \
    "local vm = require 'host.vm'\n"                                               \
    "vm.limits { cpu_s = 0.2, instructions = 1e12 }\n"                             \
    "local function script(text)\n"                                                \
    "  return vm.load(text, '@scripts/x.lua', vm.sandbox())\n"                     \
    "end\n"                                                                        \
    "local function resume(text, ...)\n"                                           \
    "  return vm.resume(vm.thread(script(text), 'scripts/x.lua, test'), ...)\n"    \
    "end\n"

static void ends_at_the_limit(const char *text) {
    char said[512];
    assert_int_equal(run_in_child(text, said, sizeof said), 3);
    assert_string_equal(said, "reeve: scripts/x.lua, test: more than 0.2 s of CPU time without a "
                              "host call (limits.cpu_s); a runaway pattern match?\n");
}

static void runaway_pattern_ends_the_process(void **state) {
    (void)state;
    ends_at_the_limit(PRELUDE
                      "resume [[ return ('a'):rep(5000):find(('.-'):rep(50) .. 'b') ]]");
}

static void runaway_pattern_in_a_mapping_ends_the_process(void **state) {
    (void)state;
    ends_at_the_limit(PRELUDE
                      "vm.watch 'scripts/x.lua, test'\n"
                      "vm.protect(script [[\n"
                      "  pcall(string.find, ('a'):rep(5000), ('.-'):rep(50) .. 'b')\n"
                      "]])");
}

static void endless_library_loops_end_the_process(void **state) {
    (void)state;
    ends_at_the_limit(PRELUDE "resume [[ return (''):rep(1 << 62) ]]");
    ends_at_the_limit(PRELUDE
                      "resume [[\n"
                      "  local endless = { __len = function() return 1 << 60 end,\n"
                      "    __index = {}, __newindex = {} }\n"
                      "  table.insert(setmetatable({}, endless), 1, 1)\n"
                      "]]");
}

static void cpu_time_counts_only_inside_and_from_the_last_host_call(void **state) {
    (void)state;
    char said[512];
    int status = run_in_child(PRELUDE
                              "local function spend(s)\n"
                              "  local from = os.clock()\n"
                              "  while os.clock() - from < s do end\n"
                              "end\n"
                              "assert(resume 'return 1')\n"
                              "spend(0.5)\n"
                              "local function call() spend(0.06) vm.progress() end\n"
                              "assert(resume('for _ = 1, 8 do (...)() end', call))\n",
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
    (void)state;
    lua_State *L = vm_new();
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
    lua_close(L);
}

static void push_script(lua_State *L, const char *text) {
    lua_settop(L, 0);
    if (luaL_loadbuffer(L, text, strlen(text), "@scripts/x.lua") != LUA_OK) fail();
}

static void protect_gives_results_and_breaches_to_c(void **state) {
    (void)state;
    lua_State *L = vm_new();
    vm_limit(&(struct vm_limits){.memory = 1 << 24, .instructions = 100000, .cpu_s = 1});
    push_script(L, "return 1, 2, 3");
    assert_int_equal(vm_protect(L, 0, 2), LUA_OK);
    assert_int_equal(lua_gettop(L), 2);
    push_script(L, "error 'x'");
    assert_int_equal(vm_protect(L, 0, 2), LUA_ERRRUN);
    assert_string_equal(lua_tostring(L, -1), "scripts/x.lua:1: x");
    push_script(L, "while ... do end");
    lua_pushinteger(L, 1);
    assert_int_equal(vm_protect(L, 1, 1), VM_BREACH);
    assert_int_equal(lua_gettop(L), 1);
    lua_getfield(L, -1, "message");
    assert_non_null(strstr(lua_tostring(L, -1), "scripts/x.lua:1: "));
    lua_close(L);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runaway_pattern_ends_the_process),
        cmocka_unit_test(runaway_pattern_in_a_mapping_ends_the_process),
        cmocka_unit_test(endless_library_loops_end_the_process),
        cmocka_unit_test(cpu_time_counts_only_inside_and_from_the_last_host_call),
        cmocka_unit_test(protect_is_cheap),
        cmocka_unit_test(protect_gives_results_and_breaches_to_c),
    };
    return checks_run("spec/unit/vm.lua", tests, sizeof tests / sizeof tests[0]);
}

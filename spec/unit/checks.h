/* checks: tests written in Lua, run as the engine's own Lua is run.
 *
 * A file spec/unit/NAME.lua returns a table of functions; each is a test, and gets a state of its
 * own. For parts of the engine that no command shows directly. */
#ifndef REEVE_SPEC_CHECKS_H
#define REEVE_SPEC_CHECKS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../engine/api/vm.h"

enum { CHECKS_MAX = 100, CHECKS_NAME = 100, CHECKS_TEXT = 256 * 1024 };

static const char *checks_file;

/* Named as the engine's own chunks are, with "=": names with "@" are those of plugins' files. */
static int checks_load(lua_State *L) {
    static char text[CHECKS_TEXT], name[CHECKS_NAME];
    FILE *f = fopen(checks_file, "r");
    size_t len = f ? fread(text, 1, sizeof text, f) : 0;
    if (f) fclose(f);
    snprintf(name, sizeof name, "=%s", checks_file);
    return luaL_loadbuffer(L, text, len, name);
}

/* A new state with the file's table on top; NULL, and a line on stderr, where there is none. Tests
 * run from the root of the tree. */
static lua_State *checks_open(void) {
    lua_State *L = vm_new();
    if (L && checks_load(L) == LUA_OK && vm_call(L, 0, 1) == LUA_OK) return L;
    fprintf(stderr, "%s: %s\n", checks_file, L ? luaL_tolstring(L, -1, NULL) : "out of memory");
    return NULL;
}

static void checks_one(void **state) {
    lua_State *L = checks_open();
    assert_non_null(L);
    lua_getfield(L, -1, *state);
    int status = vm_call(L, 0, 0);
    if (status != LUA_OK) print_error("%s\n", luaL_tolstring(L, -1, NULL));
    lua_close(L);
    assert_int_equal(status, LUA_OK);
}

static int checks_by_name(const void *a, const void *b) {
    return strcmp(((const struct CMUnitTest *)a)->name, ((const struct CMUnitTest *)b)->name);
}

/* Runs the file's functions, by name, and before them the `n` tests given. */
static int checks_run(const char *file, const struct CMUnitTest *first, size_t n) {
    static struct CMUnitTest tests[CHECKS_MAX];
    static char names[CHECKS_MAX][CHECKS_NAME];
    size_t all = n;
    checks_file = file;
    lua_State *L = checks_open();
    if (!L) return 1;
    for (size_t i = 0; i < n; i++) tests[i] = first[i];
    for (lua_pushnil(L); lua_next(L, -2) && all < CHECKS_MAX; lua_pop(L, 1)) {
        snprintf(names[all], CHECKS_NAME, "%s", lua_tostring(L, -2));
        tests[all] = (struct CMUnitTest){
            .name = names[all], .test_func = checks_one, .initial_state = names[all]};
        all++;
    }
    lua_close(L);
    qsort(tests + n, all - n, sizeof tests[0], checks_by_name);
    return _cmocka_run_group_tests(file, tests, all, NULL, NULL);
}

#endif

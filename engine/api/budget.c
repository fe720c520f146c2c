#include "budget.h"

#include <inttypes.h>
#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

#include "../host/base/limits.h"
#include "../host/system/watchdog.h"
#include "cell.h"

enum {
    INTERVAL = 10000,  /* instructions from one look at the budget to the next */
    FRAMES = 50,       /* of the stack that are searched for a script's function */
    PLACE_MAX = 200,   /* bytes of "script:line" */
};

static struct {
    size_t used, memory;
    uint64_t instructions, limit;
    lua_State *thread; /* the one that runs scripted code; NULL outside */
    int depth;
    bool breach;
    const char *code; /* of the breach: "config", and "failed" where the machine has no memory */
    char text[PLACE_MAX + 200];
    bool over;             /* more than the limit is in use: the hook collects garbage, and looks */
    char place[PLACE_MAX]; /* where the limit was passed */
    /* The allocation that was refused last. Lua collects garbage and asks once more for the same;
     * the buffers of lauxlib do not, so one refusal that is not made good is enough. */
    struct {
        bool pending;
        void *block;
        size_t old, size;
    } refused;
} budget = {.memory = 64 * (size_t)MIB, .limit = 50 * 1000 * 1000};

static void on_count(lua_State *L, lua_Debug *ar);

void budget_reset(void) {
    memset(&budget, 0, sizeof budget);
    budget_set(64 * (size_t)MIB, 50 * 1000 * 1000);
}

void budget_set(size_t memory, uint64_t instructions) {
    budget.memory = memory;
    budget.limit = instructions;
}

size_t budget_memory(void) {
    return budget.memory;
}

uint64_t budget_instructions(void) {
    return budget.limit;
}

/* "script:line: " of the innermost function of a script, else the label of what runs, else "". Calls
 * nothing that allocates: the allocator itself asks. */
static void find_place(lua_State *L, char *place) {
    lua_Debug ar;
    place[0] = '\0';
    for (int level = 0; level < FRAMES && lua_getstack(L, level, &ar); level++) {
        if (!lua_getinfo(L, "Sl", &ar) || ar.source[0] != '@') continue;
        snprintf(place, PLACE_MAX, "%.150s:%d: ", ar.source + 1, ar.currentline);
        return;
    }
    if (watchdog_who()) snprintf(place, PLACE_MAX, "%.150s: ", watchdog_who());
}

/* Called by the allocator, so nothing here allocates; the hook looks into it at once. */
static void pass_limit(void) {
    find_place(budget.thread, budget.place);
    lua_sethook(budget.thread, on_count, LUA_MASKCOUNT, 1);
}

static bool refuse(void *block, size_t old, size_t size) {
    bool again = budget.refused.pending && budget.refused.block == block &&
                 budget.refused.old == old && budget.refused.size == size;
    if (!again) {
        budget.refused.pending = true;
        budget.refused.block = block;
        budget.refused.old = old;
        budget.refused.size = size;
        pass_limit();
    }
    return true;
}

/* Growth, inside, to more than twice the limit, garbage included: so much is given at once. A breach
 * under way needs memory for its error. */
static bool too_much(size_t old, size_t size) {
    return size > old && budget.depth > 0 && !budget.breach &&
           (size - old > 2 * budget.memory || budget.used > 2 * budget.memory - (size - old));
}

void *budget_alloc(void *ud, void *block, size_t old, size_t size) {
    (void)ud;
    if (!block) old = 0; /* Lua passes the kind of the object there */
    if (too_much(old, size) && refuse(block, old, size)) return NULL;
    if (budget.refused.pending && budget.refused.block == block && budget.refused.old == old &&
        budget.refused.size == size)
        budget.refused.pending = false;
    if (size == 0) {
        cell_free(block, old);
        budget.used -= old;
        return NULL;
    }
    void *now = cell_resize(block, old, size);
    if (!now) return NULL;
    budget.used += size - old;
    if (size > old && budget.used > budget.memory && budget.depth > 0 && !budget.over) {
        budget.over = true;
        pass_limit();
    }
    return now;
}

static void set_breach(const char *code, const char *place, const char *what) {
    budget.breach = true;
    budget.code = code;
    budget.over = budget.refused.pending = false;
    snprintf(budget.text, sizeof budget.text, "%s%s", place, what);
}

static void set_memory_breach(void) {
    char what[120];
    snprintf(what, sizeof what, "more than %zu MiB of memory are needed (limits.memory_mb)",
             budget.memory / MIB);
    set_breach("config", budget.place, what);
}

static void set_instruction_breach(lua_State *L) {
    char place[PLACE_MAX], what[140];
    find_place(L, place);
    snprintf(what, sizeof what,
             "more than %" PRIu64 " instructions without a host call (limits.instructions); "
             "an endless loop?",
             budget.limit);
    set_breach("config", place, what);
}

static int interval(void) {
    return budget.limit < INTERVAL ? (int)budget.limit + 1 : INTERVAL;
}

static int breach_text(lua_State *L) {
    lua_getfield(L, 1, "message");
    return 1;
}

static void push_breach(lua_State *L) {
    lua_createtable(L, 0, 3);
    lua_pushstring(L, budget.code);
    lua_setfield(L, -2, "code");
    lua_pushstring(L, budget.text);
    lua_setfield(L, -2, "message");
    lua_pushboolean(L, 1);
    lua_setfield(L, -2, "breach");
    if (luaL_newmetatable(L, "reeve.breach")) {
        lua_pushcfunction(L, breach_text);
        lua_setfield(L, -2, "__tostring");
    }
    lua_setmetatable(L, -2);
}

/* An error would be caught and raised again by each pcall on the way, which takes long when there
 * are many thousands; a yield leaves them all at once, and vm_resume ends what yielded. */
int budget_end(lua_State *L) {
    if (budget.breach && L == budget.thread && lua_isyieldable(L)) {
        lua_pop(L, 1);
        return lua_yield(L, 0);
    }
    budget_error(L);
    return lua_error(L);
}

/* More than the limit is in use. Without its garbage too? */
static void collect(lua_State *L) {
    budget.over = false;
    lua_gc(L, LUA_GCCOLLECT);
    if (budget.used > budget.memory) set_memory_breach();
}

/* The hook. After a breach it is set to each instruction, and ends whatever it is called for. */
static void on_count(lua_State *L, lua_Debug *ar) {
    (void)ar;
    if (budget.depth == 0) return;
    if (budget.refused.pending) set_memory_breach();
    if (budget.over && !budget.breach) collect(L);
    if (!budget.breach) {
        int step = lua_gethookcount(L);
        budget.instructions += (uint64_t)step;
        if (step != interval()) lua_sethook(L, on_count, LUA_MASKCOUNT, interval());
        if (budget.instructions <= budget.limit) return;
        set_instruction_breach(L);
    }
    lua_sethook(L, on_count, LUA_MASKCOUNT, 1);
    lua_pushnil(L);
    budget_end(L);
}

void budget_count(lua_State *L) {
    lua_sethook(L, on_count, LUA_MASKCOUNT, interval());
}

struct budget_outer budget_enter(lua_State *L) {
    struct budget_outer outer = {budget.thread, lua_gethook(L) == on_count};
    if (!outer.counted) budget_count(L);
    budget.thread = L;
    budget.depth++;
    budget.instructions = 0;
    return outer;
}

void budget_leave(lua_State *L, struct budget_outer outer) {
    budget.depth--;
    budget.thread = outer.thread;
    budget.instructions = 0;
    if (!outer.counted) lua_sethook(L, NULL, 0, 0);
    if (budget.depth > 0) return;
    budget.breach = budget.over = budget.refused.pending = false;
}

bool budget_inside(void) {
    return budget.depth > 0;
}

void budget_progress(void) {
    budget.instructions = 0;
}

static bool is_breach(lua_State *L, int idx) {
    if (!lua_istable(L, idx) || !lua_checkstack(L, 2)) return false;
    idx = lua_absindex(L, idx);
    lua_pushliteral(L, "breach");
    lua_rawget(L, idx);
    bool yes = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return yes;
}

bool budget_breached(lua_State *L, int status) {
    if (budget.depth > 0 && budget.refused.pending) set_memory_breach();
    if (budget.breach || status == LUA_OK || status == LUA_YIELD) return budget.breach;
    return status == LUA_ERRMEM || is_breach(L, -1);
}

/* What follows "engine/lua/reeve.paginate:37: ": a line of ours tells a plugin's author nothing. */
static const char *without_our_place(const char *text) {
    static const char ours[] = "engine/lua/reeve.";
    const char *end = strncmp(text, ours, sizeof ours - 1) == 0 ? strstr(text, ": ") : NULL;
    return end ? end + 2 : text;
}

void budget_place_error(lua_State *L, lua_State *failed) {
    char place[PLACE_MAX];
    if (lua_type(L, -1) != LUA_TSTRING || !lua_checkstack(L, 3)) return;
    find_place(failed, place);
    size_t script = strcspn(place, ":,");
    if (strncmp(lua_tostring(L, -1), place, script) == 0) return;
    lua_pushfstring(L, "%s%s", place, without_our_place(lua_tostring(L, -1)));
    lua_remove(L, -2);
}

void budget_error(lua_State *L) {
    if (is_breach(L, -1)) return;
    if (!budget.breach) set_breach("failed", "", "out of memory");
    lua_pop(L, 1);
    push_breach(L);
}

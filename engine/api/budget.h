/* budget: what scripted code may use of memory and instructions, and what happens beyond.
 *
 * The memory limit is on what the whole state holds without its garbage; with it, at most twice as
 * much, which bounds what one call of a library may build.
 *
 * Only code between budget_enter and budget_leave is held to anything; vm.c is their caller. Where
 * a limit is passed there is a *breach*: it lasts until the outermost budget_leave, and meanwhile
 * every Lua function on the thread is ended at its next instruction, so that no pcall, coroutine or
 * __close in between can go on. Memory refused to a C function raises Lua's own "not enough
 * memory"; whoever catches an error of scripted code asks budget_breached first. */
#ifndef REEVE_BUDGET_H
#define REEVE_BUDGET_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The allocator of the state; counts always, refuses only inside. `ud` is unused. */
void *budget_alloc(void *ud, void *block, size_t old, size_t size);

/* Forgets everything, for a new state. */
void budget_reset(void);

void budget_set(size_t memory, uint64_t instructions);
size_t budget_memory(void);
uint64_t budget_instructions(void);

/* Scripted code begins to run on L, or ends; they nest. Enter gives what leave wants back. L is
 * counted from here on (budget_count), and where it was not before, leave stops that. */
struct budget_outer {
    lua_State *thread;
    bool counted;
};
struct budget_outer budget_enter(lua_State *L);
void budget_leave(lua_State *L, struct budget_outer outer);

/* Has L's instructions counted whenever it runs inside; for coroutines, once. */
void budget_count(lua_State *L);

/* Does scripted code run? */
bool budget_inside(void);

/* Instructions are counted from zero again. */
void budget_progress(void);

/* Is this result of a protected call a breach, or memory refused? `status` is Lua's; where it is an
 * error's, the error is on top of L's stack, and a table with breach = true counts, whoever made
 * it.  [-0, +0, -] */
bool budget_breached(lua_State *L, int status);

/* Pushes the error table that stands for the breach in L's error on top: that one where it is one
 * already, else a new one. Replaces the error.  [-1, +1, m] */
void budget_error(lua_State *L);

/* Ends what runs on L because of a breach, with the error on top. The result is for a C function to
 * return; a hook does nothing after it.  [-1, +0, e] */
int budget_end(lua_State *L);

/* Where the error on top of L is a string that does not begin with the name of the script that
 * failed, puts "script:line: " before it (errors raised in C have none), or the watchdog's label
 * where no function of the script is left, as after a tail call. `failed` is the coroutine, or L
 * itself in a message handler; its stack must not be unwound yet.  [-1, +1, m] */
void budget_place_error(lua_State *L, lua_State *failed);

#endif

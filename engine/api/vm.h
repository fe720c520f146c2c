/* vm: the Lua state, and the few places where Lua is called.
 *
 * One process has one state. The engine's own Lua (engine/lua, embedded in the program) is
 * trusted and sees the whole standard library and `require "host.NAME"`; plugins and operators'
 * scripts are functions loaded into a sandbox (sandbox.h) and are only ever run by vm_protect and
 * vm_resume, which hold them to three limits:
 *   memory        bytes of the whole state while such code runs,
 *   instructions  counted since the last vm_progress,
 *   CPU time      since the last vm_progress, for what no instruction count sees.
 * The first two end the run as a *breach*: an error table { code = "config", breach = true,
 * message = "script:line: …" } that a plugin's pcall raises again. The third ends the process with
 * status 3 and a message that names the label given by vm_watch. */
#ifndef REEVE_VM_H
#define REEVE_VM_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What vm_protect and vm_resume return for a breach, beside LUA_OK, LUA_YIELD, LUA_ERR…  */
enum { VM_BREACH = 100 };

struct vm_limits {
    size_t memory;         /* bytes */
    uint64_t instructions; /* between two host calls */
    double cpu_s;          /* seconds of CPU between two host calls */
};

/* A state with the engine's libraries and modules, ready for require(); NULL where memory is out.
 * The caller ends it with lua_close. The limits are the defaults. */
lua_State *vm_new(void);

/* Slots that the state and every coroutine begin with, reserved by lua_checkstack() outside all
 * calls, so that the stack does not move while a metamethod `..` runs (secret.c says why). */
enum { VM_STACK_ROOM = 1000 };

/* Runs the engine's Lua entry (module "main") on argv; the result is the exit status. */
int vm_main(int argc, char **argv);

/* Sets the limits from here on. */
void vm_limit(const struct vm_limits *limits);

/* Calls the function below its `nargs` arguments on the stack, as lua_pcall does, and is the only
 * caller of lua_pcall. For trusted code. On failure one value, the error with its traceback where
 * it was a string (an error table stays as it is), is left in place of the results.
 * [-(nargs+1), +nresults|1, -] */
int vm_call(lua_State *L, int nargs, int nresults);

/* The same for a function of a plugin or script (a mapping), under the limits; such a function
 * cannot yield. Costs about as much as lua_pcall. The error is left without a traceback. On
 * VM_BREACH the caller passes the error table on by lua_error and does nothing else: any Lua code
 * that runs before the outermost vm_resume or vm_protect has returned is ended by the same error.
 * Begins and ends with vm_progress. The returned values may be tables with metatables of the
 * plugin's making: read them raw (lua_rawget, lua_next), or sandbox_tame them first. An error is
 * tame.  [-(nargs+1), +nresults|1, -] */
int vm_protect(lua_State *L, int nargs, int nresults);

/* Pops a function and pushes a coroutine that will run it under the limits. `label` (a script and
 * what it does, "plugins/acme/connector.lua, list user") is copied.  [-1, +1, m] */
lua_State *vm_thread(lua_State *L, const char *label);

/* Resumes a coroutine made by vm_thread with the top `nargs` values of L, and is the only caller of
 * lua_resume. LUA_YIELD, LUA_OK: `*nresults` values are pushed on L; otherwise the error alone, and
 * the coroutine is closed.  [-nargs, +*nresults|1, -] */
int vm_resume(lua_State *L, lua_State *thread, int nargs, int *nresults);

/* Ends a suspended coroutine: its to-be-closed values are closed, under the limits. LUA_OK, or
 * the error is pushed.  [-0, +0|1, -] */
int vm_close(lua_State *L, lua_State *thread);

/* The label of a coroutine made by vm_thread, as long as it lives; NULL for any other. */
const char *vm_label(lua_State *L, lua_State *thread);

/* A host call was made: instructions and CPU time are counted from zero again. */
void vm_progress(lua_State *L);

/* The same, for a call that asks the target nothing: what scripted code may go on with for
 * LIMIT_GIVEN times. False, and nothing is counted anew, where that is over. */
bool vm_give(lua_State *L);

/* Names what runs, for the message of the CPU-time limit, and returns the former name. Not copied:
 * the text lives until another is set. vm_resume sets and restores the coroutine's own. */
const char *vm_watch(const char *label);

#endif

/* vm: the Lua state, and the one place where Lua is called.
 *
 * One process has one state. The engine's own Lua (engine/lua, embedded in the program) is
 * trusted and sees the whole standard library and `require "host.NAME"`; plugins and operators'
 * scripts run in sandboxes made from it (sandbox.h) and see neither. */
#ifndef REEVE_VM_H
#define REEVE_VM_H

#include <lua.h>
#include <stddef.h>

/* Runs the engine's Lua entry (module "main") on argv; the result is the exit status. */
int vm_main(int argc, char **argv);

/* Calls the function below its `nargs` arguments on the stack, as lua_pcall does, and is the only
 * caller of lua_pcall. On failure one value, the error with its traceback where it was a string
 * (an error table stays as it is), is left in place of the results.  [-(nargs+1), +nresults|1, -] */
int vm_call(lua_State *L, int nargs, int nresults);

/* The text of an embedded module ("main", "command.sync"); NULL where there is none. */
const char *vm_embedded(const char *module, size_t *len);

#endif

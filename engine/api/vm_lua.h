/* vm_lua: the VM and its sandboxes for the engine's Lua, require "host.vm".
 *
 *   sandbox([extra]) -> env             extra: further globals, copied in (require, say)
 *   load(text, chunkname, env) -> fn | nil, message, "config"      text only, no bytecode
 *   data(text, chunkname) -> value | nil, message, "config"        a chunk with nothing in scope
 *   limits{ memory_mb =, instructions =, cpu_s = }                 absent ones stay
 *   thread(fn, label) -> coroutine      run by resume alone, never by coroutine.resume
 *   resume(coroutine, …) -> true, … (yielded or returned: see status) | false, error
 *   status(coroutine) -> "suspended" | "running" | "normal" | "dead"
 *   close(coroutine) -> true | false, error
 *   protect(fn, …) -> true, … | false, error                       for a mapping; cannot yield
 *   progress()                          a host call was made
 *   watch(label) -> former label        for the message of the CPU-time limit
 *
 * What a coroutine returned when it ended, and errors, have no metatables of the plugin's making any
 * more (sandbox_tame), so reading them is safe. What protect returns is to be read raw.
 *
 * An error is what was raised: a string that begins with script:line, a table, or, for a breach,
 * the table { code = "config", breach = true, message = … }. A raised table with breach = true,
 * whoever made it, goes through every pcall of a plugin: so the engine ends a run from within.
 * A chunkname is "@" and the path as messages shall show it. */
#ifndef REEVE_VM_LUA_H
#define REEVE_VM_LUA_H

#include <lua.h>

int luaopen_host_vm(lua_State *L);

#endif

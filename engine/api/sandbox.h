/* sandbox: what plugins and operators' scripts see of Lua.
 *
 * A sandbox is an environment table made by an allow-list: assert error ipairs next pairs pcall
 * rawequal rawget rawlen select tonumber tostring type xpcall getmetatable setmetatable, and its
 * own copies of math (no random), string (no dump), table and utf8. It refuses new globals, names
 * a global that is not there, and cannot reach the engine's tables: every library table is a copy
 * of its own, the metatable of strings is hidden, getmetatable shows only what setmetatable set.
 * Raw JSON objects (json.h) are tables to it: type() says so, next and rawget see nothing in them.
 *
 * Lua sees this as require "host.vm":
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
 * An error is what was raised: a string with script:line, a table, or, for a breach, the table
 * { code = "config", breach = true, message = … }. */
#ifndef REEVE_SANDBOX_H
#define REEVE_SANDBOX_H

#include <lua.h>
#include <stdbool.h>

/* Pushes a new environment; the table at index `extra` (0: none) gives further globals.
 * [-0, +1, m] */
void sandbox_new(lua_State *L, int extra);

/* Whether this metatable was set by a sandboxed setmetatable. [-0, +0, -] */
bool sandbox_made(lua_State *L, int metatable);

#endif

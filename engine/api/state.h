/* host.state, bound by state.c; what the binding of stage needs of it. */
#ifndef REEVE_API_STATE_H
#define REEVE_API_STATE_H

#include <lua.h>

#include "../host/store/state.h"

/* The open state at idx; raises where there is none, or it is closed.  [-0, +0, v] */
struct state *state_check(lua_State *L, int idx);

int luaopen_host_state(lua_State *L);

#endif

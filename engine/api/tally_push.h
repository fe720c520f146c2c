/* tally_push: a run's tally as a Lua table. */
#ifndef REEVE_API_TALLY_PUSH_H
#define REEVE_API_TALLY_PUSH_H

#include <lua.h>

#include "../host/store/state.h"
#include "../host/store/tally.h"

/* A tally as a userdata, freed by its __gc.  [-0, +1, m] */
struct tally *tally_new(lua_State *L);

/* Pushes { types = { user = {added=, changed=, removed=, fields={status=n}} }, entitlements = {
 * {type=, id=, slug=, privileged=, before=, added=, removed=}, … }, conflicts=, dangling=,
 * skipped=, skipped_records=, aside_records=, faults=, changes= }.  [-0, +1, m] */
void tally_push(lua_State *L, const struct tally *t, struct state *s, uint64_t run);

#endif

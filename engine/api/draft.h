/* host.draft: a file that takes its place when it is whole (host/system/draft.h).
 *
 *   open(place) -> draft | nil, message, code
 *   draft:path() -> what to open to write it, in this process
 *   draft:keep() -> true | nil, message, code
 *   draft:close()                             what was not kept is gone */
#ifndef REEVE_API_DRAFT_H
#define REEVE_API_DRAFT_H

#include <lua.h>

int luaopen_host_draft(lua_State *L);

#endif

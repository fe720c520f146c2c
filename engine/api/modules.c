#include "modules.h"

#include <stddef.h>

#include "server.h"

const luaL_Reg api_modules[] = {
    {"host.server", luaopen_host_server},
    {NULL, NULL},
};

#include "modules.h"

#include <stddef.h>

const luaL_Reg api_modules[] = {
    {NULL, NULL},
};

#include "modules.h"

#include <stddef.h>

#include "asset.h"
#include "c1z.h"
#include "c1z_read.h"
#include "draft.h"
#include "http.h"
#include "json.h"
#include "log.h"
#include "secret.h"
#include "server.h"
#include "sign.h"
#include "stage.h"
#include "state.h"
#include "store.h"
#include "sys.h"
#include "vm_lua.h"
#include "wire.h"

const luaL_Reg api_modules[] = {
    {"host.asset", luaopen_host_asset},
    {"host.c1z", luaopen_host_c1z},
    {"host.c1z_read", luaopen_host_c1z_read},
    {"host.draft", luaopen_host_draft},
    {"host.http", luaopen_host_http},
    {"host.json", luaopen_host_json},
    {"host.log", luaopen_host_log},
    {"host.secret", luaopen_host_secret},
    {"host.server", luaopen_host_server},
    {"host.sign", luaopen_host_sign},
    {"host.stage", luaopen_host_stage},
    {"host.state", luaopen_host_state},
    {"host.store", luaopen_host_store},
    {"host.sys", luaopen_host_sys},
    {"host.vm", luaopen_host_vm},
    {"host.wire", luaopen_host_wire},
    {NULL, NULL},
};

/* Files, folders and locks, as part of host.sys. */
#include <limits.h>
#include <string.h>

#include "../host/base/limits.h"
#include "../host/system/file.h"
#include "../host/system/folder.h"
#include "../host/system/lock.h"
#include "api.h"
#include "sys.h"

#define LOCK_CLASS "reeve.lock"

/* A path: text without NULs, for the kernel would read less than Lua wrote. */
static const char *check_path(lua_State *L, int arg) {
    size_t len;
    const char *path = luaL_checklstring(L, arg, &len);
    luaL_argcheck(L, len > 0 && len < PATH_MAX && strlen(path) == len, arg, "not a path");
    return path;
}

static enum file_trust check_trust(lua_State *L, int arg) {
    static const char *const names[] = {"any", "trusted", "private", NULL};
    if (lua_isboolean(L, arg)) return lua_toboolean(L, arg) ? FILE_TRUSTED : FILE_ANY;
    return (enum file_trust)luaL_checkoption(L, arg, "any", names);
}

static mode_t check_mode(lua_State *L, int arg, lua_Integer otherwise) {
    lua_Integer mode = luaL_optinteger(L, arg, otherwise);
    luaL_argcheck(L, mode >= 0 && mode <= 07777, arg, "not a mode");
    return (mode_t)mode;
}

/* read_file(path, max [, trust]) */
static int l_read_file(lua_State *L) {
    struct error e = {0};
    const char *path = check_path(L, 1);
    lua_Integer max = luaL_checkinteger(L, 2);
    enum file_trust trust = check_trust(L, 3);
    luaL_argcheck(L, max >= 0, 2, "a size expected");
    struct buf *b = api_buf(L, (size_t)max);
    enum err rc = file_read(path, (size_t)max, trust, b, &e);
    if (rc) return api_fail(L, &e);
    lua_pushlstring(L, b->data, b->len);
    buf_free(b);
    return 1;
}

/* check_file(path [, trust]) */
static int l_check_file(lua_State *L) {
    struct error e = {0};
    const char *path = check_path(L, 1);
    enum file_trust trust = lua_isnoneornil(L, 2) ? FILE_TRUSTED : check_trust(L, 2);
    return api_result(L, file_check(path, trust, &e), &e);
}

/* write_file(path, bytes [, mode]) */
static int l_write_file(lua_State *L) {
    struct error e = {0};
    size_t len;
    const char *path = check_path(L, 1);
    const char *bytes = luaL_checklstring(L, 2, &len);
    return api_result(L, file_write(path, bytes, len, check_mode(L, 3, 0), &e), &e);
}

/* create_file(path, bytes [, mode]): "busy" where there is one */
static int l_create_file(lua_State *L) {
    struct error e = {0};
    size_t len;
    const char *path = check_path(L, 1);
    const char *bytes = luaL_checklstring(L, 2, &len);
    return api_result(L, file_create(path, bytes, len, check_mode(L, 3, 0600), &e), &e);
}

static int l_rename(lua_State *L) {
    struct error e = {0};
    return api_result(L, file_rename(check_path(L, 1), check_path(L, 2), &e), &e);
}

static int l_remove_file(lua_State *L) {
    struct error e = {0};
    return api_result(L, file_remove(check_path(L, 1), &e), &e);
}

static int l_mkdir_p(lua_State *L) {
    struct error e = {0};
    return api_result(L, folder_make(check_path(L, 1), check_mode(L, 2, 0700), &e), &e);
}

static int l_remove_tree(lua_State *L) {
    struct error e = {0};
    return api_result(L, folder_remove(check_path(L, 1), &e), &e);
}

static int l_list_dir(lua_State *L) {
    struct error e = {0};
    const char *path = check_path(L, 1);
    struct buf *names = api_buf(L, LIMIT_DIR_LIST);
    if (folder_list(path, names, &e)) return api_fail(L, &e);
    lua_newtable(L);
    lua_Integer i = 0;
    for (size_t at = 0; at < names->len; at += strlen(names->data + at) + 1) {
        lua_pushstring(L, names->data + at);
        lua_rawseti(L, -2, ++i);
    }
    buf_free(names);
    return 1;
}

static const char *kind_name(char kind) {
    if (kind == 'f') return "file";
    if (kind == 'd') return "directory";
    return kind == 'l' ? "link" : "other";
}

/* stat(path [, nofollow]) -> {type, mode, owner, size, mtime} */
static int l_stat(lua_State *L) {
    struct error e = {0};
    struct file_facts facts;
    const char *path = check_path(L, 1);
    if (file_stat(path, !lua_toboolean(L, 2), &facts, &e)) return api_fail(L, &e);
    lua_createtable(L, 0, 5);
    lua_pushstring(L, kind_name(facts.kind));
    lua_setfield(L, -2, "type");
    lua_pushinteger(L, facts.mode);
    lua_setfield(L, -2, "mode");
    lua_pushinteger(L, facts.owner);
    lua_setfield(L, -2, "owner");
    lua_pushinteger(L, (lua_Integer)facts.size);
    lua_setfield(L, -2, "size");
    lua_pushnumber(L, facts.changed);
    lua_setfield(L, -2, "mtime");
    return 1;
}

static int l_real_path(lua_State *L) {
    struct error e = {0};
    const char *path = check_path(L, 1);
    struct buf *b = api_buf(L, PATH_MAX);
    if (file_real(path, b, &e)) return api_fail(L, &e);
    lua_pushlstring(L, b->data, b->len);
    return 1;
}

static int l_network_fs(lua_State *L) {
    lua_pushstring(L, folder_network(check_path(L, 1)));
    return 1;
}

static int close_scratch(lua_State *L) {
    luaL_Stream *file = luaL_checkudata(L, 1, LUA_FILEHANDLE);
    lua_pushboolean(L, fclose(file->f) == 0);
    return 1;
}

/* scratch() -> a file as io.open gives it, without a name */
static int l_scratch(lua_State *L) {
    struct error e = {0};
    luaL_Stream *file = lua_newuserdatauv(L, sizeof *file, 0);
    file->closef = NULL;
    luaL_setmetatable(L, LUA_FILEHANDLE);
    if (file_scratch(&file->f, &e)) return api_fail(L, &e);
    file->closef = close_scratch;
    return 1;
}

static struct lock **check_lock(lua_State *L) {
    return luaL_checkudata(L, 1, LOCK_CLASS);
}

/* lock(path) -> lock | nil, message, "busy" */
static int l_lock(lua_State *L) {
    struct error e = {0};
    const char *path = check_path(L, 1);
    struct lock **place = lua_newuserdatauv(L, sizeof *place, 0);
    *place = NULL;
    luaL_setmetatable(L, LOCK_CLASS);
    return lock_take(path, place, &e) ? api_fail(L, &e) : 1;
}

/* locked(path) -> note | nil: by whom it is held, taking nothing */
static int l_locked(lua_State *L) {
    char note[LOCK_NOTE_MAX + 1];
    if (lock_held(check_path(L, 1), note))
        lua_pushstring(L, note);
    else
        lua_pushnil(L);
    return 1;
}

static int l_note(lua_State *L) {
    size_t len;
    struct lock **place = check_lock(L);
    const char *text = luaL_checklstring(L, 2, &len);
    luaL_argcheck(L, *place, 1, "released already");
    lock_note(*place, text, len);
    return 0;
}

static int l_release(lua_State *L) {
    struct lock **place = check_lock(L);
    lock_release(*place);
    *place = NULL;
    return 0;
}

void sys_file_open(lua_State *L) {
    static const luaL_Reg lock_methods[] = {
        {"note", l_note}, {"release", l_release}, {NULL, NULL},
    };
    static const luaL_Reg functions[] = {
        {"read_file", l_read_file},
        {"check_file", l_check_file},
        {"write_file", l_write_file},
        {"create_file", l_create_file},
        {"rename", l_rename},
        {"remove_file", l_remove_file},
        {"mkdir_p", l_mkdir_p},
        {"remove_tree", l_remove_tree},
        {"list_dir", l_list_dir},
        {"stat", l_stat},
        {"real_path", l_real_path},
        {"network_fs", l_network_fs},
        {"scratch", l_scratch},
        {"lock", l_lock},
        {"locked", l_locked},
        {NULL, NULL},
    };
    api_class(L, LOCK_CLASS, lock_methods, l_release);
    luaL_setfuncs(L, functions, 0);
}

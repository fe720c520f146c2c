#include "c1z.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "pack.h"

struct c1z {
    sqlite3 *db; /* NULL once finished */
    sqlite3_stmt *insert[C1Z_TABLES];
    int fd; /* the same file, for who packs it */
    char sync_id[64], started[64], folder[PATH_MAX];
};

/* Columns that later readers know are left out: their absence never hurts, their presence breaks
 * what older readers copy. */
static const char schema[] =
    "pragma journal_mode=off; pragma synchronous=off; pragma locking_mode=exclusive;"
    "create table v1_resource_types (id integer primary key, external_id text not null,"
    " data blob not null, sync_id text not null, discovered_at datetime not null);"
    "create table v1_resources (id integer primary key, resource_type_id text not null,"
    " external_id text not null, parent_resource_type_id text, parent_resource_id text,"
    " data blob not null, sync_id text not null, discovered_at datetime not null);"
    "create table v1_entitlements (id integer primary key, resource_type_id text not null,"
    " resource_id text not null, external_id text not null,"
    " data blob not null, sync_id text not null, discovered_at datetime not null);"
    "create table v1_grants (id integer primary key, resource_type_id text not null,"
    " resource_id text not null, entitlement_id text not null,"
    " principal_resource_type_id text not null, principal_resource_id text not null,"
    " external_id text not null,"
    " data blob not null, sync_id text not null, discovered_at datetime not null);"
    "create table v1_sync_runs (id integer primary key, sync_id text not null,"
    " started_at datetime not null, ended_at datetime, sync_token text not null,"
    " sync_type text not null default 'full', parent_sync_id text not null default '',"
    " linked_sync_id text not null default '', supports_diff integer not null default 0);"
    "begin;";

/* Made at the end: sorting once costs less than a place for each row as it comes. The names are
 * the format's, the swapped one of resources too. */
static const char indexes[] =
    "create unique index idx_resource_types_external_sync_v1"
    " on v1_resource_types (external_id, sync_id);"
    "create unique index idx_resources_parent_resource_id_v1"
    " on v1_resources (external_id, sync_id);"
    "create unique index idx_entitlements_external_sync_v1"
    " on v1_entitlements (external_id, sync_id);"
    "create unique index idx_grants_external_sync_v1 on v1_grants (external_id, sync_id);"
    "create unique index idx_sync_runs_sync_id_v1 on v1_sync_runs (sync_id);";

/* Text columns first, in the header's order, then message, sync id and time. */
static const struct {
    size_t columns;
    const char *insert;
} tables[C1Z_TABLES] = {
    {1, "insert into v1_resource_types (external_id, data, sync_id, discovered_at)"
        " values (?, ?, ?, ?)"},
    {4, "insert into v1_resources (resource_type_id, external_id, parent_resource_type_id,"
        " parent_resource_id, data, sync_id, discovered_at) values (?, ?, ?, ?, ?, ?, ?)"},
    {3, "insert into v1_entitlements (resource_type_id, resource_id, external_id,"
        " data, sync_id, discovered_at) values (?, ?, ?, ?, ?, ?)"},
    {6, "insert into v1_grants (resource_type_id, resource_id, entitlement_id,"
        " principal_resource_type_id, principal_resource_id, external_id,"
        " data, sync_id, discovered_at) values (?, ?, ?, ?, ?, ?, ?, ?, ?)"},
};

size_t c1z_columns(enum c1z_table table) {
    return tables[table].columns;
}

static enum err no_memory(struct error *e) {
    return err_set(e, ERR_NOMEM, "write tables: out of memory");
}

static enum err failed(struct c1z *c, struct error *e) {
    int code = c->db ? sqlite3_errcode(c->db) : SQLITE_NOMEM;
    if (code == SQLITE_NOMEM) return no_memory(e);
    enum err rc = code == SQLITE_CONSTRAINT || code == SQLITE_TOOBIG ? ERR_FAILED : ERR_STORAGE;
    return err_set(e, rc, "write tables in %s: %s", c->folder, sqlite3_errmsg(c->db));
}

static enum err execute(struct c1z *c, const char *sql, struct error *e) {
    return sqlite3_exec(c->db, sql, NULL, NULL, NULL) == SQLITE_OK ? ERR_OK : failed(c, e);
}

static enum err open_database(struct c1z *c, const char *path, struct error *e) {
    if (sqlite3_open_v2(path, &c->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL))
        return failed(c, e);
    /* Readers take pages of any size; large ones are fewer to write. They come first: SQLite counts
     * the cache in pages of the size at hand. */
    char sizes[64];
    snprintf(sizes, sizeof sizes, "pragma page_size=16384; pragma cache_size=-%d", C1Z_CACHE_KIB);
    enum err rc = execute(c, sizes, e);
    return rc ? rc : execute(c, schema, e);
}

/* A new file in the folder that has lost its name once SQLite has it open. */
static enum err open_unnamed(struct c1z *c, struct error *e) {
    char path[PATH_MAX];
    int n = snprintf(path, sizeof path, "%s/.c1z-XXXXXX", c->folder);
    if (n < (int)sizeof path)
        c->fd = mkostemp(path, O_CLOEXEC);
    else
        errno = ENAMETOOLONG;
    if (c->fd < 0) return err_errno(e, ERR_STORAGE, "write tables in", c->folder);
    enum err rc = open_database(c, path, e);
    unlink(path);
    return rc;
}

/* The insert of a table, with what is the same in all its rows. */
static enum err prepare(struct c1z *c, enum c1z_table table, struct error *e) {
    sqlite3_stmt **s = &c->insert[table];
    int n = (int)tables[table].columns;
    int rc = sqlite3_prepare_v2(c->db, tables[table].insert, -1, s, NULL);
    if (!rc) rc = sqlite3_bind_text(*s, n + 2, c->sync_id, -1, SQLITE_STATIC);
    if (!rc) rc = sqlite3_bind_text(*s, n + 3, c->started, -1, SQLITE_STATIC);
    return rc ? failed(c, e) : ERR_OK;
}

static enum err add_run(struct c1z *c, enum c1z_sync type, struct error *e) {
    static const char *const names[] = {"full", "partial", "resources_only"};
    char *sql = sqlite3_mprintf(
        "insert into v1_sync_runs (sync_id, started_at, sync_token, sync_type, supports_diff)"
        " values (%Q, %Q, '{\"version\":1}', %Q, %d)",
        c->sync_id, c->started, names[type], type == C1Z_FULL);
    if (!sql) return no_memory(e);
    enum err rc = execute(c, sql, e);
    sqlite3_free(sql);
    return rc;
}

enum err c1z_open(struct c1z **out, const char *folder, enum c1z_sync type, const char *sync_id,
                  const char *started, struct error *e) {
    struct c1z *c = calloc(1, sizeof *c);
    if (!c) return no_memory(e);
    c->fd = -1;
    snprintf(c->sync_id, sizeof c->sync_id, "%s", sync_id);
    snprintf(c->started, sizeof c->started, "%s", started);
    snprintf(c->folder, sizeof c->folder, "%s", folder);
    enum err rc = open_unnamed(c, e);
    for (int i = 0; !rc && i < C1Z_TABLES; i++) rc = prepare(c, (enum c1z_table)i, e);
    if (!rc) rc = add_run(c, type, e);
    if (rc) {
        c1z_free(c);
        c = NULL;
    }
    *out = c;
    return rc;
}

enum err c1z_add(struct c1z *c, enum c1z_table table, const struct span *columns,
                 struct span message, struct error *e) {
    if (!c->db) return err_set(e, ERR_FAILED, "write tables: they are finished");
    sqlite3_stmt *s = c->insert[table];
    int n = (int)tables[table].columns, rc = SQLITE_OK;
    for (int i = 0; i < n && !rc; i++)
        rc = sqlite3_bind_text64(s, i + 1, columns[i].p, columns[i].n, SQLITE_STATIC, SQLITE_UTF8);
    /* A NULL pointer would be SQL's NULL, not the empty message. */
    if (!rc)
        rc = sqlite3_bind_blob64(s, n + 1, message.n ? message.p : "", message.n, SQLITE_STATIC);
    if (!rc && sqlite3_step(s) != SQLITE_DONE) rc = SQLITE_ERROR;
    enum err result = rc ? failed(c, e) : ERR_OK;
    sqlite3_reset(s);
    return result;
}

static int close_database(struct c1z *c) {
    for (int i = 0; i < C1Z_TABLES; i++) {
        sqlite3_finalize(c->insert[i]);
        c->insert[i] = NULL;
    }
    int rc = sqlite3_close(c->db);
    c->db = NULL;
    return rc;
}

enum err c1z_finish(struct c1z *c, const char *ended, struct error *e) {
    if (!c->db) return err_set(e, ERR_FAILED, "write tables: they are finished");
    enum err rc = execute(c, indexes, e);
    if (rc) return rc;
    char *sql = sqlite3_mprintf("update v1_sync_runs set ended_at=%Q; commit;", ended);
    if (!sql) return no_memory(e);
    rc = execute(c, sql, e);
    sqlite3_free(sql);
    if (!rc && close_database(c)) rc = err_set(e, ERR_STORAGE, "write tables in %s: close failed", c->folder);
    return rc;
}

enum err c1z_write(struct c1z *c, const char *path, const char *name, struct error *e) {
    static const char magic[] = "C1ZF"; /* its NUL belongs to it */
    if (c->db) return err_set(e, ERR_FAILED, "write %s: its tables are not finished", name);
    int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) return err_errno(e, ERR_STORAGE, "write", name);
    enum err rc = pack_file(c->fd, fd, name, span_of(magic, sizeof magic), e);
    if (close(fd) != 0 && !rc) rc = err_errno(e, ERR_STORAGE, "write", name);
    return rc;
}

void c1z_free(struct c1z *c) {
    if (!c) return;
    close_database(c);
    if (c->fd >= 0) close(c->fd);
    free(c);
}

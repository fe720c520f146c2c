#include "c1z_read.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/buf.h"
#include "../base/utf8.h"
#include "../system/file.h"
#include "unpack.h"

enum {
    SQL_MAX = 1024,
    STEPS_AT_ONCE = 100000, /* of SQLite's machine between two looks at what a question may cost */
    STEPS_FREE = 1000,      /* such pieces for any question, and */
    STEPS_BYTES = 8 * KIB,  /* one more for so many bytes of the database */
};

struct c1z_reader {
    sqlite3 *db;
    sqlite3_stmt *rows, *locate;
    size_t columns; /* of rows; the message follows where `messages` */
    bool messages, expansions;
    sqlite3_int64 last; /* row that was read: they come in order, or the tree is damaged */
    uint64_t bytes;     /* of the database */
    uint64_t pieces;    /* that the question under way may still take */
    uint64_t located;   /* that all c1z_reader_locate() together may still take */
    struct c1z_found sync;
    char name[PATH_MAX];
};

static const struct {
    const char *name;
    const char *columns[C1Z_COLUMNS];
} tables[C1Z_TABLES] = {
    {"v1_resource_types", {"external_id"}},
    {"v1_resources",
     {"resource_type_id", "external_id", "parent_resource_type_id", "parent_resource_id"}},
    {"v1_entitlements", {"resource_type_id", "resource_id", "external_id"}},
    {"v1_grants",
     {"resource_type_id", "resource_id", "entitlement_id", "principal_resource_type_id",
      "principal_resource_id", "external_id"}},
};

/* --- failures --- */

/* SQLite's own words for a code, never what it says of a statement: there the file has a voice. */
static enum err failed(struct c1z_reader *r, int code, struct error *e) {
    switch (code & 0xff) {
    case SQLITE_NOMEM:
        return err_set(e, ERR_NOMEM, "read %s: out of memory, or it wants more than %d MiB of it",
                       r->name, C1Z_HEAP / MIB);
    case SQLITE_TOOBIG:
        return err_set(e, ERR_LIMIT, "%s: a value in it is larger than %d MiB", r->name,
                       C1Z_VALUE / MIB);
    case SQLITE_INTERRUPT:
        return err_set(e, ERR_INVALID, "%s is damaged, or made so that reading it never ends",
                       r->name);
    case SQLITE_NOTADB:
        return err_set(e, ERR_INVALID, "%s: what is in it is no SQLite database", r->name);
    case SQLITE_FULL:
    case SQLITE_CANTOPEN:
        return err_set(e, ERR_STORAGE, "read %s: %s", r->name, sqlite3_errstr(code));
    case SQLITE_IOERR:
        if (code != SQLITE_IOERR_SHORT_READ)
            return err_set(e, ERR_STORAGE, "read %s: %s", r->name, sqlite3_errstr(code));
        break;
    default: break;
    }
    return err_set(e, ERR_INVALID, "%s is damaged: %s", r->name, sqlite3_errstr(code));
}

static enum err failed_now(struct c1z_reader *r, struct error *e) {
    return failed(r, r->db ? sqlite3_extended_errcode(r->db) : SQLITE_NOMEM, e);
}

/* --- opening --- */

/* A question may take as long as its answer needs on a database of this size, many times over. */
static void allow(struct c1z_reader *r) {
    r->pieces = STEPS_FREE + r->bytes / STEPS_BYTES;
}

static int spend(void *reader) {
    struct c1z_reader *r = reader;
    return r->pieces == 0 || --r->pieces == 0;
}

static enum err harden(struct c1z_reader *r, struct error *e) {
    static const int off[] = {
        SQLITE_DBCONFIG_TRUSTED_SCHEMA, SQLITE_DBCONFIG_ENABLE_TRIGGER, SQLITE_DBCONFIG_ENABLE_VIEW,
        SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER,
        SQLITE_DBCONFIG_DQS_DML, SQLITE_DBCONFIG_DQS_DDL,
    };
    for (size_t i = 0; i < sizeof off / sizeof *off; i++) sqlite3_db_config(r->db, off[i], 0, NULL);
    sqlite3_db_config(r->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_limit(r->db, SQLITE_LIMIT_LENGTH, C1Z_VALUE);
    sqlite3_limit(r->db, SQLITE_LIMIT_ATTACHED, 0);
    sqlite3_limit(r->db, SQLITE_LIMIT_WORKER_THREADS, 0);
    sqlite3_progress_handler(r->db, STEPS_AT_ONCE, spend, r);
    allow(r);
    char pragmas[SQL_MAX];
    snprintf(pragmas, sizeof pragmas,
             "pragma cell_size_check=on; pragma mmap_size=0; pragma temp_store=memory;"
             "pragma cache_size=-%d; select count(*) from sqlite_schema where rootpage<0;",
             C1Z_CACHE_KIB);
    return sqlite3_exec(r->db, pragmas, NULL, NULL, NULL) ? failed_now(r, e) : ERR_OK;
}

/* As one that nobody changes: no journal or log beside it is looked for, and none is made. By a
 * descriptor, since a folder's name could mean something in a URI. */
static enum err open_database(struct c1z_reader *r, const char *path, struct error *e) {
    char uri[64];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return err_errno(e, ERR_STORAGE, "read", path);
    sqlite3_hard_heap_limit64(C1Z_HEAP);
    snprintf(uri, sizeof uri, "file:/proc/self/fd/%d?immutable=1", fd);
    int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_URI;
    int rc = sqlite3_open_v2(uri, &r->db, flags, NULL);
    close(fd);
    return rc ? failed_now(r, e) : harden(r, e);
}

static enum err check_magic(struct c1z_reader *r, int fd, struct error *e) {
    char magic[5]; /* its NUL belongs to it */
    size_t have = 0;
    ssize_t n = 1;
    while (have < sizeof magic && n > 0) {
        n = read(fd, magic + have, sizeof magic - have);
        if (n < 0 && errno == EINTR) n = 1;
        else if (n < 0) return err_errno(e, ERR_STORAGE, "read", r->name);
        else have += (size_t)n;
    }
    if (have == 0) return err_set(e, ERR_INVALID, "%s is empty", r->name);
    if (have == sizeof magic && memcmp(magic, "C1ZF", sizeof magic) == 0) return ERR_OK;
    if (have == sizeof magic && memcmp(magic, "C1Z3", sizeof magic) == 0)
        return err_set(e, ERR_INVALID, "%s is a .c1z file of version 3, which holds no SQLite"
                       " database and is not read; let its connector write it with the storage"
                       " engine sqlite", r->name);
    return err_set(e, ERR_INVALID, "%s is no .c1z file: it does not begin with C1ZF", r->name);
}

/* A pipe has an end, and whoever gave one waits for it as we do. */
static enum err check_kind(struct c1z_reader *r, int fd, struct error *e) {
    struct stat st;
    if (fstat(fd, &st) != 0) return err_errno(e, ERR_STORAGE, "look at", r->name);
    if (S_ISREG(st.st_mode) || S_ISFIFO(st.st_mode)) return ERR_OK;
    return err_set(e, ERR_INVALID, "%s is a %s; a .c1z file is expected, or a pipe that brings one",
                   r->name, S_ISDIR(st.st_mode) ? "folder" : "device");
}

static enum err unpack(struct c1z_reader *r, int to, uint64_t max, struct error *e) {
    int from = open(r->name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (from < 0)
        return err_errno(e, errno == ENOENT ? ERR_NOT_FOUND : ERR_STORAGE, "read", r->name);
    enum err rc = check_kind(r, from, e);
    if (!rc) rc = check_magic(r, from, e);
    if (!rc) rc = unpack_file(from, to, r->name, max, e);
    close(from);
    struct stat st;
    if (!rc && fstat(to, &st) != 0) rc = err_errno(e, ERR_STORAGE, "unpack", r->name);
    if (!rc) r->bytes = (uint64_t)st.st_size;
    return rc;
}

/* Without a name from the start, where the file system can do that: who is killed while he unpacks
 * leaves nothing. Elsewhere (NFS) it has one until the database is open. */
static int open_nameless(const char *folder, char path[PATH_MAX], bool *named) {
    int n = snprintf(path, PATH_MAX, "%s/.c1z-%ld-XXXXXX", folder, (long)getpid());
    errno = ENAMETOOLONG;
    if (n >= PATH_MAX) return -1;
    int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    *named = fd < 0;
    return fd < 0 ? mkostemp(path, O_CLOEXEC) : fd;
}

static enum err open_unpacked(struct c1z_reader *r, const char *folder, uint64_t max,
                              struct error *e) {
    char path[PATH_MAX];
    bool named = false;
    int fd = open_nameless(folder, path, &named);
    if (fd < 0) return err_errno(e, ERR_STORAGE, "unpack in", folder);
    enum err rc = unpack(r, fd, max, e);
    if (!rc && !named) { /* SQLite finds a file by its name alone */
        named = file_name(fd, path);
        if (!named) rc = err_errno(e, ERR_STORAGE, "unpack as", path);
    }
    if (!rc) rc = open_database(r, path, e);
    if (named) unlink(path);
    close(fd);
    return rc;
}

/* --- what the file has --- */

/* What a generated column holds is worked out by an expression of the file's. */
static enum err only_stored(struct c1z_reader *r, const char *table, struct error *e) {
    sqlite3_stmt *s = NULL;
    static const char sql[] = "select 1 from pragma_table_xinfo(?1, 'main') where hidden > 0";
    allow(r);
    int rc = sqlite3_prepare_v2(r->db, sql, -1, &s, NULL);
    if (!rc) rc = sqlite3_bind_text(s, 1, table, -1, SQLITE_STATIC);
    if (!rc) rc = sqlite3_step(s);
    enum err result = rc == SQLITE_DONE ? ERR_OK : failed_now(r, e);
    if (rc == SQLITE_ROW)
        result = err_set(e, ERR_INVALID, "%s is refused: table %s has columns that are worked out",
                         r->name, table);
    sqlite3_finalize(s);
    return result;
}

/* A table that is one: no view, nothing that a module makes up, and no column of its own making. */
static enum err has_table(struct c1z_reader *r, const char *table, bool *has, struct error *e) {
    sqlite3_stmt *s = NULL;
    static const char sql[] =
        "select type, rootpage from main.sqlite_schema where name=?1 and type in ('table','view')";
    allow(r);
    int rc = sqlite3_prepare_v2(r->db, sql, -1, &s, NULL);
    if (!rc) rc = sqlite3_bind_text(s, 1, table, -1, SQLITE_STATIC);
    if (!rc) rc = sqlite3_step(s);
    *has = rc == SQLITE_ROW;
    bool sound = *has && sqlite3_column_bytes(s, 0) == 5 && sqlite3_column_int64(s, 1) > 0;
    enum err result = rc == SQLITE_ROW || rc == SQLITE_DONE ? ERR_OK : failed_now(r, e);
    sqlite3_finalize(s);
    if (!result && *has && !sound)
        result = err_set(e, ERR_INVALID, "%s is damaged: %s in it is no table", r->name, table);
    return result || !*has ? result : only_stored(r, table, e);
}

static bool has_column(struct c1z_reader *r, const char *table, const char *column) {
    return sqlite3_table_column_metadata(r->db, "main", table, column, NULL, NULL, NULL, NULL,
                                         NULL) == SQLITE_OK;
}

/* Begins a question; ?1 in it is the sync. */
static enum err begin(struct c1z_reader *r, const char *sql, struct error *e) {
    sqlite3_finalize(r->rows);
    r->rows = NULL;
    allow(r);
    int rc = sqlite3_prepare_v2(r->db, sql, -1, &r->rows, NULL);
    if (!rc && sqlite3_bind_parameter_count(r->rows))
        rc = sqlite3_bind_text(r->rows, 1, r->sync.id, -1, SQLITE_STATIC);
    return rc ? failed_now(r, e) : ERR_OK;
}

static enum err needs_columns(struct c1z_reader *r, const char *table, const char *const *columns,
                              struct error *e) {
    for (size_t i = 0; columns[i]; i++)
        if (!has_column(r, table, columns[i]))
            return err_set(e, ERR_INVALID, "%s is damaged: table %s has no column %s", r->name,
                           table, columns[i]);
    return ERR_OK;
}

/* --- the sync --- */

static enum err no_sync(struct c1z_reader *r, const char *why, struct error *e) {
    return err_set(e, ERR_INVALID, "%s: %s", r->name, why);
}

/* Why there is none to read: what other syncs are there? */
static enum err explain_none(struct c1z_reader *r, struct error *e) {
    sqlite3_stmt *s = NULL;
    bool ended = false, any = false;
    allow(r);
    if (!sqlite3_prepare_v2(r->db, "select count(*), count(ended_at) from main.v1_sync_runs", -1,
                            &s, NULL) &&
        sqlite3_step(s) == SQLITE_ROW) {
        any = sqlite3_column_int64(s, 0) > 0;
        ended = sqlite3_column_int64(s, 1) > 0;
    }
    sqlite3_finalize(s);
    if (!any) return no_sync(r, "there is no sync in it", e);
    return no_sync(r, ended ? "the syncs in it are partial ones: what they do not hold would seem"
                              " to be gone" : "the sync in it was never finished", e);
}

static bool copy_text(sqlite3_stmt *s, int column, char *out, size_t max) {
    const char *text = (const char *)sqlite3_column_text(s, column);
    size_t len = text ? (size_t)sqlite3_column_bytes(s, column) : 0;
    if (len == 0 || len > max || memchr(text, 0, len) || !utf8_valid(text, len)) return false;
    memcpy(out, text, len);
    out[len] = '\0';
    return true;
}

static enum err choose_sync(struct c1z_reader *r, struct error *e) {
    static const char *const needed[] = {"sync_id", "started_at", "ended_at", NULL};
    char sql[SQL_MAX];
    bool has;
    enum err rc = has_table(r, "v1_sync_runs", &has, e);
    if (!rc && !has) rc = no_sync(r, "there is no sync in it", e);
    if (!rc) rc = needs_columns(r, "v1_sync_runs", needed, e);
    if (rc) return rc;
    bool typed = has_column(r, "v1_sync_runs", "sync_type");
    snprintf(sql, sizeof sql, "select sync_id, started_at, ended_at from main.v1_sync_runs"
             " not indexed where ended_at is not null%s order by ended_at desc, sync_id desc limit 1",
             typed ? " and sync_type='full'" : "");
    rc = begin(r, sql, e);
    if (rc) return rc;
    int step = sqlite3_step(r->rows);
    if (step == SQLITE_DONE) return explain_none(r, e);
    if (step != SQLITE_ROW) return failed_now(r, e);
    if (copy_text(r->rows, 0, r->sync.id, C1Z_SYNC_ID_MAX) &&
        copy_text(r->rows, 1, r->sync.started, C1Z_TIME_MAX) &&
        copy_text(r->rows, 2, r->sync.ended, C1Z_TIME_MAX))
        return ERR_OK;
    return no_sync(r, "its sync has no id or times that can be read", e);
}

const struct c1z_found *c1z_reader_sync(const struct c1z_reader *r) {
    return &r->sync;
}

enum err c1z_reader_open(struct c1z_reader **out, const char *path, const char *folder,
                         uint64_t max, struct error *e) {
    struct c1z_reader *r = calloc(1, sizeof *r);
    *out = r;
    if (!r) return err_set(e, ERR_NOMEM, "read %s: out of memory", path);
    snprintf(r->name, sizeof r->name, "%s", path);
    enum err rc = open_unpacked(r, folder, max, e);
    if (!rc) rc = choose_sync(r, e);
    if (!rc) return ERR_OK;
    c1z_reader_free(r);
    *out = NULL;
    return rc;
}

void c1z_reader_free(struct c1z_reader *r) {
    if (!r) return;
    sqlite3_finalize(r->rows);
    sqlite3_finalize(r->locate);
    sqlite3_close(r->db);
    free(r);
}

/* --- rows --- */

/* "select rowid, C, …, data[, expansion]": no index is asked, since the file made it. */
static void rows_of(struct c1z_reader *r, enum c1z_table table, char sql[SQL_MAX]) {
    const char *name = tables[table].name;
    int n = snprintf(sql, SQL_MAX, "select rowid");
    for (size_t i = 0; i < r->columns; i++) {
        const char *column = tables[table].columns[i];
        n += snprintf(sql + n, SQL_MAX - (size_t)n, ", %s",
                      has_column(r, name, column) ? column : "null");
    }
    snprintf(sql + n, SQL_MAX - (size_t)n,
             ", data%s from main.%s not indexed where sync_id=?1 order by rowid",
             r->expansions ? ", expansion" : "", name);
}

enum err c1z_reader_begin(struct c1z_reader *r, enum c1z_table table, struct error *e) {
    static const char *const needed[] = {"external_id", "data", "sync_id", NULL};
    char sql[SQL_MAX];
    bool has;
    sqlite3_finalize(r->rows);
    r->rows = NULL;
    enum err rc = has_table(r, tables[table].name, &has, e);
    if (rc || !has) return rc;
    rc = needs_columns(r, tables[table].name, needed, e);
    if (rc) return rc;
    r->columns = c1z_columns(table);
    r->messages = true;
    r->expansions = table == C1Z_GRANTS && has_column(r, "v1_grants", "expansion");
    r->last = INT64_MIN;
    rows_of(r, table, sql);
    return begin(r, sql, e);
}

enum err c1z_reader_begin_types(struct c1z_reader *r, unsigned max, struct error *e) {
    static const char *const needed[] = {"sync_id", NULL};
    char sql[SQL_MAX];
    bool has;
    sqlite3_finalize(r->rows);
    r->rows = NULL;
    enum err rc = has_table(r, "v1_resources", &has, e);
    if (rc || !has || !has_column(r, "v1_resources", "resource_type_id")) return rc;
    rc = needs_columns(r, "v1_resources", needed, e);
    if (rc) return rc;
    r->columns = 1;
    r->messages = r->expansions = false;
    snprintf(sql, sizeof sql, "select distinct null, resource_type_id from main.v1_resources"
             " not indexed where sync_id=?1 and resource_type_id is not null limit %u", max);
    return begin(r, sql, e);
}

static struct span text_at(sqlite3_stmt *s, int column) {
    const void *text = sqlite3_column_text(s, column);
    return span_of(text, text ? (size_t)sqlite3_column_bytes(s, column) : 0);
}

static struct span bytes_at(sqlite3_stmt *s, int column) {
    const void *bytes = sqlite3_column_blob(s, column);
    return span_of(bytes, bytes ? (size_t)sqlite3_column_bytes(s, column) : 0);
}

/* In a tree that is sound numbers only grow; in one whose branches lead back nothing else ends. */
static bool is_next(struct c1z_reader *r) {
    sqlite3_int64 id = sqlite3_column_int64(r->rows, 0);
    bool grows = !r->messages || r->last == INT64_MIN || id > r->last;
    r->last = id;
    return grows;
}

enum err c1z_reader_next(struct c1z_reader *r, struct c1z_row *row, bool *more, struct error *e) {
    *more = false;
    *row = (struct c1z_row){.message = {NULL, 0}};
    if (!r->rows) return ERR_OK;
    int rc = sqlite3_step(r->rows);
    if (rc == SQLITE_DONE) return ERR_OK;
    if (rc != SQLITE_ROW) return failed_now(r, e);
    if (!is_next(r)) return failed(r, SQLITE_CORRUPT, e);
    int n = (int)r->columns;
    for (int i = 0; i < n; i++) row->columns[i] = text_at(r->rows, i + 1);
    if (r->messages) row->message = bytes_at(r->rows, n + 1);
    if (r->expansions) row->expansion = bytes_at(r->rows, n + 2);
    /* What cannot be had for want of memory is NULL as SQL's NULL is. */
    if (sqlite3_errcode(r->db) == SQLITE_NOMEM) return failed_now(r, e);
    *more = true;
    return ERR_OK;
}

/* Leaves r->locate at NULL where there is nothing to ask. */
static enum err prepare_locate(struct c1z_reader *r, const char *sql, struct error *e) {
    bool has;
    enum err result = has_table(r, "v1_entitlements", &has, e);
    if (result || !has || !has_column(r, "v1_entitlements", "resource_id")) return result;
    allow(r);
    r->located = r->pieces;
    int rc = sqlite3_prepare_v2(r->db, sql, -1, &r->locate, NULL);
    if (!rc) rc = sqlite3_bind_text(r->locate, 2, r->sync.id, -1, SQLITE_STATIC);
    return rc ? failed_now(r, e) : ERR_OK;
}

enum err c1z_reader_locate(struct c1z_reader *r, struct span entitlement, struct span *type,
                           struct span *resource, struct error *e) {
    static const char sql[] = "select resource_type_id, resource_id from main.v1_entitlements"
                              " where external_id=?1 and sync_id=?2 limit 1";
    *type = *resource = span_of(NULL, 0);
    uint64_t left = r->pieces; /* of the question beside which this one is asked */
    enum err result = r->locate ? ERR_OK : prepare_locate(r, sql, e);
    if (result || !r->locate) {
        r->pieces = left;
        return result;
    }
    r->pieces = r->located;
    int rc = sqlite3_reset(r->locate);
    if (!rc) rc = sqlite3_bind_text64(r->locate, 1, entitlement.p, entitlement.n, SQLITE_STATIC,
                                      SQLITE_UTF8);
    if (!rc) rc = sqlite3_step(r->locate);
    r->located = r->pieces;
    r->pieces = left;
    if (rc == SQLITE_ROW) {
        *type = text_at(r->locate, 0);
        *resource = text_at(r->locate, 1);
    }
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? ERR_OK : failed_now(r, e);
}

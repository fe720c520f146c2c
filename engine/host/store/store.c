#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    TABLES_MAX = 16,
    PATH_MAX_LEN = 4096,
    READERS_MAX = 126,
    LOCK_BYTES = 8192, /* of LMDB's lock file for so many readers */
};

struct store {
    MDB_env *env;
    bool write;
    size_t count;
    MDB_dbi dbi[TABLES_MAX];
    bool there[TABLES_MAX];
    char dir[PATH_MAX_LEN];
};

struct store_txn {
    MDB_txn *txn;
    struct store *s;
};

struct store_cursor {
    MDB_cursor *cur; /* NULL: the table is not there, and so empty */
    struct store *s;
};

/* What the person who runs this can do about an LMDB or system error. */
static const char *advice(int rc) {
    switch (rc) {
    case MDB_MAP_FULL:
        return "the map is full: raise \"map_gb\" in reeve.json";
    case MDB_INVALID:
    case MDB_VERSION_MISMATCH:
        return "this is not a store of ours, or it is damaged: restore the folder, or move it away "
               "to start afresh";
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_PANIC:
        return "the store is damaged: restore the folder, or move it away to start afresh";
    case MDB_READERS_FULL:
        return "too many readers at once: wait for some to end";
    case ENOSPC:
    case EDQUOT:
        return "make room on the disk and run again; what was accepted is untouched";
    case EIO: /* also what LMDB makes of a write that the disk took half of */
        return "the disk is full, or it fails: make room on the disk and run again; what was accepted "
               "is untouched";
    case EROFS:
    case EACCES:
    case EPERM:
        return "the state must be writable by the user who runs this";
    default:
        return NULL;
    }
}

static enum err fail(const struct store *s, const char *tried, int rc, struct error *e) {
    const char *what = advice(rc);
    return err_set(e, ERR_STORAGE, "cannot %s the store %s: %s%s%s", tried, s->dir,
                   mdb_strerror(rc), what ? "; " : "", what ? what : "");
}

/* A page that the file no longer has: LMDB reads through a map, so the kernel sends SIGBUS. The
 * text is prepared at open, since a handler may only write what is there already. */
static char bus_text[PATH_MAX_LEN + 256];
static size_t bus_len;

static void on_bus(int sig) {
    (void)sig;
    ssize_t n = write(STDERR_FILENO, bus_text, bus_len);
    (void)n;
    _exit(ERR_STORAGE);
}

static void prepare_bus(const struct store *s) {
    int n = snprintf(bus_text, sizeof bus_text,
                     "reeve: the data file in %s is shorter than it should be, or its disk fails: "
                     "restore the folder, or move it away to start afresh\n",
                     s->dir);
    bus_len = n < (int)sizeof bus_text ? (size_t)n : sizeof bus_text - 1;
    struct sigaction act = {.sa_handler = on_bus};
    sigemptyset(&act.sa_mask);
    sigaction(SIGBUS, &act, NULL);
}

static enum err must_have_data(const char *dir, struct error *e) {
    char path[PATH_MAX_LEN + 16];
    snprintf(path, sizeof path, "%s/data.mdb", dir);
    struct stat st = {.st_size = 0};
    if (stat(path, &st) != 0 && errno != ENOENT && errno != ENOTDIR)
        return err_errno(e, ERR_STORAGE, "look at", path);
    if (st.st_size > 0) return ERR_OK;
    return err_set(e, ERR_NOT_FOUND, "there is no store in %s yet", dir);
}

static int open_table(struct store *s, MDB_txn *txn, size_t i, const struct store_table *table) {
    unsigned flags = s->write ? MDB_CREATE : 0;
    if (table->flags & STORE_DUPLICATES) flags |= MDB_DUPSORT | MDB_DUPFIXED;
    int rc = mdb_dbi_open(txn, table->name, flags, &s->dbi[i]);
    s->there[i] = rc == 0;
    return rc == MDB_NOTFOUND ? 0 : rc;
}

/* MDB_INVALID: not one of ours, though a sound database: it has tables, and our first one is none
 * of them. */
static int check_own(MDB_txn *txn, const char *first) {
    MDB_dbi main, dbi;
    MDB_stat st;
    int rc = mdb_dbi_open(txn, NULL, 0, &main);
    if (!rc) rc = mdb_stat(txn, main, &st);
    if (rc || !st.ms_entries) return rc;
    rc = mdb_dbi_open(txn, first, 0, &dbi);
    return rc == MDB_NOTFOUND || rc == MDB_INCOMPATIBLE ? MDB_INVALID : rc;
}

static int open_tables(struct store *s, const struct store_table *tables, size_t count) {
    MDB_txn *txn;
    int rc = mdb_txn_begin(s->env, NULL, s->write ? 0 : MDB_RDONLY, &txn);
    if (rc) return rc;
    if (count) rc = check_own(txn, tables[0].name);
    for (size_t i = 0; i < count && rc == 0; i++) rc = open_table(s, txn, i, &tables[i]);
    s->count = count;
    if (rc) {
        mdb_txn_abort(txn);
        return rc;
    }
    return mdb_txn_commit(txn);
}

/* LMDB makes its lock file without blocks, and writes to it through a map: where the disk is full
 * that is SIGBUS. So it has its blocks before. What else may be wrong with it LMDB finds out. */
static int make_room(const struct store *s) {
    char path[PATH_MAX_LEN + 16];
    struct stat st;
    snprintf(path, sizeof path, "%s/lock.mdb", s->dir);
    if (stat(path, &st) == 0 && st.st_size > 0) return 0;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) return 0;
    int rc = fallocate(fd, 0, 0, LOCK_BYTES) != 0 ? errno : 0;
    close(fd);
    return rc == ENOSPC || rc == EDQUOT ? rc : 0;
}

/* A reader needs LMDB's lock file to be safe beside a writer; on a file system that cannot be
 * written nobody writes, and it does without. */
static int open_env(struct store *s, const struct store_options *options) {
    unsigned flags = MDB_NOTLS | (options->write ? 0 : MDB_RDONLY);
    if (options->passing) flags |= MDB_NOSYNC;
    int rc = mdb_env_open(s->env, s->dir, flags, 0600);
    if (!options->write && (rc == EROFS || rc == EACCES))
        rc = mdb_env_open(s->env, s->dir, flags | MDB_NOLOCK, 0600);
    return rc;
}

static int configure(struct store *s, const struct store_options *options) {
    int rc = mdb_env_create(&s->env);
    if (rc) return rc;
    mdb_env_set_maxdbs(s->env, TABLES_MAX);
    mdb_env_set_maxreaders(s->env, READERS_MAX);
    size_t map = options->map_bytes ? options->map_bytes : (size_t)64 << 30;
    return mdb_env_set_mapsize(s->env, map);
}

/* Free pages from page `from` on, of which the file need not have the bytes. The values of LMDB's
 * table of free pages are a count and as many page numbers. */
static int count_free(struct store *s, size_t from, size_t *n) {
    MDB_txn *txn;
    MDB_cursor *c = NULL;
    MDB_val k, v;
    int rc = mdb_txn_begin(s->env, NULL, MDB_RDONLY, &txn);
    if (rc) return rc;
    rc = mdb_cursor_open(txn, 0, &c);
    while (!rc && !(rc = mdb_cursor_get(c, &k, &v, MDB_NEXT))) {
        const size_t *page = v.mv_data;
        for (size_t i = 1; i <= page[0]; i++) *n += page[i] >= from;
    }
    mdb_cursor_close(c);
    mdb_txn_abort(txn);
    return rc == MDB_NOTFOUND ? 0 : rc;
}

/* A writer would fill up a file that lost its end, and what was lost would read as garbage. */
static int check_length(struct store *s) {
    MDB_envinfo info;
    MDB_stat db;
    struct stat file;
    int fd, rc = mdb_env_info(s->env, &info);
    if (!rc) rc = mdb_env_stat(s->env, &db);
    if (!rc) rc = mdb_env_get_fd(s->env, &fd);
    if (!rc && fstat(fd, &file)) rc = errno;
    if (rc) return rc;
    size_t pages = info.me_last_pgno + 1, there = (size_t)file.st_size / db.ms_psize, unwritten = 0;
    if (there >= pages) return 0;
    rc = count_free(s, there, &unwritten);
    return !rc && there + unwritten < pages ? MDB_CORRUPTED : rc;
}

enum err store_open(struct store **out, const char *dir, const struct store_table *tables,
                    size_t count, const struct store_options *options, struct error *e) {
    *out = NULL;
    if (count > TABLES_MAX) return err_set(e, ERR_FAILED, "too many tables");
    enum err there = options->create ? ERR_OK : must_have_data(dir, e);
    if (there) return there;
    struct store *s = calloc(1, sizeof *s);
    if (!s) return err_set(e, ERR_NOMEM, "out of memory opening %s", dir);
    s->write = options->write;
    snprintf(s->dir, sizeof s->dir, "%s", dir);
    prepare_bus(s);
    int rc = configure(s, options);
    if (!rc) rc = make_room(s);
    if (!rc) rc = open_env(s, options);
    if (!rc && options->write) rc = check_length(s);
    if (!rc) rc = open_tables(s, tables, count);
    if (rc) {
        fail(s, "open", rc, e);
        store_close(s);
        return ERR_STORAGE;
    }
    int dead;
    mdb_reader_check(s->env, &dead);
    *out = s;
    return ERR_OK;
}

void store_close(struct store *s) {
    if (!s) return;
    if (s->env) mdb_env_close(s->env);
    free(s);
}

enum err store_copy(struct store *s, const char *dir, struct error *e) {
    int rc = mdb_env_copy2(s->env, dir, 0);
    return rc ? fail(s, "copy", rc, e) : ERR_OK;
}

enum err store_begin(struct store *s, bool write, struct store_txn **out, struct error *e) {
    *out = NULL;
    struct store_txn *t = malloc(sizeof *t);
    if (!t) return err_set(e, ERR_NOMEM, "out of memory beginning a transaction");
    t->s = s;
    int rc = mdb_txn_begin(s->env, NULL, write ? 0 : MDB_RDONLY, &t->txn);
    if (rc) {
        free(t);
        return fail(s, write ? "write to" : "read", rc, e);
    }
    *out = t;
    return ERR_OK;
}

enum err store_commit(struct store_txn *t, struct error *e) {
    if (!t) return ERR_OK;
    int rc = mdb_txn_commit(t->txn);
    struct store *s = t->s;
    free(t);
    return rc ? fail(s, "write to", rc, e) : ERR_OK;
}

void store_abort(struct store_txn *t) {
    if (!t) return;
    mdb_txn_abort(t->txn);
    free(t);
}

static MDB_val val_of(struct span s) {
    return (MDB_val){.mv_size = s.n, .mv_data = (void *)s.p};
}

enum err store_get(struct store_txn *t, int table, struct span key, struct span *value,
                   struct error *e) {
    if (!t->s->there[table]) return ERR_NOT_FOUND;
    MDB_val k = val_of(key), v;
    int rc = mdb_get(t->txn, t->s->dbi[table], &k, &v);
    if (rc == MDB_NOTFOUND) return ERR_NOT_FOUND;
    if (rc) return fail(t->s, "read", rc, e);
    *value = span_of(v.mv_data, v.mv_size);
    return ERR_OK;
}

static enum err put(struct store_txn *t, int table, struct span key, struct span value,
                    unsigned flags, struct error *e) {
    MDB_val k = val_of(key), v = val_of(value);
    int rc = mdb_put(t->txn, t->s->dbi[table], &k, &v, flags);
    return rc ? fail(t->s, "write to", rc, e) : ERR_OK;
}

enum err store_put(struct store_txn *t, int table, struct span key, struct span value,
                   struct error *e) {
    return put(t, table, key, value, 0, e);
}

enum err store_append(struct store_txn *t, int table, struct span key, struct span value,
                      struct error *e) {
    return put(t, table, key, value, MDB_APPEND, e);
}

enum err store_del(struct store_txn *t, int table, struct span key, const struct span *value,
                   struct error *e) {
    MDB_val k = val_of(key), v;
    if (value) v = val_of(*value);
    int rc = mdb_del(t->txn, t->s->dbi[table], &k, value ? &v : NULL);
    return rc && rc != MDB_NOTFOUND ? fail(t->s, "write to", rc, e) : ERR_OK;
}

enum err store_cursor(struct store_txn *t, int table, struct store_cursor **out, struct error *e) {
    struct store_cursor *c = calloc(1, sizeof *c);
    *out = c;
    if (!c) return err_set(e, ERR_NOMEM, "out of memory opening a cursor");
    c->s = t->s;
    if (!t->s->there[table]) return ERR_OK;
    int rc = mdb_cursor_open(t->txn, t->s->dbi[table], &c->cur);
    if (!rc) return ERR_OK;
    free(c);
    *out = NULL;
    return fail(t->s, "read", rc, e);
}

void store_cursor_close(struct store_cursor *c) {
    if (!c) return;
    if (c->cur) mdb_cursor_close(c->cur);
    free(c);
}

static const MDB_cursor_op moves[] = {
    [STORE_SEEK] = MDB_SET_RANGE,     [STORE_FIND] = MDB_SET_KEY,
    [STORE_NEXT] = MDB_NEXT,          [STORE_NEXT_DUP] = MDB_NEXT_DUP,
    [STORE_NEXT_KEY] = MDB_NEXT_NODUP, [STORE_PREVIOUS] = MDB_PREV,
    [STORE_LAST] = MDB_LAST,          [STORE_LAST_DUP] = MDB_LAST_DUP,
};

enum err store_move(struct store_cursor *c, enum store_move move, struct span *key,
                    struct span *value, struct error *e) {
    if (!c->cur) return ERR_NOT_FOUND;
    MDB_val k = val_of(*key), v;
    bool anywhere = move == STORE_SEEK && key->n == 0; /* LMDB has no empty keys */
    int rc = mdb_cursor_get(c->cur, &k, &v, anywhere ? MDB_FIRST : moves[move]);
    /* EINVAL: the cursor stands nowhere, as after it walked off the end. */
    if (rc == MDB_NOTFOUND || rc == EINVAL) return ERR_NOT_FOUND;
    if (rc) return fail(c->s, "read", rc, e);
    if (move == STORE_LAST_DUP) mdb_cursor_get(c->cur, &k, &v, MDB_GET_CURRENT);
    *key = span_of(k.mv_data, k.mv_size);
    if (value) *value = span_of(v.mv_data, v.mv_size);
    return ERR_OK;
}

enum err store_cursor_del(struct store_cursor *c, struct error *e) {
    int rc = mdb_cursor_del(c->cur, 0);
    return rc ? fail(c->s, "write to", rc, e) : ERR_OK;
}

enum err store_del_prefix(struct store_txn *t, int table, struct span prefix, size_t limit,
                          bool *done, struct error *e) {
    struct store_cursor *c;
    enum err rc = store_cursor(t, table, &c, e);
    *done = false;
    for (size_t n = 0; !rc && n < limit; n++) {
        struct span key = prefix, value;
        rc = store_move(c, STORE_SEEK, &key, &value, e);
        if (rc == ERR_NOT_FOUND || key.n < prefix.n || memcmp(key.p, prefix.p, prefix.n) != 0) {
            *done = true;
            rc = rc == ERR_NOT_FOUND ? ERR_OK : rc;
            break;
        }
        if (!rc) rc = store_cursor_del(c, e);
    }
    store_cursor_close(c);
    return rc;
}

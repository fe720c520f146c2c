/* store: LMDB, and nothing above it. The only file that knows <lmdb.h> is store.c.
 *
 * A store is one folder with named tables. One process writes at a time (LMDB's own lock), any
 * number read; a reader sees the moment its transaction began. Rules that keep it sound:
 *   - a write transaction begins, fills and ends inside one C call: no Lua, no waiting within;
 *   - dirty pages live in memory until the commit, so writers commit every few MiB;
 *   - spans that a transaction returns live until it ends or writes; copy what must outlive it;
 *   - every commit is durable (never NOSYNC), memory is never mapped writable.
 * A damaged file surfaces as ERR_STORAGE, or as SIGBUS where a page is missing: then the process
 * says so and ends with the status of ERR_STORAGE, since nothing can be unwound from there. */
#ifndef REEVE_STORE_H
#define REEVE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../base/err.h"
#include "../base/span.h"

struct store;
struct store_txn;
struct store_cursor;

enum { STORE_DUPLICATES = 1 }; /* a key has many fixed-size values, kept sorted bytewise */

struct store_table {
    const char *name;
    int flags;
};

struct store_options {
    bool write;       /* false: opened for reading; works on a read-only file system too */
    bool create;      /* make folder's files where there are none */
    bool passing;     /* a trial's, not to be kept: commits do not wait for the disk */
    size_t map_bytes; /* most the data may ever grow to: address space, not memory; 0: 64 GiB */
};

/* Opens the store in `dir` (which exists) with `count` tables; tables are then named by their
 * index. Readers of a store that lacks a table see it empty. The caller ends *out by
 * store_close(). ERR_NOT_FOUND where there is no store and `create` is off; else ERR_STORAGE. */
enum err store_open(struct store **out, const char *dir, const struct store_table *tables,
                    size_t count, const struct store_options *options, struct error *e);
void store_close(struct store *s);

/* A consistent copy of the whole store into the existing, empty folder `dir`. */
enum err store_copy(struct store *s, const char *dir, struct error *e);

/* Begins a transaction; *out is ended by store_commit or store_abort (which take NULL too).
 * After a failed write only store_abort is of use. */
enum err store_begin(struct store *s, bool write, struct store_txn **out, struct error *e);
enum err store_commit(struct store_txn *t, struct error *e);
void store_abort(struct store_txn *t);

/* The value of a key, ERR_NOT_FOUND (no text is written to e) where there is none. */
enum err store_get(struct store_txn *t, int table, struct span key, struct span *value,
                   struct error *e);
enum err store_put(struct store_txn *t, int table, struct span key, struct span value,
                   struct error *e);
/* As put, for a key that is not there yet and comes after every other: fills pages fully. */
enum err store_append(struct store_txn *t, int table, struct span key, struct span value,
                      struct error *e);
/* Deletes a key, or one of its duplicates where value is not NULL; absent is no error. */
enum err store_del(struct store_txn *t, int table, struct span key, const struct span *value,
                   struct error *e);

/* A cursor belongs to its transaction and is closed by store_cursor_close before that ends. */
enum err store_cursor(struct store_txn *t, int table, struct store_cursor **out, struct error *e);
void store_cursor_close(struct store_cursor *c);

enum store_move {
    STORE_SEEK,      /* to the first key >= *key */
    STORE_FIND,      /* to exactly *key, first duplicate */
    STORE_NEXT,      /* to the next entry, duplicates included */
    STORE_NEXT_DUP,  /* to the next duplicate of this key */
    STORE_NEXT_KEY,  /* to the next key */
    STORE_PREVIOUS,  /* back one entry */
    STORE_LAST,      /* to the last entry */
    STORE_LAST_DUP,  /* to the last duplicate of this key */
};
/* Moves, and sets *key and *value to what is there. ERR_NOT_FOUND at the end. */
enum err store_move(struct store_cursor *c, enum store_move move, struct span *key,
                    struct span *value, struct error *e);
/* Deletes the entry under the cursor, which then has no place: seek before the next step. LMDB 0.9
 * steps wrongly where the key had duplicates. */
enum err store_cursor_del(struct store_cursor *c, struct error *e);

/* Deletes every entry whose key begins with `prefix`, at most `limit` of them; *done says whether
 * none is left. For keeping write transactions bounded: repeat until done. */
enum err store_del_prefix(struct store_txn *t, int table, struct span prefix, size_t limit,
                          bool *done, struct error *e);

#endif

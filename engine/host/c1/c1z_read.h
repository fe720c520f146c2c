/* c1z_read: a .c1z file that anybody wrote, read row by row: the latest finished full sync in it.
 * With c1z.c (which writes them), c1z_read.c is all that knows SQLite.
 *
 * The file is unpacked into one without a name in the folder that was given, which is gone when the
 * process is. Nothing in it is trusted: the database is opened to be read alone and as one that
 * does not change, views, triggers, extensions and virtual tables are off, memory and the work that
 * one question may cause are bounded (C1Z_HEAP for the whole process), a text or message over
 * C1Z_VALUE ends the reading.
 *
 * A reader is ended by c1z_reader_free(), which takes NULL. Failures: ERR_INVALID where the file is
 * none, damaged or has no sync that can be read, ERR_LIMIT where it is too large, ERR_NOT_FOUND
 * where there is none, ERR_STORAGE where the disk says no, ERR_NOMEM. */
#ifndef REEVE_C1Z_READ_H
#define REEVE_C1Z_READ_H

#include <stdbool.h>
#include <stdint.h>

#include "../base/err.h"
#include "../base/limits.h"
#include "../base/span.h"
#include "c1z.h"

enum { C1Z_VALUE = 8 * MIB, C1Z_HEAP = 64 * MIB, C1Z_SYNC_ID_MAX = 64, C1Z_TIME_MAX = 64 };

#define C1Z_UNPACKED ((uint64_t)10 * 1024 * MIB) /* the most that ConductorOne's readers unpack */

struct c1z_reader;

/* The sync that is read; its times as they stand in the file. */
struct c1z_found {
    char id[C1Z_SYNC_ID_MAX + 1], started[C1Z_TIME_MAX + 1], ended[C1Z_TIME_MAX + 1];
};

/* Opens the file at `path`. It may hold at most `max` bytes unpacked. */
enum err c1z_reader_open(struct c1z_reader **out, const char *path, const char *folder,
                         uint64_t max, struct error *e);
void c1z_reader_free(struct c1z_reader *r);

/* Lives as long as the reader. */
const struct c1z_found *c1z_reader_sync(const struct c1z_reader *r);

/* A row; p NULL is SQL's NULL, and what a column holds that the file does not have. */
struct c1z_row {
    struct span columns[C1Z_COLUMNS]; /* in the order of c1z_columns() */
    struct span message;
    struct span expansion; /* of a grant: its GrantExpandable where it stands outside the message */
};

/* From here on c1z_reader_next() gives this table's rows, in the order in which they were written;
 * none where the file has no such table. */
enum err c1z_reader_begin(struct c1z_reader *r, enum c1z_table table, struct error *e);

/* The next row, valid until the next call; *more is false behind the last. */
enum err c1z_reader_next(struct c1z_reader *r, struct c1z_row *row, bool *more, struct error *e);

/* Begins likewise: the types of all resources as the only column, each once, at most `max`. */
enum err c1z_reader_begin_types(struct c1z_reader *r, unsigned max, struct error *e);

/* The resource that the entitlement with this id is on; both spans empty where there is no such
 * entitlement. Valid until the next call of this function. All calls together may take as much work
 * as reading a table: in a file without an index not every id can be asked for. */
enum err c1z_reader_locate(struct c1z_reader *r, struct span entitlement, struct span *type,
                           struct span *resource, struct error *e);

#endif

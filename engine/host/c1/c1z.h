/* c1z: a .c1z file being written: resource types, resources, entitlements and grants of one sync,
 * as rows of an SQLite database that is then packed. c1z.c is the only file that knows SQLite.
 *
 * The database is a file without a name in the folder that was given: nobody else sees it, and it
 * is gone when the process is, however that ends. SQLite's cache is bounded (C1Z_CACHE_KIB).
 * A struct c1z is ended by c1z_free(), which takes NULL. Failures: ERR_STORAGE where the disk says
 * no, ERR_NOMEM, ERR_FAILED where a row breaks the format's rules (an id that was there already). */
#ifndef REEVE_C1Z_H
#define REEVE_C1Z_H

#include <stddef.h>

#include "../base/err.h"
#include "../base/span.h"

enum { C1Z_CACHE_KIB = 4096, C1Z_COLUMNS = 6 };

enum c1z_table { C1Z_RESOURCE_TYPES, C1Z_RESOURCES, C1Z_ENTITLEMENTS, C1Z_GRANTS, C1Z_TABLES };

/* What the file claims to be: the whole state, some resources of it, or all without entitlements
 * and grants. */
enum c1z_sync { C1Z_FULL, C1Z_PARTIAL, C1Z_RESOURCES_ONLY };

struct c1z;

/* Begins a sync. `sync_id` and `started` (a time as the format writes it) are copied, the
 * latter being what all rows carry as the time of their discovery. */
enum err c1z_open(struct c1z **out, const char *folder, enum c1z_sync type, const char *sync_id,
                  const char *started, struct error *e);

/* The number of text columns that a table's rows have, at most C1Z_COLUMNS:
 *   resource types  external_id
 *   resources       resource_type_id, external_id, parent_resource_type_id, parent_resource_id
 *   entitlements    resource_type_id, resource_id, external_id
 *   grants          resource_type_id, resource_id, entitlement_id, principal_resource_type_id,
 *                   principal_resource_id, external_id */
size_t c1z_columns(enum c1z_table table);

/* Adds a row: its columns as above (p NULL: SQL's NULL), and its message. Nothing is kept. */
enum err c1z_add(struct c1z *c, enum c1z_table table, const struct span *columns,
                 struct span message, struct error *e);

/* Ends the sync: indexes, the time of its end, commit. No row can be added after it. */
enum err c1z_finish(struct c1z *c, const char *ended, struct error *e);

/* Writes the finished file to the path, which is there already and is emptied; `name` is what
 * messages call it. */
enum err c1z_write(struct c1z *c, const char *path, const char *name, struct error *e);

void c1z_free(struct c1z *c);

#endif

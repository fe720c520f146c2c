/* draft: a file that takes its place when it is whole, its owner's alone.
 *
 * Until then it has no name, where the file system can do that: a process that is killed leaves
 * nothing. Elsewhere (NFS) it is PLACE.PID.tmp, which draft_free() removes. The caller ends a
 * draft by draft_free(), which takes NULL; what was not kept by then is gone. Failures are
 * ERR_STORAGE, and ERR_NOMEM. */
#ifndef REEVE_DRAFT_H
#define REEVE_DRAFT_H

#include "../base/err.h"

struct draft;

/* Begins an empty file for this place, in a folder that is there. */
enum err draft_open(struct draft **out, const char *place, struct error *e);

/* What to open to write it; lives as long as the draft does, and means something in this process
 * alone. */
const char *draft_path(const struct draft *d);

/* Puts it in its place, in that of any file there, also when the machine goes down. What was
 * written through the path has been closed. */
enum err draft_keep(struct draft *d, struct error *e);

void draft_free(struct draft *d);

#endif

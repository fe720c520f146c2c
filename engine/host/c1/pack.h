/* pack: a file compressed into another, as one Zstandard frame. pack.c is the only file that knows
 * libzstd.
 *
 * The frame says its size and carries a checksum; its window is that of the fastest level, far below
 * what any reader refuses. Memory does not depend on the file's size. */
#ifndef REEVE_PACK_H
#define REEVE_PACK_H

#include "../base/err.h"
#include "../base/span.h"

/* Writes `head` as it is, then all of the regular file `from` compressed, to the descriptor `to`,
 * which is called `name` in messages. ERR_STORAGE where reading or writing fails, ERR_NOMEM. */
enum err pack_file(int from, int to, const char *name, struct span head, struct error *e);

#endif

/* unpack: Zstandard frames of a file as what they were made from, the other half of pack. unpack.c
 * is the only file that reads with libzstd.
 *
 * What is read is anybody's: any number of frames one behind the other, and nothing else, no frame
 * that wants a window of more than 2 to the power of UNPACK_WINDOW_LOG bytes (128 MiB, the most that
 * ConductorOne's readers take), no more bytes than the caller allows. Memory: the window that the
 * frames ask for, and two pieces. */
#ifndef REEVE_UNPACK_H
#define REEVE_UNPACK_H

#include <stdint.h>

#include "../base/err.h"

enum { UNPACK_WINDOW_LOG = 27 };

/* Writes what is in `from`, from where it stands to its end, to the descriptor `to`. Messages call
 * the file `name`. ERR_INVALID where it is damaged, cut short or empty, ERR_LIMIT past `max` bytes,
 * ERR_STORAGE where reading or writing fails, ERR_NOMEM. */
enum err unpack_file(int from, int to, const char *name, uint64_t max, struct error *e);

#endif

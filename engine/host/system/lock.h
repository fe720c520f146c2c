/* lock: one holder at a time, by a file that the kernel unlocks when its holder dies.
 *
 * The file stays; what counts is the lock on it, never its content. The content says who holds it,
 * for people: "pid 123, sync, run 7, since 2026-11-24T12:00:00Z". */
#ifndef REEVE_LOCK_H
#define REEVE_LOCK_H

#include <stdbool.h>
#include <stddef.h>

#include "../base/err.h"

struct lock;

enum { LOCK_NOTE_MAX = 512 };

/* Takes the lock, or says at once that it is held: ERR_BUSY, with the holder's note in the text.
 * The file is made where it is not there; its folder must be. ERR_STORAGE, ERR_NOMEM. */
enum err lock_take(const char *path, struct lock **out, struct error *e);

/* Says who holds it, in place of what was said before; cut at LOCK_NOTE_MAX. "pid N" is put first.
 * A note that cannot be written (disk full) is left out: the lock holds without it. */
void lock_note(struct lock *lock, const char *text, size_t len);

/* Lets go; NULL is allowed. */
void lock_release(struct lock *lock);

/* Is it held by anybody, this process included? Takes nothing; the holder's note goes to `note`
 * (LOCK_NOTE_MAX + 1 bytes, may be NULL). */
bool lock_held(const char *path, char *note);

#endif

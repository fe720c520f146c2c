/* file: files and folders, read with suspicion and written whole.
 *
 * Nothing here waits: a path that is no regular file is refused before it is read. Paths are
 * NUL-terminated and may not be longer than PATH_MAX. Failures: ERR_NOT_FOUND where there is
 * nothing at the path, ERR_CONFIG where it may not be read or trusted, ERR_LIMIT where it is
 * larger than the caller allows, ERR_STORAGE where it cannot be written. */
#ifndef REEVE_FILE_H
#define REEVE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "../base/buf.h"
#include "../base/err.h"

/* What the caller believes of a path. The message of a refusal names the file, its mode or owner,
 * and the command that mends it. */
enum file_trust {
    FILE_ANY,     /* anybody's */
    FILE_TRUSTED, /* owned by root or the caller, and nobody else may write it */
    FILE_PRIVATE, /* the same, and nobody else may read it */
};

/* Appends the content of a regular file of at most `max` bytes to out, in one allocation. */
enum err file_read(const char *path, size_t max, enum file_trust trust, struct buf *out,
                   struct error *e);

/* The same question for a folder or a file that is not read now; symbolic links are followed. */
enum err file_check(const char *path, enum file_trust trust, struct error *e);

/* Puts the bytes at the path, whole or not at all, also when the machine goes down: temporary file
 * beside it, fsync, rename, fsync of the folder. A symbolic link is followed, not replaced.
 * `mode` 0 keeps that of the file that is there, or takes 0600. */
enum err file_write(const char *path, const void *bytes, size_t len, mode_t mode, struct error *e);

/* The same, but ERR_BUSY, and nothing done, where there is something at the path already. */
enum err file_create(const char *path, const void *bytes, size_t len, mode_t mode,
                     struct error *e);

enum err file_rename(const char *from, const char *to, struct error *e);
/* Removes a file; ERR_NOT_FOUND where there is none. */
enum err file_remove(const char *path, struct error *e);

/* What is at a path. */
struct file_facts {
    char kind; /* 'f' file, 'd' folder, 'l' symbolic link (only where not followed), 'o' other */
    mode_t mode;
    uid_t owner;
    uint64_t size;
    double changed; /* seconds since 1970 */
};
enum err file_stat(const char *path, bool follow, struct file_facts *facts, struct error *e);

/* A new empty file without a name, in memory where the system can, that goes when it is closed.
 * ERR_STORAGE. */
enum err file_scratch(FILE **out, struct error *e);

/* Gives the open file, which has no name (O_TMPFILE), this one, in place of what has it: that was left
 * by a process that had our id and was killed. False with errno. */
bool file_name(int fd, const char *path);

/* The absolute path with all links resolved, NUL-terminated, replaces out's content. */
enum err file_real(const char *path, struct buf *out, struct error *e);

#endif

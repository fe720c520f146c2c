/* err: result codes with names, and the text that goes with them.
 *
 * A function that can fail returns `enum err` and, last, takes a `struct error *` into which it
 * writes what was tried, on what, what came back and what to do. The pointer may be NULL where
 * the caller does not care. Nothing here allocates, so an error can be told when memory is out.
 *
 * The first thirteen codes are the exit codes of the program (architecture: "Exit codes");
 * those after them never leave the process as they are: err_exit() says what they become. */
#ifndef REEVE_ERR_H
#define REEVE_ERR_H

#include <stdarg.h>
#include <stddef.h>

enum err {
    ERR_OK = 0,
    ERR_FAILED = 1,
    ERR_USAGE = 2,
    ERR_CONFIG = 3,
    ERR_CREDENTIALS = 4,
    ERR_UNAVAILABLE = 5,
    ERR_HELD = 6,
    ERR_PARTIAL = 7,
    ERR_BUSY = 8,
    ERR_STORAGE = 9,
    ERR_CHANGES = 10,
    ERR_PENDING = 11,
    ERR_STALE = 12,

    ERR_NOMEM,     /* malloc said no */
    ERR_LIMIT,     /* a maximum of limits.h or of the configuration was reached */
    ERR_INVALID,   /* bytes that are not what they claim to be */
    ERR_NOT_FOUND, /* asked for something that is not there */
    ERR_AGAIN,     /* not yet: wait and ask again */
    ERR_CUT,       /* a transfer ended before its end */
    ERR_COUNT
};

enum { ERR_TEXT_MAX = 1024 };

struct error {
    enum err code;
    char text[ERR_TEXT_MAX]; /* one line, no trailing dot needed, NUL-terminated, UTF-8 */
};

/* The code's name as logs, specs and Lua see it: "storage", "credentials" … Never NULL. */
const char *err_name(enum err code);

/* The exit status for a code, 0..12. */
int err_exit(enum err code);

/* Fills *e (where e is not NULL) and returns code, so that `return err_set(…)` reads well.
 * A text that does not fit is cut at a character's edge. Never pass a secret. */
enum err err_set(struct error *e, enum err code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The common one: what was tried, and the reason that errno gives. */
enum err err_errno(struct error *e, enum err code, const char *tried, const char *on);

#endif

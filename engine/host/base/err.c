#include "err.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    int exit;
} codes[ERR_COUNT] = {
    [ERR_OK] = {"ok", 0},
    [ERR_FAILED] = {"failed", 1},
    [ERR_USAGE] = {"usage", 2},
    [ERR_CONFIG] = {"config", 3},
    [ERR_CREDENTIALS] = {"credentials", 4},
    [ERR_UNAVAILABLE] = {"unavailable", 5},
    [ERR_HELD] = {"held", 6},
    [ERR_PARTIAL] = {"partial", 7},
    [ERR_BUSY] = {"busy", 8},
    [ERR_STORAGE] = {"storage", 9},
    [ERR_CHANGES] = {"changes", 10},
    [ERR_PENDING] = {"pending", 11},
    [ERR_STALE] = {"stale", 12},
    [ERR_NOMEM] = {"no_memory", 1},
    [ERR_LIMIT] = {"limit", 5},
    [ERR_INVALID] = {"invalid", 5},
    [ERR_NOT_FOUND] = {"not_found", 1},
    [ERR_AGAIN] = {"wait", 1},
    [ERR_CUT] = {"cut", 5},
};

const char *err_name(enum err code) {
    return (unsigned)code < ERR_COUNT ? codes[code].name : "failed";
}

int err_exit(enum err code) {
    return (unsigned)code < ERR_COUNT ? codes[code].exit : 1;
}

/* A cut in the middle of a UTF-8 sequence would make the message itself invalid. */
static void trim_partial_character(char *text, size_t len) {
    size_t start = len;
    while (start > 0 && ((unsigned char)text[start - 1] & 0xC0) == 0x80) start--;
    if (start > 0 && (unsigned char)text[start - 1] >= 0xC0) text[start - 1] = '\0';
}

enum err err_set(struct error *e, enum err code, const char *format, ...) {
    if (!e) return code;
    e->code = code;
    va_list args;
    va_start(args, format);
    int n = vsnprintf(e->text, sizeof e->text, format, args);
    va_end(args);
    if (n >= (int)sizeof e->text) trim_partial_character(e->text, sizeof e->text - 1);
    return code;
}

enum err err_errno(struct error *e, enum err code, const char *tried, const char *on) {
    return err_set(e, code, "%s %s: %s", tried, on, strerror(errno));
}

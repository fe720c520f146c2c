/* log: one line for one event, on stderr.
 *
 * As text, for people:  12:00:01 warn  the message  key=value key="with a blank"
 * As JSON, for programs: {"ts":"2026-11-24T12:00:01.123Z","level":"warn","msg":"…","key":…}
 * Text has a "<4>" in front of it, and no time, where stderr goes to the journal (JOURNAL_STREAM).
 *
 * Every message and value passes the scrubber (scrub.h), then is cut where it is too long, then
 * written so that nothing in it can pretend to be a line or a command to the terminal. A line goes
 * out in one write(2), so that lines of several processes do not mix; a write that fails is not
 * told to anybody. A line is at most LIMIT_LOG_LINE bytes: fields that do not fit are left out,
 * and "cut" is true. */
#ifndef REEVE_LOG_H
#define REEVE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../base/buf.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

struct log_options {
    bool json;
    bool color; /* of the level, in text */
    enum log_level level; /* what is below it is not written */
};

/* A field beside the message. Names are text; `ts`, `level` and `msg` are taken and get a "_". */
struct log_field {
    const char *name;
    enum { LOG_TEXT, LOG_INTEGER, LOG_NUMBER, LOG_BOOLEAN } type;
    const char *text;
    size_t len;
    int64_t integer; /* or boolean */
    double number;
};

struct log_event {
    enum log_level level;
    const char *message;
    size_t len;
    const struct log_field *fields;
    size_t nfields;
    double at; /* seconds since 1970 */
};

/* Until called: text, info, no colour. */
void log_setup(const struct log_options *options);

/* Would a line of this level be written? */
bool log_wanted(enum log_level level);

/* Writes the line, if it is wanted. Never fails. */
void log_line(const struct log_event *event);

/* The line, in place of out's content, with its newline; as JSON or as text, however the log is set
 * up. `out` has a max of at least LIMIT_LOG_LINE. ERR_NOMEM. */
enum err log_write(const struct log_event *event, bool json, struct buf *out);

#endif

#include "log.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../base/limits.h"
#include "../base/utf8.h"
#include "../base/when.h"
#include "../secret/scrub.h"

enum {
    VALUE_MAX = LIMIT_LOG_LINE / 8, /* bytes of one value, before it is escaped */
    NAME_BYTES = 64,
    SPARE = 32, /* room for ,"cut":true} and a newline */
};

static const char *const level_names[] = {"debug", "info", "warn", "error"};

static struct log_options set = {.level = LOG_INFO};

void log_setup(const struct log_options *options) {
    set = *options;
}

bool log_wanted(enum log_level level) {
    return level >= set.level;
}

/* Does stderr go to the journal? It is what JOURNAL_STREAM names, unless it was redirected. */
static bool in_journal(void) {
    const char *stream = getenv("JOURNAL_STREAM");
    unsigned long long device, inode;
    struct stat st;
    return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 && fstat(2, &st) == 0 &&
           st.st_dev == device && st.st_ino == inode;
}

/* A value as it may be written: scrubbed as a whole, then cut. */
static enum err tame(const char *text, size_t len, size_t max, struct buf *out) {
    buf_init(out, LIMIT_STRING);
    enum err rc = buf_add(out, text, utf8_cut(text, len, LIMIT_STRING));
    if (rc) return rc;
    scrub_buf(out);
    if (out->len > max) {
        out->len = utf8_cut(out->data, out->len, max);
        rc = buf_add_text(out, "…");
    }
    return rc;
}

static bool is_control(uint32_t c) {
    /* C0, DEL, C1, line separators, and what turns the direction of writing around */
    return c < 0x20 || (c >= 0x7F && c <= 0x9F) || (c >= 0x2028 && c <= 0x202E) ||
           (c >= 0x2066 && c <= 0x2069);
}

enum style { MESSAGE, QUOTED, JSON };

/* Appends the character as the style wants it; `n` is 0 for a byte that is no UTF-8. */
static enum err escape_one(const char *at, size_t n, uint32_t c, enum style style,
                           struct buf *out) {
    if (!n && style == JSON) return buf_add_text(out, "\xEF\xBF\xBD");
    if (!n) return buf_printf(out, "\\x%02x", (unsigned)(unsigned char)*at);
    if ((c == '"' || c == '\\') && style != MESSAGE) return buf_printf(out, "\\%c", (int)c);
    if (c == '\n') return buf_add_text(out, "\\n");
    if (is_control(c)) return buf_printf(out, "\\u%04x", (unsigned)c);
    return buf_add(out, at, n);
}

static enum err escape(const struct buf *text, enum style style, struct buf *out) {
    enum err rc = ERR_OK;
    for (size_t i = 0, n; i < text->len && !rc; i += n ? n : 1) {
        uint32_t c = 0;
        n = utf8_next(text->data + i, text->len - i, &c);
        rc = escape_one(text->data + i, n, c, style, out);
    }
    return rc;
}

/* A value of the text form that stands without quotes. */
static bool is_word(const struct buf *text) {
    return text->len > 0 && strlen(text->data) == text->len &&
           !text->data[strcspn(text->data, " =\"\\\t\r\n")];
}

static enum err add_text(const char *text, size_t len, enum style style, struct buf *out) {
    struct buf tamed;
    enum err rc = tame(text, len, VALUE_MAX, &tamed);
    bool quotes = style == JSON || (style == QUOTED && !is_word(&tamed));
    if (!rc && quotes) rc = buf_add_byte(out, '"');
    if (!rc) rc = escape(&tamed, style, out);
    if (!rc && quotes) rc = buf_add_byte(out, '"');
    buf_free(&tamed);
    return rc;
}

static enum err add_value(const struct log_field *f, bool json, struct buf *out) {
    if (f->type == LOG_TEXT) return add_text(f->text, f->len, json ? JSON : QUOTED, out);
    if (f->type == LOG_BOOLEAN) return buf_add_text(out, f->integer ? "true" : "false");
    if (f->type == LOG_INTEGER) return buf_printf(out, "%lld", (long long)f->integer);
    if (json && !isfinite(f->number)) return buf_add_text(out, "null");
    return buf_printf(out, "%.14g", f->number);
}

static bool in_name(char c) {
    return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '_' ||
           c == '.' || c == '-';
}

/* A field's name, whatever it was, as one word. */
static enum err add_name(const char *name, struct buf *out) {
    struct buf tamed;
    enum err rc = tame(name, strlen(name), NAME_BYTES, &tamed);
    if (!rc && (!strcmp(name, "ts") || !strcmp(name, "level") || !strcmp(name, "msg")))
        rc = buf_add_byte(out, '_');
    for (size_t i = 0; i < tamed.len && !rc; i++)
        rc = buf_add_byte(out, (unsigned char)(in_name(tamed.data[i]) ? tamed.data[i] : '_'));
    buf_free(&tamed);
    return rc;
}

static enum err add_field(const struct log_field *f, bool json, struct buf *out) {
    enum err rc = buf_add_text(out, json ? ",\"" : "  ");
    if (!rc) rc = add_name(f->name, out);
    if (!rc) rc = buf_add_text(out, json ? "\":" : "=");
    return rc ? rc : add_value(f, json, out);
}

/* The fields that fit, leaving room for what ends the line. */
static enum err add_fields(const struct log_event *event, bool json, struct buf *out) {
    bool cut = false;
    for (size_t i = 0; i < event->nfields; i++) {
        size_t before = out->len;
        enum err rc = add_field(&event->fields[i], json, out);
        if (rc && rc != ERR_LIMIT) return rc;
        if (!rc && out->len <= LIMIT_LOG_LINE - SPARE) continue;
        out->len = before;
        out->data[before] = '\0';
        cut = true;
    }
    return cut ? buf_add_text(out, json ? ",\"cut\":true" : "  cut=true") : ERR_OK;
}

static enum err write_json(const struct log_event *event, struct buf *out) {
    char time[WHEN_MAX];
    double whole = floor(event->at);
    when_write((int64_t)whole, (uint32_t)((event->at - whole) * 1000) * 1000000U, time);
    enum err rc = buf_printf(out, "{\"ts\":\"%s\",\"level\":\"%s\",\"msg\":", time,
                             level_names[event->level]);
    if (!rc) rc = add_text(event->message, event->len, JSON, out);
    if (!rc) rc = add_fields(event, true, out);
    return rc ? rc : buf_add_text(out, "}\n");
}

/* What stands before the message: for the journal a priority, for people a time and the level. */
static enum err add_head(const struct log_event *event, struct buf *out) {
    static const int priorities[] = {7, 6, 4, 3};
    static const char *const colors[] = {"\033[2m", "\033[36m", "\033[33m", "\033[31m"};
    struct tm tm;
    time_t at = (time_t)event->at;
    if (in_journal())
        return buf_printf(out, "<%d>%s  ", priorities[event->level], level_names[event->level]);
    localtime_r(&at, &tm);
    return buf_printf(out, "%02d:%02d:%02d %s%-5s%s  ", tm.tm_hour, tm.tm_min, tm.tm_sec,
                      set.color ? colors[event->level] : "", level_names[event->level],
                      set.color ? "\033[0m" : "");
}

static enum err write_text(const struct log_event *event, struct buf *out) {
    enum err rc = add_head(event, out);
    if (!rc) rc = add_text(event->message, event->len, MESSAGE, out);
    if (!rc) rc = add_fields(event, false, out);
    return rc ? rc : buf_add_byte(out, '\n');
}

enum err log_write(const struct log_event *event, bool json, struct buf *out) {
    buf_clear(out);
    return json ? write_json(event, out) : write_text(event, out);
}

void log_line(const struct log_event *event) {
    static const char lost[] = "reeve: out of memory: a log line is lost\n";
    struct buf line;
    if (!log_wanted(event->level)) return;
    buf_init(&line, LIMIT_LOG_LINE);
    if (log_write(event, set.json, &line) == ERR_OK)
        (void)!write(2, line.data, line.len);
    else
        (void)!write(2, lost, sizeof lost - 1);
    buf_free(&line);
}

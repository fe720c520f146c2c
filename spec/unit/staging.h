/* staging: a state in a temporary folder, and runs made by hand: records staged without Lua.
 *
 * A thing here is a user with a short id and a value; what its record says is in struct thing. */
#ifndef REEVE_SPEC_STAGING_H
#define REEVE_SPEC_STAGING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../engine/host/model/model.h"
#include "../../engine/host/secret/secret.h"
#include "../../engine/host/store/browse.h"
#include "../../engine/host/store/compare.h"
#include "../../engine/host/store/index.h"
#include "../../engine/host/store/publish.h"
#include "../../engine/host/store/stage.h"
#include "../../engine/host/store/state.h"
#include "../../engine/host/store/tally.h"
#include "../../engine/host/system/folder.h"

static char staging_dir[300];
static struct state staging_state;
static struct error staging_error;

#define OK(call)                                                              \
    do {                                                                      \
        if ((call) != ERR_OK) fail_msg("%s: %s", #call, staging_error.text); \
    } while (0)

static int staging_setup(void **state) {
    static int n;
    const char *tmp = getenv("TMPDIR");
    (void)state;
    snprintf(staging_dir, sizeof staging_dir, "%s/state-%ld-%d", tmp ? tmp : "/tmp",
             (long)getpid(), n++);
    if (mkdir(staging_dir, 0700)) return -1;
    struct store_options options = {.write = true, .create = true, .map_bytes = 64u << 20};
    return (int)state_open(&staging_state, staging_dir, &options, &staging_error);
}

static int staging_teardown(void **state) {
    (void)state;
    state_close(&staging_state);
    return folder_remove(staging_dir, NULL);
}

static struct state_numbers staging_numbers(void) {
    struct store_txn *t;
    struct state_numbers n;
    OK(store_begin(staging_state.store, false, &t, &staging_error));
    OK(state_numbers(t, &n, &staging_error));
    store_abort(t);
    return n;
}

/* A new run, open. */
static uint64_t staging_begin(void) {
    struct store_txn *t;
    struct state_numbers n;
    OK(store_begin(staging_state.store, true, &t, &staging_error));
    OK(state_numbers(t, &n, &staging_error));
    n.open = ++n.last;
    struct state_range range = {n.next_rec, n.next_rec};
    OK(state_put_numbers(t, &n, &staging_error));
    OK(state_put_range(t, n.last, &range, &staging_error));
    OK(store_commit(t, &staging_error));
    return n.last;
}

static struct span staging_text(const char *s) {
    return span_of(s, strlen(s));
}

/* The key of a resource "user", or of the entitlement or grant that a user's record carries. */
static void staging_key(enum record_kind kind, const char *id, const char *to,
                        unsigned char key[RECORD_KEY]) {
    const struct span tuple[] = {{"user", 4}, staging_text(id), {"boss", 4}, {"user", 4},
                                 staging_text(to ? to : "")};
    record_key(staging_state.secret, kind, tuple,
               kind == RECORD_RESOURCE ? 2 : kind == RECORD_ENTITLEMENT ? 3 : 5, key);
}

/* What an object is: user `id` with a value, an entitlement "boss" on it where `boss`, and a grant
 * of the boss of `holds` (NULL: none) to it. */
struct thing {
    const char *id; /* NULL: unknown, of one set aside */
    int value;
    bool boss;
    const char *holds;
    enum record_outcome outcome;
};

static void staging_draft(struct record_draft *d, const struct thing *it) {
    struct record_part part = {{0}, {0}, {0}, {0}, 0, 0};
    record_draft_begin(d);
    d->head.outcome = (unsigned char)it->outcome;
    if (it->id) staging_key(RECORD_RESOURCE, it->id, NULL, part.key);
    buf_printf(&d->json, "{\"type\":\"user\",\"id\":\"%s\",\"name\":\"%d\"%s}", it->id ? it->id : "",
               it->value, it->outcome ? ",\"reason\":\"so\"" : "");
    OK(record_draft_part(d, RECORD_RESOURCE, &part));
    if (it->outcome) return;
    if (it->boss) {
        struct record_part e = {{0}, {0}, {0}, {0}, 0, 0};
        staging_key(RECORD_ENTITLEMENT, it->id, NULL, e.key);
        memcpy(e.on, part.key, RECORD_KEY);
        buf_printf(&d->json, "{\"resource\":{\"type\":\"user\",\"id\":\"%s\"},\"slug\":\"boss\"}",
                   it->id);
        OK(record_draft_part(d, RECORD_ENTITLEMENT, &e));
    }
    if (it->holds) {
        struct record_part g = {{0}, {0}, {0}, {0}, 0, 0};
        staging_key(RECORD_GRANT, it->holds, it->id, g.key);
        staging_key(RECORD_ENTITLEMENT, it->holds, NULL, g.on);
        staging_key(RECORD_RESOURCE, it->holds, NULL, g.on_resource);
        memcpy(g.principal, part.key, RECORD_KEY);
        buf_printf(&d->json,
                   "{\"entitlement\":{\"type\":\"user\",\"id\":\"%s\",\"slug\":\"boss\"},"
                   "\"principal\":{\"type\":\"user\",\"id\":\"%s\"}}",
                   it->holds, it->id);
        OK(record_draft_part(d, RECORD_GRANT, &g));
    }
}

/* Emits one object as api/emit.c does: seen before, or kept. True where it was seen before. */
static bool staging_emit(struct stage_unit *u, const char *list, const char *parent,
                         const struct thing *it) {
    struct record_draft d;
    struct buf value;
    unsigned char hash[16];
    bool hit;
    unsigned outcome;
    record_draft_init(&d);
    buf_init(&value, 1 << 20);
    staging_draft(&d, it);
    struct record_origin origin = {staging_text(list), {"user", 4}, staging_text(parent), {"", 0},
                                   {d.json.data, d.json.len}};
    OK(record_draft_write(&d, &origin, &value));
    secret_hash128(staging_state.secret, value.data, value.len, hash);
    OK(stage_look(u, hash, &hit, &outcome, &staging_error));
    if (!hit)
        OK(stage_keep(u, hash, it->outcome, span_of(value.data, value.len), &staging_error));
    buf_free(&value);
    record_draft_free(&d);
    return hit;
}

/* A listing of one page. */
static void staging_list(struct stage *g, const char *list, const char *parent,
                         const struct thing *things, size_t n, enum seq_state ends) {
    struct stage_unit *u;
    struct seq_progress p;
    struct buf note;
    buf_init(&note, 1000);
    OK(stage_unit_open(g, staging_text(list), staging_text(parent), &u, &p, &note,
                       &staging_error));
    for (size_t i = 0; i < n; i++) staging_emit(u, list, parent, &things[i]);
    OK(stage_page_end(u, ends, span_of("", 0), &staging_error));
    stage_unit_free(u);
    buf_free(&note);
}

static void staging_compare(uint64_t run, const struct compare_list *lists, size_t n,
                            struct tally *tally) {
    *tally = (struct tally){0};
    OK(compare_run(&staging_state, run, lists, n, tally, NULL, NULL, &staging_error));
}

static void staging_publish(uint64_t run) {
    OK(publish_run(&staging_state, run, span_of("{}", 2), &staging_error));
    OK(publish_tidy(&staging_state, &staging_error));
}

static int staging_order(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The lines, which it frees, sorted and joined. */
static char *staging_join(char **lines, size_t n) {
    struct buf all;
    buf_init(&all, 1 << 20);
    qsort(lines, n, sizeof *lines, staging_order);
    for (size_t i = 0; i < n; i++) {
        buf_printf(&all, "%s\n", lines[i]);
        free(lines[i]);
    }
    return buf_take(&all, NULL);
}

/* All that is seen as of a run, a line each, sorted; the caller frees it. */
static char *staging_seen(uint64_t run) {
    char *lines[500];
    size_t n = 0;
    for (int kind = RECORD_RESOURCE; kind <= RECORD_GRANT; kind++) {
        struct browse *b;
        struct browse_item item;
        bool more = true;
        OK(browse_things(&b, &staging_state, (enum record_kind)kind, span_of("", 0), run,
                         &staging_error));
        while (more) {
            OK(browse_next(b, &item, &more, &staging_error));
            if (more) lines[n++] = strndup(item.after.p, item.after.n);
        }
        browse_free(b);
    }
    return staging_join(lines, n);
}

#endif

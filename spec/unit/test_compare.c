/* compare against a model of it by brute force: random runs over few things, and the cases that
 * went wrong once. */
#include "staging.h"

enum { IDS = 4, UNITS = 4, RUNS = 12, SEEDS = 60 };

static const char *const ids[IDS] = {"a", "b", "c", "d"};
static const struct {
    const char *list, *parent;
} units[UNITS] = {{"user", ""}, {"sso", ""}, {"team", "p1"}, {"team", "p2"}};

/* What the model remembers. A unit holds at most one kept thing and one other of an id. */
struct held {
    bool there, weak;
    unsigned long age; /* stands for the record */
    struct thing it;
};
struct world {
    struct held kept[UNITS][IDS], other[UNITS][IDS];
    struct held seen[IDS]; /* the record that is seen; protected where no unit holds it */
    unsigned long age;
};

static unsigned dice(unsigned *seed, unsigned n) {
    *seed = *seed * 1103515245u + 12345u;
    return (*seed >> 16) % n;
}

static bool same(const struct thing *a, const struct thing *b) {
    return a->value == b->value && a->boss == b->boss && a->holds == b->holds &&
           a->outcome == b->outcome;
}

static size_t make_things(unsigned *seed, struct thing *out) {
    size_t n = 0;
    for (int i = 0; i < IDS; i++) {
        unsigned roll = dice(seed, 12);
        if (roll < 4) continue;
        out[n++] = (struct thing){ids[i], (int)dice(seed, 2), dice(seed, 2),
                                  dice(seed, 2) ? ids[dice(seed, IDS)] : NULL,
                                  roll == 4   ? RECORD_SKIPPED
                                  : roll == 5 ? RECORD_SET_ASIDE
                                              : RECORD_KEPT};
    }
    return n;
}

/* One unit's answer, that ended well or not. */
static void give(struct world *w, int unit, const struct thing *things, size_t n, bool whole) {
    struct held given[IDS] = {{0}};
    bool added = false;
    for (size_t k = 0; k < n; k++) {
        int i = things[k].id[0] - 'a';
        struct held *old = things[k].outcome ? &w->other[unit][i] : &w->kept[unit][i];
        bool hit = old->there && !old->weak && same(&old->it, &things[k]);
        given[i] = (struct held){true, false, hit ? old->age : ++w->age, things[k]};
        added = added || !hit;
    }
    for (int i = 0; i < IDS; i++) {
        struct held *kept = &w->kept[unit][i], *other = &w->other[unit][i];
        bool is_kept = given[i].there && !given[i].it.outcome;
        bool yields = given[i].there && given[i].it.outcome != RECORD_SET_ASIDE;
        if (is_kept) *kept = given[i];
        else if (whole || (yields && added)) kept->there = false;
        else if (added) kept->weak = true;
        if (given[i].there && !is_kept) *other = given[i];
        else if (whole || (is_kept && added)) other->there = false;
        else if (added) other->weak = true;
    }
}

static bool goes_first(int a, const struct held *x, int b, const struct held *y) {
    int c = strcmp(units[a].list, units[b].list);
    if (!c) return x->age < y->age;
    if (a == 0 || b == 0) return a == 0;
    return c < 0;
}

static void judge(struct world *w) {
    for (int i = 0; i < IDS; i++) {
        bool doubt = w->kept[2][i].there && w->kept[3][i].there &&
                     w->kept[2][i].it.value != w->kept[3][i].it.value;
        int best = -1;
        for (int u = 0; u < UNITS; u++) {
            if (!w->kept[u][i].there || (u >= 2 && doubt)) continue;
            if (best < 0 || goes_first(u, &w->kept[u][i], best, &w->kept[best][i])) best = u;
        }
        for (int u = 0; u < UNITS; u++)
            doubt = doubt || (w->other[u][i].there && w->other[u][i].it.outcome == RECORD_SET_ASIDE);
        if (best >= 0) w->seen[i] = w->kept[best][i];
        else if (!doubt) w->seen[i].there = false;
    }
}

/* Does a record that somebody holds, or that is protected, satisfy it? */
static bool some(const struct world *w, int i, bool boss, const char *holds) {
    for (int u = 0; u <= UNITS; u++) {
        const struct held *h = u < UNITS ? &w->kept[u][i] : &w->seen[i];
        if (h->there && ((boss && h->it.boss) || (holds && h->it.holds == holds))) return true;
    }
    return false;
}

static char *model_seen(const struct world *w) {
    char *lines[100];
    size_t n = 0;
    for (int i = 0; i < IDS; i++) {
        if (!w->seen[i].there) continue;
        asprintf(&lines[n++], "{\"type\":\"user\",\"id\":\"%s\",\"name\":\"%d\"}", ids[i],
                 w->seen[i].it.value);
        if (some(w, i, true, NULL))
            asprintf(&lines[n++],
                     "{\"resource\":{\"type\":\"user\",\"id\":\"%s\"},\"slug\":\"boss\"}", ids[i]);
        for (int h = 0; h < IDS; h++)
            if (some(w, i, false, ids[h]) && w->seen[h].there && some(w, h, true, NULL))
                asprintf(&lines[n++],
                         "{\"entitlement\":{\"type\":\"user\",\"id\":\"%s\",\"slug\":\"boss\"},"
                         "\"principal\":{\"type\":\"user\",\"id\":\"%s\"}}",
                         ids[h], ids[i]);
    }
    return staging_join(lines, n);
}

/* A unit in a run: asked and whole, asked in part (lists without parents), or not asked. */
static void random_unit(struct stage *g, struct world *w, int u, bool gone, unsigned *seed) {
    struct thing things[IDS];
    size_t n = make_things(seed, things);
    unsigned roll = dice(seed, 6);
    if (u >= 2 && roll < 2) {
        if (gone) give(w, u, NULL, 0, true);
        return;
    }
    bool whole = u >= 2 || roll < 4;
    give(w, u, things, n, whole);
    staging_list(g, units[u].list, units[u].parent, things, n,
                 whole ? SEQ_COMPLETE : roll == 4 ? SEQ_INCOMPLETE : SEQ_NOT_COVERED);
}

static void random_run(struct world *w, unsigned *seed) {
    struct world before = *w;
    struct tally tally;
    struct stage *g;
    uint64_t run = staging_begin();
    bool gone = dice(seed, 2);
    const struct compare_list lists[] = {
        {{"sso", 3}, false, false}, {{"team", 4}, gone, false}, {{"user", 4}, false, false}};
    OK(stage_open(&g, &staging_state, run, &staging_error));
    for (int u = 0; u < UNITS; u++) random_unit(g, w, u, gone, seed);
    OK(stage_sync(g, &staging_error));
    stage_close(g);
    judge(w);
    staging_compare(run, lists, 3, &tally);
    tally_free(&tally);
    if (dice(seed, 3) == 0) { /* as after a kill: what was begun is undone, and done again */
        OK(publish_undo(&staging_state, run, &staging_error));
        staging_compare(run, lists, 3, &tally);
        tally_free(&tally);
    }
    if (dice(seed, 4) == 0) {
        OK(publish_drop(&staging_state, run, &staging_error));
        *w = before;
        return;
    }
    staging_publish(run);
    if (dice(seed, 5) == 0 && run > 2)
        for (uint64_t old = 1; old < run - 1; old++)
            OK(publish_forget(&staging_state, old, &staging_error));
}

static void every_run_is_seen_as_the_model_sees_it(void **state) {
    for (unsigned s = 1; s <= SEEDS; s++) {
        struct world w = {.age = 0};
        unsigned seed = s;
        for (int r = 0; r < RUNS; r++) {
            random_run(&w, &seed);
            char *is = staging_seen(staging_numbers().accepted), *want = model_seen(&w);
            if (strcmp(is, want) != 0)
                fail_msg("seed %u, run %d:\n%s-- wanted\n%s", s, r + 1, is, want);
            free(is);
            free(want);
        }
        staging_teardown(state);
        assert_int_equal(staging_setup(state), 0);
    }
}

/* Runs the lists "user" and "sso" whole or not, publishes. */
static uint64_t two_lists(const struct thing *user, size_t n, enum seq_state ends,
                          const struct thing *sso, size_t m) {
    const struct compare_list lists[] = {{{"sso", 3}, false, false}, {{"user", 4}, false, false}};
    struct tally tally;
    struct stage *g;
    uint64_t run = staging_begin();
    OK(stage_open(&g, &staging_state, run, &staging_error));
    staging_list(g, "user", "", user, n, ends);
    staging_list(g, "sso", "", sso, m, SEQ_COMPLETE);
    OK(stage_sync(g, &staging_error));
    stage_close(g);
    staging_compare(run, lists, 2, &tally);
    tally_free(&tally);
    staging_publish(run);
    return run;
}

static void sees(const char *what, bool wanted) {
    char *all = staging_seen(staging_numbers().accepted);
    if ((strstr(all, what) != NULL) != wanted)
        fail_msg("%s is %s in\n%s", what, wanted ? "not" : "still", all);
    free(all);
}

/* That another list gives a thing is no proof that it is gone from one that was not whole. */
static void another_list_proves_nothing_about_one_that_was_not_whole(void **state) {
    (void)state;
    const struct thing old[] = {{"a", 1, false, "b", RECORD_KEPT}, {"b", 1, true, NULL, RECORD_KEPT}};
    const struct thing other = {"a", 2, false, NULL, RECORD_KEPT};
    const struct thing news[] = {{"b", 2, true, NULL, RECORD_KEPT}};
    two_lists(old, 2, SEQ_COMPLETE, NULL, 0);
    two_lists(news, 1, SEQ_INCOMPLETE, &other, 1);
    sees("\"principal\":{\"type\":\"user\",\"id\":\"a\"}", true);
    two_lists(news, 1, SEQ_INCOMPLETE, NULL, 0);
    sees("\"id\":\"a\",\"name\":\"1\"", true);
}

static void what_a_mapping_leaves_out_goes_though_its_list_was_not_whole(void **state) {
    (void)state;
    const struct thing old[] = {{"a", 1, true, NULL, RECORD_KEPT}, {"b", 1, false, NULL, RECORD_KEPT}};
    const struct thing news[] = {{"a", 1, false, NULL, RECORD_SKIPPED}};
    two_lists(old, 2, SEQ_COMPLETE, NULL, 0);
    two_lists(news, 1, SEQ_INCOMPLETE, NULL, 0);
    sees("\"id\":\"a\"", false);
    sees("\"id\":\"b\"", true);
}

/* A record that yielded, and was forgotten, is still in its listing's sequence. */
static void a_forgotten_record_does_not_stop_the_run_that_drops_it(void **state) {
    (void)state;
    const struct thing one[] = {{"a", 1, false, NULL, RECORD_KEPT}, {"b", 1, false, NULL, RECORD_KEPT}};
    const struct thing two[] = {{"a", 2, false, NULL, RECORD_KEPT}};
    uint64_t first = two_lists(one, 2, SEQ_COMPLETE, NULL, 0);
    uint64_t second = two_lists(two, 1, SEQ_INCOMPLETE, NULL, 0);
    two_lists(two, 1, SEQ_INCOMPLETE, one, 1);
    OK(publish_forget(&staging_state, first, &staging_error));
    OK(publish_forget(&staging_state, second, &staging_error));
    two_lists(two, 1, SEQ_COMPLETE, NULL, 0);
    sees("\"id\":\"a\",\"name\":\"2\"", true);
    sees("\"id\":\"b\"", false);
}

static size_t count_excluded(uint64_t run) {
    struct browse *b;
    struct browse_item item;
    bool more = true;
    size_t n = 0;
    OK(browse_excluded(&b, &staging_state, run, &staging_error));
    for (; more; n += more) OK(browse_next(b, &item, &more, &staging_error));
    browse_free(b);
    return n;
}

/* A run that is held has what it staged, and its sequences: neither is told twice. */
static void what_a_held_run_left_out_is_told_once(void **state) {
    (void)state;
    const struct thing things[] = {{"a", 1, false, NULL, RECORD_SKIPPED}, {"b", 1, false, "c", RECORD_KEPT},
                                   {"c", 0, false, NULL, RECORD_SET_ASIDE}};
    const struct compare_list list = {{"user", 4}, false, false};
    struct tally tally;
    struct stage *g;
    uint64_t run = staging_begin();
    OK(stage_open(&g, &staging_state, run, &staging_error));
    staging_list(g, "user", "", things, 3, SEQ_COMPLETE);
    OK(stage_sync(g, &staging_error));
    stage_close(g);
    assert_int_equal(count_excluded(run), 2);
    staging_compare(run, &list, 1, &tally);
    assert_int_equal(tally.skipped_records, 1);
    assert_int_equal(tally.aside_records, 1);
    assert_int_equal(tally.dangling, 1);
    tally_free(&tally);
    assert_int_equal(count_excluded(run), 3);
    staging_publish(run);
    assert_int_equal(count_excluded(run), 3);
}

enum { MANY = 3000 }; /* more than a browse reads at once */

/* Users "0", "1", … who all hold the boss of the first. */
static uint64_t list_many(void) {
    static char names[MANY][12];
    static struct thing many[MANY];
    for (int i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof names[i], "%d", i);
        many[i] = (struct thing){names[i], i, i == 0, names[0], RECORD_KEPT};
    }
    return two_lists(many, MANY, SEQ_COMPLETE, NULL, 0);
}

static void is_user(const struct browse_item *item, int n) {
    char json[80];
    int len = snprintf(json, sizeof json, "{\"type\":\"user\",\"id\":\"%d\",\"name\":\"%d\"}", n,
                       n);
    assert_int_equal(item->kind, RECORD_RESOURCE);
    assert_int_equal(item->after.n, len);
    assert_memory_equal(item->after.p, json, (size_t)len);
}

static bool next(struct browse *b, struct browse_item *item) {
    bool more;
    OK(browse_next(b, item, &more, &staging_error));
    return more;
}

static void a_long_listing_comes_whole_and_in_order(void **state) {
    (void)state;
    struct browse *b;
    struct browse_item item;
    int n = 0;
    uint64_t run = list_many();
    OK(browse_things(&b, &staging_state, RECORD_RESOURCE, span_of("user", 4), run, &staging_error));
    while (next(b, &item)) is_user(&item, n++);
    assert_int_equal(n, MANY);
    browse_free(b);
}

/* The number that is an object's last id. */
static int last_id(struct span json) {
    char text[200];
    snprintf(text, sizeof text, "%.*s", (int)json.n, (const char *)json.p);
    const char *id = NULL;
    for (const char *at = text; (at = strstr(at, "\"id\":\"")) != NULL; at++) id = at;
    return id ? atoi(id + strlen("\"id\":\"")) : -1;
}

static void each_of_many_comes_before_what_it_holds(void **state) {
    (void)state;
    struct browse *b;
    struct browse_item item;
    int n = 0;
    OK(browse_holdings(&b, &staging_state, list_many(), &staging_error));
    for (; next(b, &item); n++) {
        int user = last_id(item.after);
        is_user(&item, user);
        assert_true(next(b, &item));
        assert_int_equal(item.kind, RECORD_GRANT);
        assert_int_equal(last_id(item.after), user);
    }
    assert_int_equal(n, MANY);
    browse_free(b);
}

enum { ENTITLEMENTS = 200, TALLIED = 6 };

/* Each entitlement has its holders counted in runs of its own choice. */
static bool is_tallied(uint64_t entitlement, uint64_t run) {
    return entitlement >> (run - 1) & 1;
}

static size_t tallied(uint64_t run) {
    size_t n = 0;
    for (uint64_t i = 0; i < ENTITLEMENTS; i++) n += is_tallied(i, run);
    return n;
}

static void tally_all(uint64_t run) {
    struct store_txn *t;
    OK(store_begin(staging_state.store, true, &t, &staging_error));
    for (uint64_t i = 0; i < ENTITLEMENTS; i++) {
        struct state_key key = state_key_run_n(i * 0x9E3779B97F4A7C15u, 0),
                         row = state_key_run_n(run, i);
        if (!is_tallied(i, run)) continue;
        OK(store_put(t, STATE_TALLY, state_span(&key), state_span(&row), &staging_error));
    }
    OK(store_commit(t, &staging_error));
}

/* How many tallies there are of a run. */
static size_t tallies_of(uint64_t run) {
    struct store_txn *t;
    struct store_cursor *c;
    struct span key = {0}, row;
    size_t n = 0;
    OK(store_begin(staging_state.store, false, &t, &staging_error));
    OK(store_cursor(t, STATE_TALLY, &c, &staging_error));
    while (!store_move(c, STORE_NEXT, &key, &row, &staging_error)) n += state_u64(row.p) == run;
    store_cursor_close(c);
    store_abort(t);
    return n;
}

static void what_is_undone_takes_its_tallies_along_and_no_others(void **state) {
    (void)state;
    for (uint64_t undone = 1; undone <= TALLIED; undone++) {
        for (uint64_t run = 1; run <= TALLIED; run++) tally_all(run);
        OK(publish_undo(&staging_state, undone, &staging_error));
        for (uint64_t run = 1; run <= TALLIED; run++)
            assert_int_equal(tallies_of(run), run == undone ? 0 : tallied(run));
    }
}

static void types_beyond_the_maximum_share_one_tally(void **state) {
    (void)state;
    struct tally t = {0};
    char name[32];
    for (int i = 0; i < 400; i++) {
        snprintf(name, sizeof name, "t%d", i);
        struct tally_type *type = tally_type(&t, name, strlen(name));
        assert_non_null(type);
        type->added++;
    }
    assert_int_equal(t.type_count, 257);
    assert_string_equal(t.types[256].name, "others");
    assert_int_equal(t.types[256].added, 144);
    tally_free(&t);
}

#define WITH_STATE(test) cmocka_unit_test_setup_teardown(test, staging_setup, staging_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_STATE(every_run_is_seen_as_the_model_sees_it),
        WITH_STATE(another_list_proves_nothing_about_one_that_was_not_whole),
        WITH_STATE(what_a_mapping_leaves_out_goes_though_its_list_was_not_whole),
        WITH_STATE(a_forgotten_record_does_not_stop_the_run_that_drops_it),
        WITH_STATE(what_a_held_run_left_out_is_told_once),
        WITH_STATE(what_is_undone_takes_its_tallies_along_and_no_others),
        WITH_STATE(a_long_listing_comes_whole_and_in_order),
        WITH_STATE(each_of_many_comes_before_what_it_holds),
        cmocka_unit_test(types_beyond_the_maximum_share_one_tally),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

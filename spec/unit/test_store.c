/* Tests of host/store/store: what is written is there after a reopen, in order, and nothing of what was
 * aborted. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../engine/host/store/store.h"

enum { PLAIN, DUPS, TABLES };
static const struct store_table tables[TABLES] = {{"plain", 0}, {"dups", STORE_DUPLICATES}};

static char dir[256];

static struct span text(const char *s) {
    return span_of(s, strlen(s));
}

static struct store *open_store(bool write, size_t map_bytes) {
    struct store *s;
    struct error e;
    struct store_options options = {.write = write, .create = write, .map_bytes = map_bytes};
    if (store_open(&s, dir, tables, TABLES, &options, &e)) fail_msg("%s", e.text);
    return s;
}

static int make_dir(void **state) {
    (void)state;
    const char *tmp = getenv("TMPDIR");
    snprintf(dir, sizeof dir, "%s/store.XXXXXX", tmp ? tmp : "/tmp");
    return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state) {
    (void)state;
    const char *files[] = {"data.mdb", "lock.mdb"};
    for (size_t i = 0; i < 2; i++) {
        char path[300];
        snprintf(path, sizeof path, "%s/%s", dir, files[i]);
        unlink(path);
    }
    return rmdir(dir);
}

static void put(struct store *s, int table, const char *key, const char *value) {
    struct store_txn *t;
    struct error e;
    assert_int_equal(ERR_OK, store_begin(s, true, &t, &e));
    assert_int_equal(ERR_OK, store_put(t, table, text(key), text(value), &e));
    assert_int_equal(ERR_OK, store_commit(t, &e));
}

static void says(struct store *s, const char *key, const char *value) {
    struct store_txn *t;
    struct span v;
    struct error e;
    assert_int_equal(ERR_OK, store_begin(s, false, &t, &e));
    enum err rc = store_get(t, PLAIN, text(key), &v, &e);
    assert_int_equal(value ? ERR_OK : ERR_NOT_FOUND, rc);
    if (value) {
        assert_int_equal(strlen(value), v.n);
        assert_memory_equal(value, v.p, v.n);
    }
    store_abort(t);
}

static void commits_last_and_aborts_do_not(void **state) {
    (void)state;
    struct store *s = open_store(true, 1 << 20);
    put(s, PLAIN, "a", "1");
    struct store_txn *t;
    struct error e;
    assert_int_equal(ERR_OK, store_begin(s, true, &t, &e));
    assert_int_equal(ERR_OK, store_put(t, PLAIN, text("a"), text("2"), &e));
    assert_int_equal(ERR_OK, store_put(t, PLAIN, text("b"), text("3"), &e));
    store_abort(t);
    store_close(s);
    s = open_store(false, 1 << 20);
    says(s, "a", "1");
    says(s, "b", NULL);
    store_close(s);
}

static void a_reader_sees_the_moment_it_began(void **state) {
    (void)state;
    struct store *s = open_store(true, 1 << 20);
    struct store_txn *t;
    struct span v;
    struct error e;
    put(s, PLAIN, "a", "before");
    assert_int_equal(ERR_OK, store_begin(s, false, &t, &e));
    put(s, PLAIN, "a", "after");
    assert_int_equal(ERR_OK, store_get(t, PLAIN, text("a"), &v, &e));
    assert_memory_equal("before", v.p, v.n);
    store_abort(t);
    says(s, "a", "after");
    store_close(s);
}

/* Walks a table from a key on and joins what it meets, as "key=value ". */
static void walk(struct store *s, int table, const char *from, enum store_move step, char *out) {
    struct store_txn *t;
    struct store_cursor *c;
    struct error e;
    struct span k = text(from), v;
    assert_int_equal(ERR_OK, store_begin(s, false, &t, &e));
    assert_int_equal(ERR_OK, store_cursor(t, table, &c, &e));
    size_t n = 0;
    for (enum err rc = store_move(c, STORE_SEEK, &k, &v, &e); !rc;
         rc = store_move(c, step, &k, &v, &e))
        n += (size_t)snprintf(out + n, 256 - n, "%.*s=%.*s ", (int)k.n, (const char *)k.p, (int)v.n,
                              (const char *)v.p);
    out[n] = '\0';
    store_cursor_close(c);
    store_abort(t);
}

static void cursors_go_in_order(void **state) {
    (void)state;
    char out[256];
    struct store *s = open_store(true, 1 << 20);
    put(s, DUPS, "b", "2");
    put(s, DUPS, "b", "1");
    put(s, DUPS, "a", "9");
    put(s, DUPS, "c", "0");
    walk(s, DUPS, "", STORE_NEXT, out); /* no key is empty: from the first on */
    assert_string_equal("a=9 b=1 b=2 c=0 ", out);
    walk(s, DUPS, "b", STORE_NEXT_KEY, out);
    assert_string_equal("b=1 c=0 ", out);
    walk(s, DUPS, "b", STORE_NEXT_DUP, out);
    assert_string_equal("b=1 b=2 ", out);
    walk(s, DUPS, "d", STORE_NEXT, out);
    assert_string_equal("", out);
    store_close(s);
}

static void a_prefix_is_deleted_bit_by_bit(void **state) {
    (void)state;
    char out[256];
    struct error e;
    struct store_txn *t;
    bool done = false;
    int rounds = 0;
    struct store *s = open_store(true, 1 << 20);
    const char *keys[] = {"a1", "a2", "a3", "b1"};
    for (size_t i = 0; i < 4; i++) put(s, PLAIN, keys[i], "x");
    for (; !done; rounds++) {
        assert_int_equal(ERR_OK, store_begin(s, true, &t, &e));
        assert_int_equal(ERR_OK, store_del_prefix(t, PLAIN, text("a"), 2, &done, &e));
        assert_int_equal(ERR_OK, store_commit(t, &e));
    }
    assert_int_equal(2, rounds);
    walk(s, PLAIN, "", STORE_NEXT, out);
    assert_string_equal("b1=x ", out);
    store_close(s);
}

static void a_full_map_says_what_to_do(void **state) {
    (void)state;
    static char big[60000];
    struct store_txn *t;
    struct error e;
    struct store *s = open_store(true, 1 << 20);
    put(s, PLAIN, "kept", "1");
    assert_int_equal(ERR_OK, store_begin(s, true, &t, &e));
    enum err rc = ERR_OK;
    for (uint32_t i = 0; i < 100 && !rc; i++)
        rc = store_put(t, PLAIN, span_of(&i, sizeof i), span_of(big, sizeof big), &e);
    assert_int_equal(ERR_STORAGE, rc);
    assert_non_null(strstr(e.text, "map_gb"));
    store_abort(t);
    says(s, "kept", "1");
    store_close(s);
}

static void what_is_no_store_is_refused(void **state) {
    (void)state;
    char path[300];
    struct error e;
    struct store *s;
    struct store_options options = {.write = true, .map_bytes = 1 << 20};
    assert_int_equal(ERR_NOT_FOUND, store_open(&s, dir, tables, TABLES, &options, &e));
    snprintf(path, sizeof path, "%s/data.mdb", dir);
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    char noise[8192];
    memset(noise, 'x', sizeof noise);
    assert_int_equal(sizeof noise, write(fd, noise, sizeof noise));
    close(fd);
    assert_int_equal(ERR_STORAGE, store_open(&s, dir, tables, TABLES, &options, &e));
    assert_null(s);
    assert_non_null(strstr(e.text, "move it away"));
}

#define STORE_TEST(name) cmocka_unit_test_setup_teardown(name, make_dir, remove_dir)

int main(void) {
    const struct CMUnitTest tests[] = {
        STORE_TEST(commits_last_and_aborts_do_not),
        STORE_TEST(a_reader_sees_the_moment_it_began),
        STORE_TEST(cursors_go_in_order),
        STORE_TEST(a_prefix_is_deleted_bit_by_bit),
        STORE_TEST(a_full_map_says_what_to_do),
        STORE_TEST(what_is_no_store_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

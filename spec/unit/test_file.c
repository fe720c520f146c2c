/* file and folder: suspicion when reading, all or nothing when writing, no way out when removing. */
#include "../../engine/host/system/file.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <signal.h>
#include <unistd.h>
#include <cmocka.h>

#include "../../engine/host/base/limits.h"
#include "../../engine/host/system/folder.h"

static char dir[256];

static int make_dir(void **state) {
    const char *tmp = getenv("TMPDIR");
    (void)state;
    snprintf(dir, sizeof dir, "%s/file-%ld", tmp ? tmp : "/tmp", (long)getpid());
    return mkdir(dir, 0700);
}

static int remove_dir(void **state) {
    (void)state;
    return folder_remove(dir, NULL);
}

static const char *in(const char *name) {
    static char paths[4][400];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", dir, name);
    return path;
}

static mode_t mode_of(const char *path) {
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    return st.st_mode & 07777;
}

static void holds(const char *path, const char *text) {
    struct buf b;
    buf_init(&b, KIB);
    assert_int_equal(file_read(path, KIB, FILE_ANY, &b, NULL), ERR_OK);
    assert_string_equal(b.data, text);
    buf_free(&b);
}

static size_t count_names(void) {
    struct buf names;
    size_t n = 0;
    buf_init(&names, LIMIT_DIR_LIST);
    assert_int_equal(folder_list(dir, &names, NULL), ERR_OK);
    for (size_t at = 0; at < names.len; at += strlen(names.data + at) + 1) n++;
    buf_free(&names);
    return n;
}

static void what_is_written_is_read(void **state) {
    (void)state;
    mode_t before = umask(077);
    assert_int_equal(file_write(in("a"), "one", 3, 0644, NULL), ERR_OK);
    umask(before);
    holds(in("a"), "one");
    assert_int_equal(mode_of(in("a")), 0644);
    assert_int_equal(file_write(in("a"), "two", 3, 0, NULL), ERR_OK);
    holds(in("a"), "two");
    assert_int_equal(mode_of(in("a")), 0644);
    assert_int_equal(file_write(in("b"), "", 0, 0, NULL), ERR_OK);
    holds(in("b"), "");
    assert_int_equal(mode_of(in("b")), 0600);
    assert_int_equal(count_names(), 2);
}

static void a_link_is_followed(void **state) {
    struct stat st;
    (void)state;
    assert_int_equal(file_write(in("real"), "one", 3, 0600, NULL), ERR_OK);
    assert_int_equal(symlink("real", in("link")), 0);
    assert_int_equal(file_write(in("link"), "two", 3, 0, NULL), ERR_OK);
    holds(in("real"), "two");
    assert_int_equal(lstat(in("link"), &st), 0);
    assert_true(S_ISLNK(st.st_mode));
}

static void a_failed_write_leaves_the_old(void **state) {
    struct rlimit before, small;
    static char much[64 * KIB];
    struct error e;
    (void)state;
    assert_int_equal(file_write(in("a"), "old", 3, 0600, NULL), ERR_OK);
    getrlimit(RLIMIT_FSIZE, &before);
    small = before;
    small.rlim_cur = 4096;
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    enum err rc = file_write(in("a"), much, sizeof much, 0, &e);
    enum err rc2 = file_create(in("b"), much, sizeof much, 0600, &e);
    setrlimit(RLIMIT_FSIZE, &before);
    assert_int_equal(rc, ERR_STORAGE);
    assert_int_equal(rc2, ERR_STORAGE);
    holds(in("a"), "old");
    assert_int_equal(count_names(), 1);
    assert_int_equal(file_write("/nonexistent/a", "x", 1, 0600, &e), ERR_STORAGE);
}

static void create_never_replaces(void **state) {
    struct error e;
    (void)state;
    assert_int_equal(file_create(in("a"), "one", 3, 0600, NULL), ERR_OK);
    assert_int_equal(file_create(in("a"), "two", 3, 0600, &e), ERR_BUSY);
    holds(in("a"), "one");
    assert_int_equal(count_names(), 1);
    assert_int_equal(symlink("nowhere", in("dangling")), 0);
    assert_int_equal(file_create(in("dangling"), "x", 1, 0600, &e), ERR_BUSY);
}

static void reading_has_a_maximum(void **state) {
    struct buf b;
    struct error e;
    (void)state;
    buf_init(&b, KIB);
    assert_int_equal(file_write(in("a"), "12345", 5, 0600, NULL), ERR_OK);
    assert_int_equal(file_read(in("a"), 4, FILE_ANY, &b, &e), ERR_LIMIT);
    assert_int_equal(b.len, 0);
    assert_int_equal(file_read(in("a"), 5, FILE_ANY, &b, &e), ERR_OK);
    buf_free(&b);
    assert_int_equal(file_read(in("none"), 5, FILE_ANY, &b, &e), ERR_NOT_FOUND);
    assert_int_equal(file_read(in("a/b"), 5, FILE_ANY, &b, &e), ERR_NOT_FOUND);
}

static void what_is_no_file_is_not_waited_for(void **state) {
    struct buf b;
    struct error e;
    (void)state;
    buf_init(&b, KIB);
    assert_int_equal(mkfifo(in("pipe"), 0600), 0);
    assert_int_equal(file_read(in("pipe"), KIB, FILE_ANY, &b, &e), ERR_CONFIG);
    assert_int_equal(file_read(dir, KIB, FILE_ANY, &b, &e), ERR_CONFIG);
    assert_int_equal(file_read("/dev/zero", KIB, FILE_ANY, &b, &e), ERR_CONFIG);
}

static enum err trusted(mode_t mode, enum file_trust trust, struct error *e) {
    struct buf b;
    buf_init(&b, KIB);
    assert_int_equal(chmod(in("a"), mode), 0);
    enum err rc = file_read(in("a"), KIB, trust, &b, e);
    assert_int_equal(file_check(in("a"), trust, NULL), rc);
    buf_free(&b);
    return rc;
}

static void trust_asks_for_the_mode(void **state) {
    struct error e;
    (void)state;
    assert_int_equal(file_write(in("a"), "x", 1, 0600, NULL), ERR_OK);
    assert_int_equal(trusted(0644, FILE_TRUSTED, &e), ERR_OK);
    assert_int_equal(trusted(0664, FILE_TRUSTED, &e), ERR_CONFIG);
    assert_non_null(strstr(e.text, "0664"));
    assert_non_null(strstr(e.text, "chmod go-w"));
    assert_non_null(strstr(e.text, in("a")));
    assert_int_equal(trusted(0602, FILE_TRUSTED, &e), ERR_CONFIG);
    assert_int_equal(trusted(0666, FILE_ANY, &e), ERR_OK);
    assert_int_equal(trusted(0600, FILE_PRIVATE, &e), ERR_OK);
    assert_int_equal(trusted(0400, FILE_PRIVATE, &e), ERR_OK);
    assert_int_equal(trusted(0640, FILE_PRIVATE, &e), ERR_CONFIG);
    assert_int_equal(trusted(0604, FILE_PRIVATE, &e), ERR_CONFIG);
    assert_non_null(strstr(e.text, "chmod 600"));
}

static void trust_asks_for_the_owner(void **state) {
    struct error e;
    (void)state;
    if (geteuid() != 0) skip();
    assert_int_equal(file_write(in("a"), "x", 1, 0600, NULL), ERR_OK);
    assert_int_equal(chown(in("a"), 12345, 0), 0);
    assert_int_equal(trusted(0600, FILE_TRUSTED, &e), ERR_CONFIG);
    assert_non_null(strstr(e.text, "uid 12345"));
    assert_int_equal(trusted(0600, FILE_ANY, &e), ERR_OK);
    /* Root that writes another's file leaves it his. */
    struct stat st;
    assert_int_equal(file_write(in("a"), "y", 1, 0, NULL), ERR_OK);
    assert_int_equal(stat(in("a"), &st), 0);
    assert_int_equal(st.st_uid, 12345);
}

static void folders_are_made_with_those_above(void **state) {
    struct error e;
    (void)state;
    mode_t before = umask(0);
    assert_int_equal(folder_make(in("x/y//z/"), 0700, NULL), ERR_OK);
    umask(before);
    assert_int_equal(mode_of(in("x")), 0700);
    assert_int_equal(mode_of(in("x/y/z")), 0700);
    assert_int_equal(chmod(in("x"), 0755), 0);
    assert_int_equal(folder_make(in("x/y/z"), 0700, NULL), ERR_OK);
    assert_int_equal(mode_of(in("x")), 0755);
    assert_int_equal(file_write(in("f"), "", 0, 0600, NULL), ERR_OK);
    assert_int_equal(folder_make(in("f"), 0700, &e), ERR_STORAGE);
    assert_int_equal(folder_make(in("f/g"), 0700, &e), ERR_STORAGE);
    assert_int_equal(folder_make("", 0700, &e), ERR_STORAGE);
}

static void names_are_sorted_by_bytes(void **state) {
    struct buf names;
    struct error e;
    (void)state;
    buf_init(&names, LIMIT_DIR_LIST);
    static const char *const made[] = {"b", "a", "B", ".h", "ä", "a-b"};
    for (int i = 0; i < 6; i++)
        assert_int_equal(file_write(in(made[i]), "", 0, 0600, NULL), ERR_OK);
    assert_int_equal(folder_list(dir, &names, NULL), ERR_OK);
    static const char expected[] = ".h\0B\0a\0a-b\0b\0ä";
    assert_int_equal(names.len, sizeof expected);
    assert_memory_equal(names.data, expected, sizeof expected);
    buf_free(&names);
    assert_int_equal(folder_list(in("none"), &names, &e), ERR_NOT_FOUND);
    buf_init(&names, 4);
    assert_int_equal(folder_list(dir, &names, &e), ERR_LIMIT);
    buf_free(&names);
}

static void removing_follows_no_link(void **state) {
    (void)state;
    assert_int_equal(folder_make(in("out/deep"), 0700, NULL), ERR_OK);
    assert_int_equal(file_write(in("out/deep/f"), "kept", 4, 0600, NULL), ERR_OK);
    assert_int_equal(folder_make(in("tree/a/b"), 0700, NULL), ERR_OK);
    assert_int_equal(file_write(in("tree/a/b/f"), "x", 1, 0600, NULL), ERR_OK);
    assert_int_equal(symlink("../out", in("tree/link")), 0);
    assert_int_equal(symlink("../../out/deep/f", in("tree/a/link")), 0);
    assert_int_equal(folder_remove(in("tree"), NULL), ERR_OK);
    assert_int_equal(access(in("tree"), F_OK), -1);
    holds(in("out/deep/f"), "kept");
    assert_int_equal(folder_remove(in("tree"), NULL), ERR_OK);
    assert_int_equal(symlink("out", in("link")), 0);
    assert_int_equal(folder_remove(in("link"), NULL), ERR_OK);
    holds(in("out/deep/f"), "kept");
}

static void removing_goes_only_so_deep(void **state) {
    char path[400];
    struct error e;
    (void)state;
    int n = snprintf(path, sizeof path, "%s/t", dir);
    for (int i = 0; i < LIMIT_TREE_DEPTH + 2; i++) n += snprintf(path + n, sizeof path - (size_t)n, "/d");
    assert_int_equal(folder_make(path, 0700, NULL), ERR_OK);
    assert_int_equal(folder_remove(in("t"), &e), ERR_STORAGE);
    assert_int_equal(folder_remove(in("t/d/d/d"), &e), ERR_OK);
    assert_int_equal(folder_remove(in("t"), &e), ERR_OK);
}

static void kinds_are_told_apart(void **state) {
    struct file_facts facts;
    (void)state;
    assert_int_equal(file_write(in("a"), "12345", 5, 0640, NULL), ERR_OK);
    assert_int_equal(symlink("a", in("link")), 0);
    assert_int_equal(file_stat(in("link"), true, &facts, NULL), ERR_OK);
    assert_int_equal(facts.kind, 'f');
    assert_int_equal(facts.size, 5);
    assert_int_equal(facts.mode, 0640);
    assert_int_equal(facts.owner, geteuid());
    assert_int_equal(file_stat(in("link"), false, &facts, NULL), ERR_OK);
    assert_int_equal(facts.kind, 'l');
    assert_int_equal(file_stat(dir, true, &facts, NULL), ERR_OK);
    assert_int_equal(facts.kind, 'd');
    assert_null(folder_network("/proc"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_dir, remove_dir)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(what_is_written_is_read),
        TEST(a_link_is_followed),
        TEST(a_failed_write_leaves_the_old),
        TEST(create_never_replaces),
        TEST(reading_has_a_maximum),
        TEST(what_is_no_file_is_not_waited_for),
        TEST(trust_asks_for_the_mode),
        TEST(trust_asks_for_the_owner),
        TEST(folders_are_made_with_those_above),
        TEST(names_are_sorted_by_bytes),
        TEST(removing_follows_no_link),
        TEST(removing_goes_only_so_deep),
        TEST(kinds_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

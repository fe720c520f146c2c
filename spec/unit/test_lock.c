/* lock: one holder, let go by the kernel when the holder dies. */
#include "../../engine/host/system/lock.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static char dir[256], path[300];

static int make_dir(void **state) {
    const char *tmp = getenv("TMPDIR");
    (void)state;
    snprintf(dir, sizeof dir, "%s/lock-%ld", tmp ? tmp : "/tmp", (long)getpid());
    if (mkdir(dir, 0700) != 0) return 1;
    snprintf(path, sizeof path, "%s/lock", dir);
    return 0;
}

static int remove_dir(void **state) {
    (void)state;
    unlink(path);
    return rmdir(dir);
}

static void one_holder_at_a_time(void **state) {
    struct lock *first, *second;
    struct error e;
    char note[LOCK_NOTE_MAX + 1], expected[64];
    (void)state;
    assert_false(lock_held(path, note));
    assert_int_equal(lock_take(path, &first, &e), ERR_OK);
    lock_note(first, "sync, run 7", 11);
    assert_int_equal(lock_take(path, &second, &e), ERR_BUSY);
    assert_null(second);
    snprintf(expected, sizeof expected, "pid %ld, sync, run 7", (long)getpid());
    assert_non_null(strstr(e.text, expected));
    assert_true(lock_held(path, note));
    assert_string_equal(note, expected);
    lock_release(first);
    assert_false(lock_held(path, note));
    assert_int_equal(lock_take(path, &second, &e), ERR_OK);
    lock_release(second);
    lock_release(NULL);
}

static void a_note_replaces_the_last_and_is_cut(void **state) {
    struct lock *lock;
    char note[LOCK_NOTE_MAX + 1], text[2 * LOCK_NOTE_MAX];
    (void)state;
    memset(text, 'x', sizeof text);
    assert_int_equal(lock_take(path, &lock, NULL), ERR_OK);
    lock_note(lock, text, sizeof text);
    assert_true(lock_held(path, note));
    assert_true(strlen(note) > LOCK_NOTE_MAX / 2);
    lock_note(lock, "short", 5);
    assert_true(lock_held(path, note));
    assert_non_null(strstr(note, ", short"));
    assert_null(strstr(note, "xx"));
    lock_release(lock);
}

/* A child takes the lock and is killed: no clean-up of its own runs. */
static void a_dead_holder_holds_nothing(void **state) {
    int ready[2];
    char byte;
    struct lock *lock;
    struct error e;
    (void)state;
    assert_int_equal(pipe(ready), 0);
    pid_t pid = fork();
    if (pid == 0) {
        if (lock_take(path, &lock, NULL) == ERR_OK) (void)!write(ready[1], "x", 1);
        pause();
        _exit(0);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(lock_take(path, &lock, &e), ERR_BUSY);
    char expected[32];
    snprintf(expected, sizeof expected, "pid %ld", (long)pid);
    assert_non_null(strstr(e.text, expected));
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    assert_int_equal(lock_take(path, &lock, &e), ERR_OK);
    lock_release(lock);
    close(ready[0]);
    close(ready[1]);
}

static void a_child_program_does_not_inherit_it(void **state) {
    struct lock *lock, *again;
    (void)state;
    assert_int_equal(lock_take(path, &lock, NULL), ERR_OK);
    int wait_for[2];
    assert_int_equal(pipe(wait_for), 0);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(wait_for[0], 0);
        close(wait_for[1]);
        execl("/bin/cat", "cat", (char *)NULL);
        _exit(1);
    }
    close(wait_for[0]);
    lock_release(lock);
    /* The fork shares the descriptor until its exec closes it. */
    while (lock_take(path, &again, NULL) == ERR_BUSY) usleep(1000);
    lock_release(again);
    close(wait_for[1]);
    waitpid(pid, NULL, 0);
}

static void a_place_that_is_none_is_an_error(void **state) {
    struct lock *lock;
    struct error e;
    (void)state;
    assert_int_equal(lock_take("/nonexistent/lock", &lock, &e), ERR_STORAGE);
    assert_null(lock);
    assert_int_equal(lock_take(dir, &lock, &e), ERR_STORAGE);
    assert_int_equal(symlink("elsewhere", path), 0);
    assert_int_equal(lock_take(path, &lock, &e), ERR_STORAGE);
    unlink(path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_holder_at_a_time, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(a_note_replaces_the_last_and_is_cut, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(a_dead_holder_holds_nothing, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(a_child_program_does_not_inherit_it, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(a_place_that_is_none_is_an_error, make_dir, remove_dir),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

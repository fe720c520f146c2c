/* host/c1/unpack: what pack wrote comes back; what anybody else wrote is bounded before it is believed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../engine/host/base/limits.h"
#include "../../engine/host/c1/pack.h"
#include "../../engine/host/c1/unpack.h"

static int file(void) {
    int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    assert_true(fd >= 0);
    return fd;
}

/* So many bytes that repeat after 251, packed; read from its beginning. */
static int packed(size_t size) {
    int raw = file(), out = file();
    unsigned char *bytes = malloc(size ? size : 1);
    assert_non_null(bytes);
    for (size_t i = 0; i < size; i++) bytes[i] = (unsigned char)(i % 251);
    assert_int_equal(write(raw, bytes, size), size);
    free(bytes);
    assert_int_equal(pack_file(raw, out, "test", span_of("", 0), NULL), ERR_OK);
    close(raw);
    lseek(out, 0, SEEK_SET);
    return out;
}

static size_t size_of(int fd) {
    struct stat st;
    assert_int_equal(fstat(fd, &st), 0);
    return (size_t)st.st_size;
}

static void gives_back_what_was_packed(void **state) {
    (void)state;
    static const size_t sizes[] = {0, 1, 128 * KIB, 128 * KIB + 1, 3 * MIB + 17};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        int from = packed(sizes[i]), to = file();
        unsigned char last;
        assert_int_equal(unpack_file(from, to, "test", 4 * MIB, NULL), ERR_OK);
        assert_int_equal(size_of(to), sizes[i]);
        if (sizes[i]) {
            assert_int_equal(pread(to, &last, 1, (off_t)sizes[i] - 1), 1);
            assert_int_equal(last, (sizes[i] - 1) % 251);
        }
        close(from);
        close(to);
    }
}

static void stops_at_its_maximum(void **state) {
    (void)state;
    struct error e;
    int from = packed(3 * MIB), to = file();
    assert_int_equal(unpack_file(from, to, "test", 3 * MIB, &e), ERR_OK);
    lseek(from, 0, SEEK_SET);
    int again = file();
    assert_int_equal(unpack_file(from, again, "test", 3 * MIB - 1, &e), ERR_LIMIT);
    assert_string_equal(e.text, "test holds more than 2 MiB; nothing was read");
    assert_true(size_of(again) < 3 * MIB);
    close(from);
    close(to);
    close(again);
}

static void refuses_every_part_of_a_file(void **state) {
    (void)state;
    int from = packed(1000);
    char bytes[4096];
    ssize_t len = read(from, bytes, sizeof bytes);
    assert_true(len > 20);
    for (ssize_t n = 0; n < len; n++) {
        struct error e = {.code = ERR_OK};
        int part = file(), to = file();
        assert_int_equal(write(part, bytes, (size_t)n), n);
        lseek(part, 0, SEEK_SET);
        assert_int_equal(unpack_file(part, to, "test", MIB, &e), ERR_INVALID);
        close(part);
        close(to);
    }
    close(from);
}

static void tells_a_full_disk_from_a_bad_file(void **state) {
    (void)state;
    struct error e;
    int from = packed(1000), to = file();
    assert_int_equal(fcntl(to, F_ADD_SEALS, F_SEAL_GROW), 0);
    assert_int_equal(unpack_file(from, to, "test", MIB, &e), ERR_STORAGE);
    close(from);
    close(to);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_back_what_was_packed),
        cmocka_unit_test(stops_at_its_maximum),
        cmocka_unit_test(refuses_every_part_of_a_file),
        cmocka_unit_test(tells_a_full_disk_from_a_bad_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

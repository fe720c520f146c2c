#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../engine/host/c1/asset.h"

#define HOST "host-1"
#define TASK "2ABCdefGHIjklMNOpqrSTUvwxYZ"

/* A file of these bytes; its name. */
static const char *file(const char *bytes, size_t len) {
    static char path[256];
    const char *dir = getenv("TMPDIR");
    snprintf(path, sizeof path, "%s/asset", dir ? dir : "/tmp");
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, len, f), len);
    fclose(f);
    return path;
}

static enum err open_asset(struct asset *a, const char *path) {
    struct error e;
    return asset_open(a, path, HOST, TASK, &e);
}

/* All of the stream, read `step` bytes at a time. */
static enum err read_all(struct asset *a, size_t step, struct buf *out) {
    char piece[4096];
    struct error e;
    size_t n = 1;
    enum err rc = ERR_OK;
    while (!rc && n > 0) {
        rc = asset_read(a, piece, step, &n, &e);
        if (!rc) assert_int_equal(buf_add(out, piece, n), ERR_OK);
    }
    return rc;
}

static void add_hex(struct buf *b, const char *hex) {
    for (unsigned byte; sscanf(hex, "%2x", &byte) == 1; hex += 2) buf_add_byte(b, (unsigned char)byte);
}

/* Go's bytes, each message with the header of its frame. */
#define METADATA_FRAME \
    "0000000028a206250a06686f73742d31121b324142436465664748496a6b6c4d4e4f707172535455767778595a"

static const char *const vectors =
    METADATA_FRAME
    "000000000aaa06070a0543315a4600"
    "0000000025b206220a20384fac94d3b572383a0fdc27ef8569459d8e8394d4a0e2dda3c2a928cf92a94f";

static void the_vectors_come_however_they_are_read(void **state) {
    (void)state;
    static const size_t steps[] = {1, 3, 7, 4096};
    struct buf expected;
    buf_init(&expected, 4096);
    add_hex(&expected, vectors);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        struct asset a;
        struct buf got;
        buf_init(&got, 4096);
        assert_int_equal(open_asset(&a, file("C1ZF", 5)), ERR_OK);
        assert_int_equal(read_all(&a, steps[i], &got), ERR_OK);
        assert_int_equal(got.len, expected.len);
        assert_memory_equal(got.data, expected.data, expected.len);
        asset_close(&a);
        asset_close(&a);
        buf_free(&got);
    }
    buf_free(&expected);
}

static void an_empty_file_has_no_data(void **state) {
    (void)state;
    struct asset a;
    struct buf got, expected;
    buf_init(&got, 4096), buf_init(&expected, 4096);
    add_hex(&expected, METADATA_FRAME
            "0000000025b206220a20e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_int_equal(open_asset(&a, file("", 0)), ERR_OK);
    assert_int_equal(read_all(&a, 100, &got), ERR_OK);
    assert_int_equal(got.len, expected.len);
    assert_memory_equal(got.data, expected.data, expected.len);
    asset_close(&a);
    buf_free(&got), buf_free(&expected);
}

static void pieces_are_as_long_as_said(void **state) {
    (void)state;
    size_t size = 2 * ASSET_PIECE + 1;
    char *bytes = calloc(1, size);
    struct asset a;
    struct buf got;
    buf_init(&got, 2 * size);
    assert_int_equal(open_asset(&a, file(bytes, size)), ERR_OK);
    assert_int_equal(read_all(&a, 4096, &got), ERR_OK);
    size_t lengths[8], n = 0;
    for (size_t at = 0; at + 5 <= got.len && n < 8; at += 5 + lengths[n++]) {
        const unsigned char *head = (const unsigned char *)got.data + at;
        assert_int_equal(head[0], 0);
        lengths[n] = (size_t)head[1] << 24 | (size_t)head[2] << 16 | (size_t)head[3] << 8 | head[4];
    }
    assert_int_equal(n, 5);
    assert_int_equal(lengths[1], ASSET_PIECE + 9); /* two tags, of 2 and 1 bytes; two lengths of 3 */
    assert_int_equal(lengths[2], ASSET_PIECE + 9);
    assert_int_equal(lengths[3], 1 + 5);
    asset_close(&a);
    buf_free(&got);
    free(bytes);
}

static void a_file_that_changes_is_refused(void **state) {
    (void)state;
    for (int grows = 0; grows < 2; grows++) {
        char piece[64];
        size_t n;
        struct asset a;
        struct buf got;
        struct error e;
        buf_init(&got, 4096);
        const char *path = file("0123456789", 10);
        assert_int_equal(open_asset(&a, path), ERR_OK);
        assert_int_equal(asset_read(&a, piece, sizeof piece, &n, &e), ERR_OK);
        assert_int_equal(truncate(path, grows ? 11 : 5), ERR_OK);
        assert_int_equal(read_all(&a, 4, &got), ERR_STORAGE);
        asset_close(&a);
        buf_free(&got);
    }
}

static void what_cannot_be_sent_is_refused(void **state) {
    (void)state;
    char piece[8], id[2000];
    size_t n;
    struct asset a;
    struct error e;
    assert_int_equal(open_asset(&a, "/nowhere/asset"), ERR_STORAGE);
    assert_int_equal(open_asset(&a, "/dev/null"), ERR_STORAGE);
    memset(id, 'x', sizeof id);
    id[sizeof id - 1] = '\0';
    assert_int_equal(asset_open(&a, file("a", 1), id, TASK, &e), ERR_LIMIT);
    assert_int_equal(asset_read(&a, piece, sizeof piece, &n, &e), ERR_FAILED);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_vectors_come_however_they_are_read),
        cmocka_unit_test(an_empty_file_has_no_data),
        cmocka_unit_test(pieces_are_as_long_as_said),
        cmocka_unit_test(a_file_that_changes_is_refused),
        cmocka_unit_test(what_cannot_be_sent_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* scrub: a secret is found in every way of writing it, and only then. */
#include "../../engine/host/secret/scrub.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>
#include <sodium.h>

#include "../../engine/host/base/limits.h"
#include "../../engine/host/secret/secret.h"

static struct secret *hold(const char *value) {
    struct secret *s;
    assert_int_equal(secret_new(value, strlen(value), &s, NULL), ERR_OK);
    return s;
}

static void becomes(const char *text, const char *scrubbed) {
    struct buf b;
    buf_init(&b, 4096);
    assert_int_equal(buf_add_text(&b, text), ERR_OK);
    assert_int_equal(scrub_clean(b.data, b.len), strcmp(text, scrubbed) == 0);
    scrub_buf(&b);
    assert_string_equal(b.data, scrubbed);
    assert_int_equal(b.len, strlen(scrubbed));
    buf_free(&b);
}

static void plain_values_go(void **state) {
    struct secret *s = hold("hunter2!");
    (void)state;
    becomes("", "");
    becomes("nothing here", "nothing here");
    becomes("hunter2!", "***");
    becomes("a hunter2! b hunter2!", "a *** b ***");
    becomes("hunter2!hunter2!", "******");
    becomes("hunter2", "***"); /* cut by the end */
    becomes("hunter2 ", "hunter2 ");
    becomes("hunte", "hunte"); /* too little of it to tell */
    secret_drop(s);
    becomes("hunter2!", "hunter2!");
}

static void a_scheme_alone_is_no_beginning_of_a_secret(void **state) {
    struct secret *s = hold("secret-token:acme.example:v1:hunter2");
    (void)state;
    becomes("client_secret", "client_secret");
    becomes("a secret-token:", "a secret-token:");
    becomes("a secret-token:acme.", "a secret-token:acme.");
    becomes("a secret-token:acme.e", "a ***");
    becomes("a secret-token:acme.example:v1:hunter2 b", "a *** b");
    secret_drop(s);
}

static void encodings_go(void **state) {
    struct secret *s = hold("p/ä \"\\+x");
    (void)state;
    becomes("<p/ä \"\\+x>", "<***>");
    becomes("?k=p%2F%C3%A4%20%22%5C%2Bx&", "?k=***&");
    becomes("?k=p%2f%c3%a4%20%22%5c%2bx&", "?k=***&");
    becomes("?k=p/%C3%A4+%22%5C%2Bx&", "?k=***&");
    becomes("?k=%70%2F%C3%A4%20%22%5C%2B%78&", "?k=***&");
    becomes("{\"k\":\"p/ä \\\"\\\\+x\"}", "{\"k\":\"***\"}");
    becomes("{\"k\":\"p\\/ä \\u0022\\u005C+x\"}", "{\"k\":\"***\"}");
    becomes("702fc3a420225c2b78", "***");
    becomes("0x702FC3A420225C2B78!", "0x***!");
    secret_drop(s);
}

/* Every place of the value in a longer base64, in both alphabets, leaves none of its letters. */
static void base64_goes_at_any_place(void **state) {
    static const char value[] = "s3cr\xFF\xEF\xBEt value\xFB";
    static const int variants[] = {sodium_base64_VARIANT_ORIGINAL,
                                   sodium_base64_VARIANT_URLSAFE_NO_PADDING};
    struct secret *s = hold(value);
    (void)state;
    for (size_t before = 0; before < 7; before++)
        for (size_t after = 0; after < 4; after++)
            for (size_t v = 0; v < 2; v++) {
                unsigned char plain[64];
                char text[128];
                struct buf rest;
                memset(plain, 'i', sizeof plain);
                memcpy(plain + before, value, sizeof value - 1);
                sodium_bin2base64(text, sizeof text, plain, before + sizeof value - 1 + after,
                                  variants[v]);
                buf_init(&rest, sizeof text);
                assert_int_equal(buf_add_text(&rest, text), ERR_OK);
                scrub_buf(&rest);
                char *stars = strstr(rest.data, "***");
                assert_non_null(stars);
                size_t left = (size_t)(stars - rest.data);
                assert_true(left <= before * 8 / 6);
                assert_true(strlen(stars + 3) <= (after * 8 + 5) / 6 + 2);
                buf_free(&rest);
            }
    secret_drop(s);
}

static void basic_headers_go(void **state) {
    struct secret *s = hold("hunter2!"), *basic;
    struct secret_part id = {.bytes = "someone", .len = 7}, pass = {.secret = s};
    (void)state;
    assert_int_equal(secret_basic(&id, &pass, &basic, NULL), ERR_OK);
    assert_string_equal(secret_bytes(basic, NULL), "Basic c29tZW9uZTpodW50ZXIyIQ==");
    becomes("Authorization: Basic c29tZW9uZTpodW50ZXIyIQ==", "Authorization: Basic c29tZW9uZT***==");
    secret_drop(basic);
    secret_drop(s);
}

static void overlapping_values_leave_nothing(void **state) {
    struct secret *a = hold("abcdefgh"), *b = hold("efghijkl"), *c = hold("abcdef");
    (void)state;
    becomes("-abcdefghijkl-", "-***-");
    becomes("-abcdefgX-", "-***gX-");
    secret_drop(c);
    becomes("-abcdefX-", "-abcdefX-");
    secret_drop(a);
    secret_drop(b);
}

/* What is scrubbed inside a JSON string leaves JSON behind. */
static void escapes_are_not_torn(void **state) {
    struct secret *s = hold("nabcdef"), *h = hold("u0041bc");
    (void)state;
    becomes("\"x\\nabcdef\"", "\"x***\"");
    becomes("\"x\\\\nabcdef\"", "\"x\\\\***\"");
    becomes("\"\\u0041bc\"", "\"***\"");
    secret_drop(s);
    secret_drop(h);
}

static void short_values_are_left(void **state) {
    struct secret *s = hold("short"), *none = hold("");
    (void)state;
    becomes("short", "short");
    secret_drop(s);
    secret_drop(none);
}

static void parts_of_derived_secrets_go(void **state) {
    struct secret *s = hold("hunter2!"), *pin = hold("1234"), *joined, *whole;
    struct secret_part bearer[] = {{.bytes = "Bearer ", .len = 7}, {.secret = s}};
    struct secret_part two[] = {{.bytes = "pin=", .len = 4}, {.secret = pin}};
    (void)state;
    assert_int_equal(secret_join(bearer, 2, &joined, NULL), ERR_OK);
    assert_int_equal(secret_join(two, 2, &whole, NULL), ERR_OK);
    secret_drop(s);
    secret_drop(pin);
    becomes("Bearer hunter2! pin=1234 1234", "Bearer *** *** 1234");
    secret_drop(joined);
    secret_drop(whole);
    becomes("Bearer hunter2! pin=1234", "Bearer hunter2! pin=1234");
}

/* All bytes, as a value and around it; and no text without a value changes. */
static void any_bytes_go(void **state) {
    (void)state;
    srand(7);
    for (int round = 0; round < 300; round++) {
        char value[24], text[400];
        size_t n = 6 + (size_t)rand() % (sizeof value - 6), before = (size_t)rand() % 100;
        struct secret *s;
        struct buf b;
        for (size_t i = 0; i < n; i++) value[i] = (char)rand();
        for (size_t i = 0; i < sizeof text; i++) text[i] = (char)rand();
        assert_int_equal(secret_new(value, n, &s, NULL), ERR_OK);
        buf_init(&b, sizeof text);
        assert_int_equal(buf_add(&b, text, sizeof text), ERR_OK);
        assert_true(scrub_clean(b.data, b.len));
        memcpy(b.data + before, value, n);
        scrub_buf(&b);
        assert_null(memmem(b.data, b.len, value, n));
        assert_memory_equal(b.data, text, before > 0 ? before - 1 : 0);
        buf_free(&b);
        secret_drop(s);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_values_go),
        cmocka_unit_test(a_scheme_alone_is_no_beginning_of_a_secret),
        cmocka_unit_test(encodings_go),
        cmocka_unit_test(base64_goes_at_any_place),
        cmocka_unit_test(basic_headers_go),
        cmocka_unit_test(overlapping_values_leave_nothing),
        cmocka_unit_test(escapes_are_not_torn),
        cmocka_unit_test(short_values_are_left),
        cmocka_unit_test(parts_of_derived_secrets_go),
        cmocka_unit_test(any_bytes_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

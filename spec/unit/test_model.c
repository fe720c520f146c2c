/* Tests of host/model/model: what a mapping's result becomes, field by field, and what is refused with
 * which words. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../engine/host/json/value_json.h"
#include "../../engine/host/model/model.h"

static const char RESOURCES[] =
    "{\"role\":{\"trait\":\"role\",\"entitlements\":{\"member\":{\"title\":\"{name} member\","
    "\"purpose\":\"assignment\",\"grantable_to\":[\"user\"]}}},"
    "\"user\":{\"trait\":\"user\"},\"key\":{\"trait\":\"secret\"}}";

static struct model *model;
static struct record_draft draft;
static struct model_result result;
static struct value_pool values;

static int make(void **state) {
    (void)state;
    static const unsigned char secret[16] = {1};
    struct error e;
    record_draft_init(&draft);
    value_pool_init(&values, 1000);
    return model_open(&model, RESOURCES, sizeof RESOURCES - 1, secret, &e);
}

static int end(void **state) {
    (void)state;
    record_draft_free(&draft);
    value_pool_free(&values);
    model_free(model);
    return 0;
}

static void check(const char *kind, const char *json) {
    struct error e;
    struct value record;
    value_pool_clear(&values);
    assert_int_equal(ERR_OK, value_json_read(&values, json, strlen(json), &record));
    assert_int_equal(ERR_OK,
                     model_check(model, kind, "m.lua", &record, &draft, &result, &e));
}

static void becomes(const char *kind, const char *json, const char *expected) {
    check(kind, json);
    assert_string_equal("", result.reason);
    assert_int_equal(RECORD_KEPT, draft.head.outcome);
    assert_string_equal(expected, draft.json.data);
}

static void is_refused(const char *kind, const char *json, const char *reason, bool fault) {
    check(kind, json);
    assert_int_equal(RECORD_SET_ASIDE, draft.head.outcome);
    if (!strstr(result.reason, reason)) fail_msg("'%s' is not in '%s'", reason, result.reason);
    assert_int_equal(fault, result.mapping_fault);
}

static void fields_have_one_order_and_form(void **state) {
    (void)state;
    becomes("user", "{\"email\":\"a@b\",\"id\":\"u1\",\"name\":\"\",\"sso\":false,\"profile\":{}}",
            "{\"type\":\"user\",\"id\":\"u1\",\"email\":\"a@b\",\"sso\":false}");
    becomes("user", "{\"id\":9007199254740993,\"login\":7,\"emails\":[\"x\",\"\"]}",
            "{\"type\":\"user\",\"id\":\"9007199254740993\",\"login\":\"7\",\"emails\":[\"x\"]}");
    becomes("user",
            "{\"id\":\"u\\u00e9\",\"parent\":{\"id\":4,\"type\":\"role\"},"
            "\"profile\":{\"a\":null,\"b\":[1]}}",
            "{\"type\":\"user\",\"id\":\"u\xc3\xa9\",\"parent\":{\"type\":\"role\",\"id\":\"4\"},"
            "\"profile\":{\"b\":[1]}}");
}

static void times_are_rfc_3339_in_utc(void **state) {
    (void)state;
    becomes("user", "{\"id\":\"u\",\"created_at\":\"2024-02-29T23:30:00.500+01:00\"}",
            "{\"type\":\"user\",\"id\":\"u\",\"created_at\":\"2024-02-29T22:30:00.5Z\"}");
    becomes("user", "{\"id\":\"u\",\"last_login_at\":1700000000}",
            "{\"type\":\"user\",\"id\":\"u\",\"last_login_at\":\"2023-11-14T22:13:20Z\"}");
    becomes("user", "{\"id\":\"u\",\"last_login_at\":1700000000123}",
            "{\"type\":\"user\",\"id\":\"u\",\"last_login_at\":\"2023-11-14T22:13:20.123Z\"}");
    becomes("user", "{\"id\":\"u\",\"last_login_at\":1700000000.1}",
            "{\"type\":\"user\",\"id\":\"u\",\"last_login_at\":\"2023-11-14T22:13:20.1Z\"}");
    is_refused("user", "{\"id\":\"u\",\"created_at\":1e300}", "created_at: it is not a time", false);
    is_refused("user", "{\"id\":\"u\",\"created_at\":\"2023-02-29T00:00:00Z\"}", "created_at: ", false);
}

static void what_is_no_record_is_refused(void **state) {
    (void)state;
    is_refused("user", "{\"name\":\"x\"}", "it has no id", false);
    is_refused("user", "{\"id\":\"u\",\"mail\":\"x\"}", "mail: there is no such field", true);
    is_refused("user", "{\"id\":\"u\",\"status\":\"gone\"}", "one of enabled disabled pending deleted", true);
    is_refused("user", "{\"id\":\"u\",\"expires_at\":1}", "the trait secret", true);
    is_refused("user", "{\"id\":\"u\",\"sso\":\"yes\"}", "true or false", true);
    is_refused("user", "{\"id\":\"u\",\"name\":\"a\\u0000b\"}", "name: it holds a NUL", false);
    is_refused("user", "{\"id\":\"u\",\"profile\":{\"k\":[\"\\u0000\"]}}", "profile: it holds a NUL", false);
    is_refused("team", "{\"id\":\"t\"}", "no resource type team", true);
    is_refused("user", "[]", "no table", true);
}

static void of_several_unknown_fields_always_the_same_is_told(void **state) {
    (void)state;
    const char *const words = "m.lua: zz: there is no such field; what the target calls its own "
                              "goes into profile";
    is_refused("user", "{\"aa\":1,\"zz\":1,\"id\":\"u\",\"z\":1}", words, true);
    is_refused("user", "{\"zz\":1,\"id\":\"u\",\"aa\":1}", words, true);
}

static void who_made_it_is_told_of_a_mappings_fault_alone(void **state) {
    (void)state;
    check("user", "{\"id\":\"u\",\"sso\":1}");
    assert_string_equal("m.lua: sso: true or false was expected", result.reason);
    check("user", "{\"id\":\"u\",\"name\":\"a\\u0000b\"}");
    assert_string_equal("name: it holds a NUL", result.reason);
}

static void lists_may_be_empty_tables_and_nothing_else(void **state) {
    (void)state;
    becomes("user", "{\"id\":\"u\",\"grants\":{}}", "{\"type\":\"user\",\"id\":\"u\"}");
    becomes("user", "{\"id\":\"u\",\"grants\":[]}", "{\"type\":\"user\",\"id\":\"u\"}");
    is_refused("user", "{\"id\":\"u\",\"grants\":42}", "grants: a list was expected", true);
    is_refused("user", "{\"id\":\"u\",\"grants\":{\"a\":1}}", "grants: a list was expected", true);
    is_refused("user", "{\"id\":\"u\",\"entitlements\":42}", "entitlements: a list was", true);
}

/* {"id":"u","FIELD":"aaa…"} with so many letters. */
static char *long_one(const char *format, size_t n) {
    char *letters = malloc(n + 1), *json = malloc(n + 64);
    memset(letters, 'a', n);
    letters[n] = '\0';
    snprintf(json, n + 64, format, letters);
    free(letters);
    return json;
}

static void lengths_are_limited(void **state) {
    (void)state;
    static const struct {
        const char *format, *reason;
        size_t n;
    } cases[] = {
        {"{\"id\":\"%s\"}", NULL, 512},          {"{\"id\":\"%s\"}", "512 bytes", 513},
        {"{\"id\":\"u\",\"name\":\"%s\"}", NULL, 65536},
        {"{\"id\":\"u\",\"name\":\"%s\"}", "64 KiB", 65537},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *json = long_one(cases[i].format, cases[i].n);
        if (cases[i].reason)
            is_refused("user", json, cases[i].reason, false);
        else
            check("user", json);
        assert_int_equal(cases[i].reason ? RECORD_SET_ASIDE : RECORD_KEPT, draft.head.outcome);
        free(json);
    }
}

static void declared_entitlements_are_defaults(void **state) {
    (void)state;
    becomes("role", "{\"id\":\"r\",\"name\":\"Owner\"}",
            "{\"type\":\"role\",\"id\":\"r\",\"name\":\"Owner\"}"
            "{\"resource\":{\"type\":\"role\",\"id\":\"r\"},\"slug\":\"member\",\"name\":\"Owner member\","
            "\"purpose\":\"assignment\",\"grantable_to\":[\"user\"]}");
    becomes("role",
            "{\"id\":\"r\",\"entitlements\":[{\"slug\":\"member\",\"privileged\":true,\"keep\":1}]}",
            "{\"type\":\"role\",\"id\":\"r\"}"
            "{\"resource\":{\"type\":\"role\",\"id\":\"r\"},\"slug\":\"member\",\"name\":\"r member\","
            "\"purpose\":\"assignment\",\"grantable_to\":[\"user\"],\"privileged\":true,\"keep\":1}");
    assert_int_equal(1, draft.head.entitlements);
    becomes("role",
            "{\"id\":\"r\",\"entitlements\":{"
            "\"own\":{\"exclusion_group\":{\"scope\":\"type\",\"id\":\"g\"}},"
            "\"member\":{\"on\":{\"type\":\"role\",\"id\":\"q\"}}}}",
            "{\"type\":\"role\",\"id\":\"r\"}"
            "{\"resource\":{\"type\":\"role\",\"id\":\"r\"},\"slug\":\"member\",\"name\":\"r member\","
            "\"purpose\":\"assignment\",\"grantable_to\":[\"user\"]}"
            "{\"resource\":{\"type\":\"role\",\"id\":\"q\"},\"slug\":\"member\"}"
            "{\"resource\":{\"type\":\"role\",\"id\":\"r\"},\"slug\":\"own\","
            "\"exclusion_group\":{\"id\":\"g\",\"scope\":\"type\"}}");
}

static void grants_are_to_their_own_record_by_default(void **state) {
    (void)state;
    becomes("user",
            "{\"id\":\"u\",\"grants\":[{\"on\":{\"type\":\"role\",\"id\":\"r\"},\"slug\":\"member\"}]}",
            "{\"type\":\"user\",\"id\":\"u\"}"
            "{\"entitlement\":{\"type\":\"role\",\"id\":\"r\",\"slug\":\"member\"},"
            "\"principal\":{\"type\":\"user\",\"id\":\"u\"}}");
    becomes("member", "{\"grants\":[{\"on\":{\"type\":\"role\",\"id\":\"r\"},\"slug\":\"member\","
                      "\"to\":{\"type\":\"user\",\"id\":2}}]}",
            "{\"entitlement\":{\"type\":\"role\",\"id\":\"r\",\"slug\":\"member\"},"
            "\"principal\":{\"type\":\"user\",\"id\":\"2\"}}");
    is_refused("member", "{\"grants\":[{\"on\":{\"type\":\"role\",\"id\":\"r\"},\"slug\":\"member\"}]}",
               "must say which", true);
    is_refused("user",
               "{\"id\":\"u\",\"grants\":[{\"on\":{\"type\":\"role\",\"id\":\"r\"},\"slug\":\"No\"}]}",
               "a slug is", true);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(fields_have_one_order_and_form, make, end),
        cmocka_unit_test_setup_teardown(times_are_rfc_3339_in_utc, make, end),
        cmocka_unit_test_setup_teardown(what_is_no_record_is_refused, make, end),
        cmocka_unit_test_setup_teardown(of_several_unknown_fields_always_the_same_is_told, make, end),
        cmocka_unit_test_setup_teardown(who_made_it_is_told_of_a_mappings_fault_alone, make, end),
        cmocka_unit_test_setup_teardown(lists_may_be_empty_tables_and_nothing_else, make, end),
        cmocka_unit_test_setup_teardown(lengths_are_limited, make, end),
        cmocka_unit_test_setup_teardown(declared_entitlements_are_defaults, make, end),
        cmocka_unit_test_setup_teardown(grants_are_to_their_own_record_by_default, make, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

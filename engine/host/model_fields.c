#include "model_fields.h"

#include <stdlib.h>
#include <string.h>

const struct model_field model_fields[] = {
    {MODEL_NAMED("name"), MODEL_STRING, NULL, NULL},
    {MODEL_NAMED("description"), MODEL_STRING, NULL, NULL},
    {MODEL_NAMED("parent"), MODEL_REFERENCE, NULL, NULL},
    {MODEL_NAMED("created_at"), MODEL_TIME, NULL, NULL},
    {MODEL_NAMED("login"), MODEL_STRING, "user", NULL},
    {MODEL_NAMED("email"), MODEL_STRING, "user", NULL},
    {MODEL_NAMED("emails"), MODEL_STRINGS, "user", NULL},
    {MODEL_NAMED("status"), MODEL_CHOICE, "user", "enabled disabled pending deleted"},
    {MODEL_NAMED("status_details"), MODEL_STRING, "user", NULL},
    {MODEL_NAMED("last_login_at"), MODEL_TIME, "user", NULL},
    {MODEL_NAMED("account_type"), MODEL_CHOICE, "user", "human service system"},
    {MODEL_NAMED("sso"), MODEL_BOOLEAN, "user", NULL},
    {MODEL_NAMED("mfa"), MODEL_BOOLEAN, "user", NULL},
    {MODEL_NAMED("employee_ids"), MODEL_STRINGS, "user", NULL},
    {MODEL_NAMED("expires_at"), MODEL_TIME, "secret", NULL},
    {MODEL_NAMED("last_used_at"), MODEL_TIME, "secret", NULL},
    {MODEL_NAMED("identity"), MODEL_REFERENCE, "secret", NULL},
    {MODEL_NAMED("profile"), MODEL_PROFILE, NULL, NULL},
    {NULL, 0, MODEL_STRING, NULL, NULL},
};

int model_field_index(const struct json_value *key) {
    if (json_string_is(key, "type", 4)) return MODEL_TYPE;
    if (json_string_is(key, "id", 2)) return MODEL_ID;
    for (int i = 0; model_fields[i].name; i++)
        if (json_string_is(key, model_fields[i].name, model_fields[i].name_len)) return i;
    return -1;
}

bool model_is_choice(const char *choices, const char *word, size_t len) {
    for (const char *at = choices; len && *at;) {
        size_t n = strcspn(at, " ");
        if (n == len && memcmp(at, word, len) == 0) return true;
        at += n + (at[n] == ' ');
    }
    return false;
}

bool model_time(const struct json_value *v, const char *text, size_t len,
                char out[MODEL_TIME_MAX]) {
    if (v->kind == JSON_STRING) return when_parse(text, len, WHEN_TEXT, out);
    double number;
    if (!json_to_float(v, &number)) return false;
    bool millis = number >= 1e11 || number <= -1e11;
    return when_parse(v->at, v->len, millis ? WHEN_MILLIS : WHEN_SECONDS, out);
}

void model_key(const unsigned char secret[16], enum record_kind kind, const char *type,
               const char *id, size_t id_len, const char *slug, unsigned char out[RECORD_KEY]) {
    struct span tuple[] = {
        span_of(type, strlen(type)), span_of(id, id_len), span_of(slug, slug ? strlen(slug) : 0)};
    record_key(secret, kind, tuple, slug ? 3 : 2, out);
}

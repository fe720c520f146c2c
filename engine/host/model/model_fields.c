#include "model_fields.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "../json/json.h"

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

int model_field_index(const char *name, size_t len) {
    if (len == 4 && memcmp(name, "type", 4) == 0) return MODEL_TYPE;
    if (len == 2 && memcmp(name, "id", 2) == 0) return MODEL_ID;
    for (int i = 0; model_fields[i].name; i++)
        if (model_fields[i].name_len == len && memcmp(model_fields[i].name, name, len) == 0)
            return i;
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

static bool float_time(double number, char out[MODEL_TIME_MAX]) {
    struct buf text;
    buf_init(&text, 64);
    bool millis = number >= 1e11 || number <= -1e11;
    bool is_time = json_float(number, &text) == ERR_OK &&
                   when_parse(text.data, text.len, millis ? WHEN_MILLIS : WHEN_SECONDS, out);
    buf_free(&text);
    return is_time;
}

bool model_time(const struct value *v, char out[MODEL_TIME_MAX]) {
    char digits[24];
    if (v->kind == VALUE_STRING) return when_parse(v->text, v->len, WHEN_TEXT, out);
    if (v->kind == VALUE_FLOAT) return float_time(v->number, out);
    bool millis = v->integer >= 100000000000 || v->integer <= -100000000000;
    int n = snprintf(digits, sizeof digits, "%" PRId64, v->integer);
    return when_parse(digits, (size_t)n, millis ? WHEN_MILLIS : WHEN_SECONDS, out);
}

void model_key(const unsigned char secret[16], enum record_kind kind, const char *type,
               const char *id, size_t id_len, const char *slug, unsigned char out[RECORD_KEY]) {
    struct span tuple[] = {
        span_of(type, strlen(type)), span_of(id, id_len), span_of(slug, slug ? strlen(slug) : 0)};
    record_key(secret, kind, tuple, slug ? 3 : 2, out);
}

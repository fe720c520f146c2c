#include "tally.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../json/json.h"

enum { TALLY_TYPES = 256, TALLY_FIELDS = 200, TALLY_FIRST = 64 };

void tally_free(struct tally *t) {
    for (size_t i = 0; i < t->type_count; i++) free(t->types[i].fields);
    free(t->types);
    free(t->slots);
    *t = (struct tally){0};
}

struct tally_type *tally_type(struct tally *t, const char *name, size_t len) {
    if (len >= sizeof t->types->name) len = sizeof t->types->name - 1;
    for (size_t i = 0; i < t->type_count; i++)
        if (strncmp(t->types[i].name, name, len) == 0 && !t->types[i].name[len])
            return &t->types[i];
    if (t->type_count > TALLY_TYPES) return &t->types[TALLY_TYPES];
    if (t->type_count == TALLY_TYPES) {
        name = "others";
        len = 6;
    }
    struct tally_type *types = realloc(t->types, (t->type_count + 1) * sizeof *types);
    if (!types) return NULL;
    t->types = types;
    struct tally_type *type = &types[t->type_count++];
    *type = (struct tally_type){0};
    memcpy(type->name, name, len);
    return type;
}

/* Beyond TALLY_FIELDS names (a target may make up members of a profile) the rest counts as one. */
static enum err count_field(struct tally_type *type, const char *prefix, struct json_value key) {
    char name[sizeof type->fields->name];
    snprintf(name, sizeof name, "%s%.*s", prefix, (int)key.len - 2, key.at + 1);
    for (size_t i = 0; i < type->field_count; i++)
        if (strcmp(type->fields[i].name, name) == 0 || i == TALLY_FIELDS) {
            type->fields[i].changed++;
            return ERR_OK;
        }
    struct tally_field *fields =
        realloc(type->fields, (type->field_count + 1) * sizeof *fields);
    if (!fields) return ERR_NOMEM;
    type->fields = fields;
    struct tally_field *f = &fields[type->field_count++];
    *f = (struct tally_field){.changed = 1};
    snprintf(f->name, sizeof f->name, "%s", type->field_count > TALLY_FIELDS ? "others" : name);
    return ERR_OK;
}

static bool same(const struct json_value *a, const struct json_value *b) {
    return a->len == b->len && memcmp(a->at, b->at, a->len) == 0;
}

static bool is_profile(const struct json_value *key) {
    return json_string_is(key, "profile", 7);
}

static enum err count_member(struct tally_type *type, const char *prefix, struct span other,
                             const struct json_each *it, bool both);

/* Members of `one` that `other` has differently, or not at all; with `both` false only those that
 * it lacks, so that the second direction counts nothing twice. */
static enum err count_members(struct tally_type *type, const char *prefix, struct span one,
                              struct span other, bool both) {
    struct json_each it;
    enum err rc = ERR_OK;
    if (!json_each_open(&it, one.p, one.n)) return ERR_OK;
    while (!rc && json_each_next(&it)) rc = count_member(type, prefix, other, &it, both);
    return rc;
}

static struct json_value find(struct span object, const struct json_value *key) {
    struct json_each it;
    if (json_each_open(&it, object.p, object.n))
        while (json_each_next(&it))
            if (same(&it.key, key)) return it.value;
    return (struct json_value){.kind = JSON_NONE};
}

static enum err count_member(struct tally_type *type, const char *prefix, struct span other,
                             const struct json_each *it, bool both) {
    struct json_value there = find(other, &it->key);
    bool profile = !*prefix && is_profile(&it->key);
    if (there.kind == JSON_NONE && !profile) return count_field(type, prefix, it->key);
    if (there.kind != JSON_NONE && (same(&it->value, &there))) return ERR_OK;
    if (profile)
        return count_members(type, "profile.", span_of(it->value.at, it->value.len),
                             span_of(there.at, there.len), both);
    return both ? count_field(type, prefix, it->key) : ERR_OK;
}

enum err tally_fields(struct tally_type *type, struct span before, struct span after) {
    enum err rc = count_members(type, "", before, after, true);
    return rc ? rc : count_members(type, "", after, before, false);
}

static size_t slot_of(const struct tally *t, const unsigned char key[RECORD_KEY]) {
    uint64_t h;
    memcpy(&h, key + 8, sizeof h);
    size_t i = (size_t)h & (t->slot_count - 1);
    while (t->slots[i].used && memcmp(t->slots[i].key, key, RECORD_KEY) != 0)
        i = (i + 1) & (t->slot_count - 1);
    return i;
}

static bool grow(struct tally *t) {
    struct tally old = *t;
    t->slot_count = old.slot_count ? 2 * old.slot_count : TALLY_FIRST;
    t->slots = calloc(t->slot_count, sizeof *t->slots);
    if (!t->slots) {
        *t = old;
        return false;
    }
    for (size_t i = 0; i < old.slot_count; i++)
        if (old.slots[i].used) t->slots[slot_of(t, old.slots[i].key)] = old.slots[i];
    free(old.slots);
    return true;
}

struct tally_entitlement *tally_entitlement(struct tally *t, const unsigned char key[RECORD_KEY]) {
    if (2 * (t->entitlement_count + 1) > t->slot_count && !grow(t)) return NULL;
    struct tally_entitlement *e = &t->slots[slot_of(t, key)];
    if (!e->used) {
        *e = (struct tally_entitlement){.used = true};
        memcpy(e->key, key, RECORD_KEY);
        t->entitlement_count++;
    }
    return e;
}

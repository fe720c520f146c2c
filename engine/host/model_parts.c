/* The parts of a record beside its resource: what one can hold (entitlements) and who holds it
 * (grants). */
#include <stdio.h>
#include <string.h>

#include "model_check.h"

/* An entitlement's fields, in the order in which they are written after resource and slug. Those
 * with a structure of their own are written by hand below. */
static const struct model_field description = {MODEL_NAMED("description"), MODEL_STRING, NULL, NULL};
static const struct model_field purpose = {MODEL_NAMED("purpose"), MODEL_CHOICE, NULL,
                                           "assignment permission ownership"};
static const struct model_field grantable_to = {MODEL_NAMED("grantable_to"), MODEL_STRINGS, NULL, NULL};
static const struct model_field privileged = {MODEL_NAMED("privileged"), MODEL_BOOLEAN, NULL, NULL};

static const char *const entitlement_members[] = {
    "resource", "on", "slug", "name", "title", "description", "purpose", "grantable_to",
    "privileged", "keep", "exclusion_group", NULL,
};
enum { ENTITLEMENT_RESOURCE, ENTITLEMENT_ON, ENTITLEMENT_SLUG, ENTITLEMENT_MEMBERS = 11 };

static const char *const grant_members[] = {"on", "slug", "to", "expandable", NULL};
enum { GRANT_ON, GRANT_SLUG, GRANT_TO, GRANT_EXPANDABLE, GRANT_MEMBERS };

/* What a mapping says about an entitlement, over what the manifest declares. */
struct sources {
    struct json_value own, declared;
};

static struct json_value member(const struct json_value *object, const char *name) {
    if (object->kind != JSON_OBJECT) return (struct json_value){.kind = JSON_NONE};
    return json_find(object->at, object->len, name);
}

static struct json_value field(const struct sources *s, const char *name) {
    struct json_value own = member(&s->own, name);
    return own.kind != JSON_NONE ? own : member(&s->declared, name);
}

static enum err known_members(struct model_check *c, const char *what, const struct json_value *v,
                              const char *const *names, struct json_value *found) {
    if (v->kind != JSON_OBJECT)
        return model_refuse(c, true, "%s: %s", what, "a table was expected");
    if (!model_members(v, names, found))
        return model_refuse(c, true, "%s: it has a field that is unknown%s", what, "");
    return ERR_OK;
}

static enum err read_slug(struct model_check *c, const char *what, const struct json_value *v,
                          char slug[LIMIT_ID + 1]) {
    if (model_absent(v)) return model_refuse(c, true, "%s: %s", what, "it has no slug");
    enum err rc = model_text(c, what, v, LIMIT_ID);
    if (rc) return rc;
    if (strspn(c->text.data, "abcdefghijklmnopqrstuvwxyz0123456789_") != c->text.len ||
        c->text.data[0] < 'a')
        return model_refuse(c, true, "%s: %s", what, "a slug is a-z, then a-z 0-9 and _");
    memcpy(slug, c->text.data, c->text.len + 1);
    return ERR_OK;
}

/* "{name} member" with the resource's name, or its id where it has none. */
static enum err add_title(struct model_check *c, const char *title, size_t len) {
    struct buf filled;
    buf_init(&filled, LIMIT_STRING);
    const char *hole = memmem(title, len, "{name}", 6);
    size_t before = hole ? (size_t)(hole - title) : len;
    enum err rc = buf_add(&filled, title, before);
    if (!rc && hole) {
        const struct json_value *name = &c->fields[model_field_index(
            &(struct json_value){"\"name\"", 6, JSON_STRING, false})];
        if (model_absent(name))
            rc = buf_add(&filled, c->id, c->id_len);
        else
            rc = name->kind == JSON_STRING ? json_unescape(name, &filled)
                                           : buf_add(&filled, name->at, name->len);
        if (!rc) rc = buf_add(&filled, hole + 6, len - before - 6);
    }
    if (rc == ERR_LIMIT) rc = model_refuse(c, false, "%s%s", "an entitlement's name is too long", "");
    if (!rc) rc = model_add_name(c, "name");
    if (!rc) rc = model_add_string(c, filled.data, filled.len);
    buf_free(&filled);
    return rc;
}

static enum err add_name_of(struct model_check *c, const struct sources *s) {
    struct json_value name = member(&s->own, "name");
    if (model_absent(&name)) name = field(s, "title");
    if (model_absent(&name)) return ERR_OK;
    enum err rc = model_text(c, "entitlement.name", &name, LIMIT_STRING);
    if (rc) return rc;
    char title[1024];
    if (c->text.len >= sizeof title || !memmem(c->text.data, c->text.len, "{name}", 6)) {
        rc = model_add_name(c, "name");
        return rc ? rc : model_add_string(c, c->text.data, c->text.len);
    }
    size_t len = c->text.len;
    memcpy(title, c->text.data, len);
    return add_title(c, title, len);
}

static enum err add_keep(struct model_check *c, const struct json_value *v) {
    int64_t keep;
    if (model_absent(v)) return ERR_OK;
    if (v->kind != JSON_INTEGER || !json_to_integer(v, &keep) || keep < 0)
        return model_refuse(c, true, "%s: %s", "keep", "a whole number was expected");
    char text[48];
    snprintf(text, sizeof text, "%lld", (long long)keep);
    enum err rc = model_add_name(c, "keep");
    return rc ? rc : model_add(c, text);
}

/* {id, order, default, scope}: written as it came; its id is what matters to us. */
static enum err add_exclusion_group(struct model_check *c, const struct json_value *v) {
    if (model_absent(v)) return ERR_OK;
    struct json_value id = member(v, "id");
    if (v->kind != JSON_OBJECT || model_absent(&id))
        return model_refuse(c, true, "%s: %s", "exclusion_group", "a table with an id was expected");
    enum err rc = model_text(c, "exclusion_group", &id, LIMIT_ID);
    if (!rc) rc = model_add_name(c, "exclusion_group");
    if (!rc && buf_add(&c->draft->json, v->at, v->len))
        rc = model_refuse(c, false, "%s%s", "the record is larger than 1 MiB", "");
    return rc;
}

static enum err add_entitlement(struct model_check *c, const struct model_reference *on,
                                const char *slug, const struct sources *s) {
    struct json_value v;
    enum err rc = model_add(c, "{");
    if (!rc) rc = model_add_reference(c, "resource", on);
    if (!rc) rc = model_add(c, "}");
    if (!rc) rc = model_add_name(c, "slug");
    if (!rc) rc = model_add_string(c, slug, strlen(slug));
    if (!rc) rc = add_name_of(c, s);
    const struct model_field *const plain[] = {&description, &purpose, &grantable_to, &privileged};
    for (size_t i = 0; !rc && i < sizeof plain / sizeof *plain; i++) {
        v = field(s, plain[i]->name);
        rc = model_add_field(c, plain[i], &v);
    }
    v = field(s, "keep");
    if (!rc) rc = add_keep(c, &v);
    v = field(s, "exclusion_group");
    if (!rc) rc = add_exclusion_group(c, &v);
    if (!rc) rc = model_add(c, "}");
    if (rc) return rc;
    struct record_part part = {0};
    const unsigned char *secret = model_secret(c->m);
    model_key(secret, RECORD_ENTITLEMENT, on->type, on->id, on->id_len, slug, part.key);
    model_key(secret, RECORD_RESOURCE, on->type, on->id, on->id_len, NULL, part.on);
    return record_draft_part(c->draft, RECORD_ENTITLEMENT, &part);
}

/* This record's own resource as a reference. */
static void own_reference(const struct model_check *c, struct model_reference *out) {
    snprintf(out->type, sizeof out->type, "%s", c->type_name);
    out->type_len = strlen(out->type);
    memcpy(out->id, c->id, sizeof out->id);
    out->id_len = c->id_len;
}

static enum err read_on(struct model_check *c, const char *what, const struct json_value *v,
                        struct model_reference *out) {
    if (v->kind != JSON_NONE) return model_read_reference(c, what, v, out);
    if (!c->id_len)
        return model_refuse(c, true, "%s: %s", what, "a record without an id must say which");
    own_reference(c, out);
    return ERR_OK;
}

/* One that the mapping gave: over the declared one of the same slug where it is on this resource. */
static enum err add_given(struct model_check *c, const struct json_value *given,
                          const struct json_value *slug_key) {
    struct model_reference on;
    char slug[LIMIT_ID + 1];
    struct json_value found[ENTITLEMENT_MEMBERS];
    enum err rc = known_members(c, "entitlements", given, entitlement_members, found);
    if (rc) return rc;
    struct json_value where = found[ENTITLEMENT_ON], s = found[ENTITLEMENT_SLUG];
    if (where.kind == JSON_NONE) where = found[ENTITLEMENT_RESOURCE];
    if (slug_key) s = *slug_key;
    if (!rc) rc = read_slug(c, "entitlements", &s, slug);
    if (!rc) rc = read_on(c, "entitlements.on", &where, &on);
    if (rc) return rc;
    struct sources sources = {.own = *given, .declared = {.kind = JSON_NONE}};
    if (c->type && where.kind == JSON_NONE && c->type->entitlements.kind == JSON_OBJECT)
        sources.declared = json_find(c->type->entitlements.at, c->type->entitlements.len, slug);
    return add_entitlement(c, &on, slug, &sources);
}

static bool is_given(const struct model_check *c, const struct json_value *slug) {
    struct json_each it;
    struct buf text;
    bool found = false;
    if (!json_each_open(&it, c->entitlements.at, c->entitlements.len)) return false;
    buf_init(&text, LIMIT_ID);
    if (!json_unescape(slug, &text))
        while (!found && json_each_next(&it)) {
            struct json_value s = it.object ? it.key : member(&it.value, "slug");
            struct json_value on = member(&it.value, "on");
            found = s.kind == JSON_STRING && on.kind == JSON_NONE &&
                    json_string_is(&s, text.data, text.len);
        }
    buf_free(&text);
    return found;
}

static enum err add_declared(struct model_check *c) {
    struct json_each it;
    if (!c->id_len || !c->type || c->type->entitlements.kind != JSON_OBJECT) return ERR_OK;
    struct model_reference own;
    own_reference(c, &own);
    enum err rc = ERR_OK;
    json_each_open(&it, c->type->entitlements.at, c->type->entitlements.len);
    while (!rc && json_each_next(&it)) {
        char slug[LIMIT_ID + 1];
        if (model_absent(&it.key) || is_given(c, &it.key)) continue;
        rc = read_slug(c, "entitlements", &it.key, slug);
        struct sources s = {.own = {.kind = JSON_NONE}, .declared = it.value};
        if (!rc) rc = add_entitlement(c, &own, slug, &s);
    }
    return rc;
}

enum err model_add_entitlements(struct model_check *c) {
    enum err rc = add_declared(c);
    if (rc || model_absent(&c->entitlements)) return rc;
    struct json_each it;
    if (!json_each_open(&it, c->entitlements.at, c->entitlements.len))
        return model_refuse(c, true, "%s: %s", "entitlements", "a list was expected");
    while (!rc && json_each_next(&it)) rc = add_given(c, &it.value, it.object ? &it.key : NULL);
    return rc;
}

static const char *const expandable_members[] = {"type", "id", "slug", "shallow", "to", NULL};
enum { EXPANDABLE_SLUG = 2, EXPANDABLE_SHALLOW, EXPANDABLE_TO, EXPANDABLE_MEMBERS };

static enum err add_expandable_item(struct model_check *c, const struct json_value *v) {
    static const struct model_field shallow = {MODEL_NAMED("shallow"), MODEL_BOOLEAN, NULL, NULL};
    static const struct model_field to = {MODEL_NAMED("to"), MODEL_STRINGS, NULL, NULL};
    struct model_reference ref;
    char slug[LIMIT_ID + 1];
    struct json_value found[EXPANDABLE_MEMBERS];
    enum err rc = known_members(c, "expandable", v, expandable_members, found);
    if (!rc) rc = model_read_reference(c, "expandable", v, &ref);
    if (rc) return rc;
    struct json_value s = found[EXPANDABLE_SLUG], f = found[EXPANDABLE_SHALLOW],
                      types = found[EXPANDABLE_TO];
    if (!rc) rc = read_slug(c, "expandable", &s, slug);
    if (!rc) rc = model_add(c, "{\"type\":");
    if (!rc) rc = model_add_string(c, ref.type, ref.type_len);
    if (!rc) rc = model_add_name(c, "id");
    if (!rc) rc = model_add_string(c, ref.id, ref.id_len);
    if (!rc) rc = model_add_name(c, "slug");
    if (!rc) rc = model_add_string(c, slug, strlen(slug));
    if (!rc) rc = model_add_field(c, &shallow, &f);
    if (!rc) rc = model_add_field(c, &to, &types);
    return rc ? rc : model_add(c, "}");
}

static enum err add_expandable(struct model_check *c, const struct json_value *v) {
    struct json_each it;
    if (model_absent(v)) return ERR_OK;
    if (!json_each_open(&it, v->at, v->len) || it.object)
        return v->len == 2 ? ERR_OK : model_refuse(c, true, "%s: %s", "expandable", "a list was expected");
    enum err rc = model_add_name(c, "expandable");
    if (!rc) rc = model_add(c, "[");
    const char *comma = "";
    while (!rc && json_each_next(&it)) {
        rc = model_add(c, comma);
        if (!rc) rc = add_expandable_item(c, &it.value);
        comma = ",";
    }
    return rc ? rc : model_add(c, "]");
}

static void key_grant(struct model_check *c, const struct model_reference *on, const char *slug,
                      const struct model_reference *to, struct record_part *part) {
    const unsigned char *secret = model_secret(c->m);
    const struct span tuple[] = {{on->type, on->type_len}, {on->id, on->id_len},
                                 {slug, strlen(slug)}, {to->type, to->type_len},
                                 {to->id, to->id_len}};
    *part = (struct record_part){0};
    record_key(secret, RECORD_GRANT, tuple, 5, part->key);
    record_key(secret, RECORD_ENTITLEMENT, tuple, 3, part->on);
    record_key(secret, RECORD_RESOURCE, tuple, 2, part->on_resource);
    record_key(secret, RECORD_RESOURCE, tuple + 3, 2, part->principal);
}

static enum err add_grant(struct model_check *c, const struct json_value *given) {
    struct model_reference on, to;
    char slug[LIMIT_ID + 1];
    struct json_value found[GRANT_MEMBERS];
    enum err rc = known_members(c, "grants", given, grant_members, found);
    if (rc) return rc;
    struct json_value v = found[GRANT_ON], s = found[GRANT_SLUG], who = found[GRANT_TO],
                      expandable = found[GRANT_EXPANDABLE];
    if (v.kind == JSON_NONE)
        rc = model_refuse(c, true, "%s: %s", "grants.on", "a table { type, id } was expected");
    if (!rc) rc = model_read_reference(c, "grants.on", &v, &on);
    if (!rc) rc = read_slug(c, "grants", &s, slug);
    if (!rc) rc = read_on(c, "grants.to", &who, &to);
    if (!rc) rc = model_add(c, "{");
    if (!rc) rc = model_add_reference(c, "entitlement", &on);
    if (!rc) rc = model_add_name(c, "slug");
    if (!rc) rc = model_add_string(c, slug, strlen(slug));
    if (!rc) rc = model_add(c, "}");
    if (!rc) rc = model_add_reference(c, "principal", &to);
    if (!rc) rc = model_add(c, "}");
    if (!rc) rc = add_expandable(c, &expandable);
    if (!rc) rc = model_add(c, "}");
    if (rc) return rc;
    struct record_part part;
    key_grant(c, &on, slug, &to, &part);
    return record_draft_part(c->draft, RECORD_GRANT, &part);
}

enum err model_add_grants(struct model_check *c) {
    struct json_each it;
    if (model_absent(&c->grants)) return ERR_OK;
    if (!json_each_open(&it, c->grants.at, c->grants.len) || it.object)
        return c->grants.len == 2
                   ? ERR_OK
                   : model_refuse(c, true, "%s: %s", "grants", "a list was expected");
    enum err rc = ERR_OK;
    while (!rc && json_each_next(&it)) rc = add_grant(c, &it.value);
    return rc;
}

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

enum { TITLE_MAX = 1024 }; /* a longer one is not looked into for {name} */

static const char *const entitlement_members[] = {
    "resource", "on", "slug", "name", "title", "description", "purpose", "grantable_to",
    "privileged", "keep", "exclusion_group", NULL,
};
enum { ENTITLEMENT_RESOURCE, ENTITLEMENT_ON, ENTITLEMENT_SLUG, ENTITLEMENT_MEMBERS = 11 };

static const char *const grant_members[] = {"on", "slug", "to", "expandable", NULL};
enum { GRANT_ON, GRANT_SLUG, GRANT_TO, GRANT_EXPANDABLE, GRANT_MEMBERS };

/* What a mapping says about an entitlement, over what the manifest declares; either may be NULL. */
struct sources {
    const struct value *own, *declared;
};

static const struct value *member(const struct value *object, const char *name) {
    return object ? value_member(object, name, strlen(name)) : NULL;
}

static const struct value *field(const struct sources *s, const char *name) {
    const struct value *own = member(s->own, name);
    return own ? own : member(s->declared, name);
}

static enum err known_members(struct model_check *c, const char *what, const struct value *v,
                              const char *const *names, const struct value **found) {
    if (v->kind != VALUE_OBJECT)
        return model_refuse(c, true, "%s: %s", what, "a table was expected");
    if (!model_members(v, names, found))
        return model_refuse(c, true, "%s: it has a field that is unknown%s", what, "");
    return ERR_OK;
}

static bool is_slug(const char *text, size_t len) {
    for (size_t i = 0; i < len; i++) {
        bool letter = text[i] >= 'a' && text[i] <= 'z';
        bool later = (text[i] >= '0' && text[i] <= '9') || text[i] == '_';
        if (!letter && !(later && i > 0)) return false;
    }
    return len > 0;
}

static enum err read_slug(struct model_check *c, const char *what, const struct value *v,
                          char slug[LIMIT_ID + 1]) {
    struct span text;
    if (model_absent(v)) return model_refuse(c, true, "%s: %s", what, "it has no slug");
    enum err rc = model_text(c, what, v, LIMIT_ID, &text);
    if (rc) return rc;
    if (!is_slug(text.p, text.n))
        return model_refuse(c, true, "%s: %s", what, "a slug is a-z, then a-z 0-9 and _");
    memcpy(slug, text.p, text.n);
    slug[text.n] = '\0';
    return ERR_OK;
}

/* "{name} member" with the resource's name, or its id where it has none. */
static enum err add_title(struct model_check *c, struct span title, const char *hole) {
    struct buf filled;
    struct span name = span_of(c->id, c->id_len);
    size_t before = (size_t)(hole - (const char *)title.p);
    const struct value *given = c->fields[model_field_index("name", 4)];
    buf_init(&filled, LIMIT_STRING);
    enum err rc = buf_add(&filled, title.p, before);
    if (!rc && !model_absent(given)) rc = model_text(c, "name", given, LIMIT_STRING, &name);
    if (!rc) rc = buf_add(&filled, name.p, name.n);
    if (!rc) rc = buf_add(&filled, hole + 6, title.n - before - 6);
    if (rc == ERR_LIMIT)
        rc = model_refuse(c, false, "%s%s", "an entitlement's name is too long", "");
    if (!rc) rc = model_add_name(c, "name");
    if (!rc) rc = model_add_string(c, filled.data, filled.len);
    buf_free(&filled);
    return rc;
}

static enum err add_name_of(struct model_check *c, const struct sources *s) {
    struct span name;
    const struct value *v = member(s->own, "name");
    if (model_absent(v)) v = field(s, "title");
    if (model_absent(v)) return ERR_OK;
    enum err rc = model_text(c, "entitlement.name", v, LIMIT_STRING, &name);
    if (rc) return rc;
    const char *hole = name.n < TITLE_MAX ? memmem(name.p, name.n, "{name}", 6) : NULL;
    if (hole) return add_title(c, name, hole);
    rc = model_add_name(c, "name");
    return rc ? rc : model_add_string(c, name.p, name.n);
}

static enum err add_keep(struct model_check *c, const struct value *v) {
    if (model_absent(v)) return ERR_OK;
    if (v->kind != VALUE_INTEGER || v->integer < 0)
        return model_refuse(c, true, "%s: %s", "keep", "a whole number was expected");
    enum err rc = model_add_name(c, "keep");
    return rc ? rc : model_add_value(c, v);
}

/* {id, order, default, scope}: written as it came; its id is what matters to us. */
static enum err add_exclusion_group(struct model_check *c, const struct value *v) {
    struct span text;
    if (model_absent(v)) return ERR_OK;
    const struct value *id = member(v, "id");
    if (model_absent(id))
        return model_refuse(c, true, "%s: %s", "exclusion_group",
                            "a table with an id was expected");
    enum err rc = model_text(c, "exclusion_group", id, LIMIT_ID, &text);
    if (!rc) rc = model_add_name(c, "exclusion_group");
    return rc ? rc : model_add_value(c, v);
}

static enum err add_entitlement(struct model_check *c, const struct model_reference *on,
                                const char *slug, const struct sources *s) {
    enum err rc = model_add(c, "{");
    if (!rc) rc = model_add_reference(c, "resource", on);
    if (!rc) rc = model_add(c, "}");
    if (!rc) rc = model_add_name(c, "slug");
    if (!rc) rc = model_add_string(c, slug, strlen(slug));
    if (!rc) rc = add_name_of(c, s);
    const struct model_field *const plain[] = {&description, &purpose, &grantable_to, &privileged};
    for (size_t i = 0; !rc && i < sizeof plain / sizeof *plain; i++)
        rc = model_add_field(c, plain[i], field(s, plain[i]->name));
    if (!rc) rc = add_keep(c, field(s, "keep"));
    if (!rc) rc = add_exclusion_group(c, field(s, "exclusion_group"));
    if (!rc) rc = model_add(c, "}");
    if (rc) return rc;
    struct record_part part = {0};
    const unsigned char *secret = c->m->secret;
    model_key(secret, RECORD_ENTITLEMENT, on->type, on->id, on->id_len, slug, part.key);
    model_key(secret, RECORD_RESOURCE, on->type, on->id, on->id_len, NULL, part.on);
    return record_draft_part(c->draft, RECORD_ENTITLEMENT, &part);
}

/* This record's own resource as a reference. */
static void own_reference(const struct model_check *c, struct model_reference *out) {
    memcpy(out->type, c->type_name, c->type_len + 1);
    out->type_len = c->type_len;
    memcpy(out->id, c->id, c->id_len + 1);
    out->id_len = c->id_len;
}

static enum err read_on(struct model_check *c, const char *what, const struct value *v,
                        struct model_reference *out) {
    if (v) return model_read_reference(c, what, v, out);
    if (!c->id_len)
        return model_refuse(c, true, "%s: %s", what, "a record without an id must say which");
    own_reference(c, out);
    return ERR_OK;
}

/* The entitlements that the manifest declares for this record's type; NULL: none. */
static const struct value *declared_of(const struct model_check *c) {
    const struct value *declared = c->type ? c->type->entitlements : NULL;
    return declared && declared->kind == VALUE_OBJECT ? declared : NULL;
}

/* One that the mapping gave, its slug as a member's name or in it: over the declared one of the
 * same slug where it is on this resource. */
static enum err add_given(struct model_check *c, const struct value_member *given) {
    struct model_reference on;
    char slug[LIMIT_ID + 1];
    const struct value *found[ENTITLEMENT_MEMBERS];
    enum err rc = known_members(c, "entitlements", &given->value, entitlement_members, found);
    if (rc) return rc;
    struct value key = {.kind = VALUE_STRING, .len = given->name_len, .text = given->name};
    const struct value *where = found[ENTITLEMENT_ON];
    if (!where) where = found[ENTITLEMENT_RESOURCE];
    bool keyed = c->entitlements->kind == VALUE_OBJECT;
    rc = read_slug(c, "entitlements", keyed ? &key : found[ENTITLEMENT_SLUG], slug);
    if (!rc) rc = read_on(c, "entitlements.on", where, &on);
    if (rc) return rc;
    struct sources sources = {.own = &given->value};
    if (!where) sources.declared = member(declared_of(c), slug);
    return add_entitlement(c, &on, slug, &sources);
}

/* Did the mapping give the declared one of this name for this resource? */
static bool is_given(const struct model_check *c, const struct value_member *declared) {
    const struct value *all = c->entitlements;
    if (!all || all->kind < VALUE_ARRAY) return false;
    for (size_t i = 0; i < all->len; i++) {
        const struct value_member *m = &all->members[i];
        const struct value *slug = member(&m->value, "slug");
        bool same = all->kind == VALUE_OBJECT
                        ? value_is_named(m, declared->name, declared->name_len)
                        : slug && slug->kind == VALUE_STRING && slug->len == declared->name_len &&
                              memcmp(slug->text, declared->name, slug->len) == 0;
        if (same && !member(&m->value, "on")) return true;
    }
    return false;
}

static enum err add_declared(struct model_check *c) {
    const struct value *declared = declared_of(c);
    struct model_reference own;
    enum err rc = ERR_OK;
    if (!c->id_len || !declared) return ERR_OK;
    own_reference(c, &own);
    for (size_t i = 0; !rc && i < declared->len; i++) {
        const struct value_member *m = &declared->members[i];
        struct value name = {.kind = VALUE_STRING, .len = m->name_len, .text = m->name};
        struct sources sources = {.declared = &m->value};
        char slug[LIMIT_ID + 1];
        if (model_absent(&name) || is_given(c, m)) continue;
        rc = read_slug(c, "entitlements", &name, slug);
        if (!rc) rc = add_entitlement(c, &own, slug, &sources);
    }
    return rc;
}

enum err model_add_entitlements(struct model_check *c) {
    const struct value *given = c->entitlements;
    enum err rc = add_declared(c);
    if (rc || model_absent(given)) return rc;
    if (given->kind < VALUE_ARRAY)
        return model_refuse(c, true, "%s: %s", "entitlements", "a list was expected");
    value_sort(given);
    for (size_t i = 0; !rc && i < given->len; i++) rc = add_given(c, &given->members[i]);
    return rc;
}

static const char *const expandable_members[] = {"type", "id", "slug", "shallow", "to", NULL};
enum { EXPANDABLE_SLUG = 2, EXPANDABLE_SHALLOW, EXPANDABLE_TO, EXPANDABLE_MEMBERS };

/* A list that may be absent or an empty table: 0 and no error then. */
static enum err list_of(struct model_check *c, const char *what, const struct value *v,
                        size_t *len) {
    *len = 0;
    if (model_absent(v) || (v->kind == VALUE_OBJECT && v->len == 0)) return ERR_OK;
    if (v->kind != VALUE_ARRAY)
        return model_refuse(c, true, "%s: %s", what, "a list was expected");
    *len = v->len;
    return ERR_OK;
}

static enum err add_expandable_item(struct model_check *c, const struct value *v) {
    static const struct model_field shallow = {MODEL_NAMED("shallow"), MODEL_BOOLEAN, NULL, NULL};
    static const struct model_field to = {MODEL_NAMED("to"), MODEL_STRINGS, NULL, NULL};
    struct model_reference ref;
    char slug[LIMIT_ID + 1];
    const struct value *found[EXPANDABLE_MEMBERS];
    enum err rc = known_members(c, "expandable", v, expandable_members, found);
    if (!rc) rc = model_read_reference(c, "expandable", v, &ref);
    if (rc) return rc;
    rc = read_slug(c, "expandable", found[EXPANDABLE_SLUG], slug);
    if (!rc) rc = model_add(c, "{\"type\":");
    if (!rc) rc = model_add_string(c, ref.type, ref.type_len);
    if (!rc) rc = model_add_name(c, "id");
    if (!rc) rc = model_add_string(c, ref.id, ref.id_len);
    if (!rc) rc = model_add_name(c, "slug");
    if (!rc) rc = model_add_string(c, slug, strlen(slug));
    if (!rc) rc = model_add_field(c, &shallow, found[EXPANDABLE_SHALLOW]);
    if (!rc) rc = model_add_field(c, &to, found[EXPANDABLE_TO]);
    return rc ? rc : model_add(c, "}");
}

static enum err add_expandable(struct model_check *c, const struct value *v) {
    size_t len;
    enum err rc = list_of(c, "expandable", v, &len);
    if (rc || !v || v->kind != VALUE_ARRAY) return rc;
    rc = model_add_name(c, "expandable");
    if (!rc) rc = model_add(c, "[");
    for (size_t i = 0; !rc && i < len; i++) {
        if (i) rc = model_add(c, ",");
        if (!rc) rc = add_expandable_item(c, &v->members[i].value);
    }
    return rc ? rc : model_add(c, "]");
}

static void key_grant(struct model_check *c, const struct model_reference *on, const char *slug,
                      const struct model_reference *to, struct record_part *part) {
    const unsigned char *secret = c->m->secret;
    const struct span tuple[] = {{on->type, on->type_len}, {on->id, on->id_len},
                                 {slug, strlen(slug)}, {to->type, to->type_len},
                                 {to->id, to->id_len}};
    *part = (struct record_part){0};
    record_key(secret, RECORD_GRANT, tuple, 5, part->key);
    record_key(secret, RECORD_ENTITLEMENT, tuple, 3, part->on);
    record_key(secret, RECORD_RESOURCE, tuple, 2, part->on_resource);
    record_key(secret, RECORD_RESOURCE, tuple + 3, 2, part->principal);
}

static enum err add_grant(struct model_check *c, const struct value *given) {
    struct model_reference on, to;
    char slug[LIMIT_ID + 1];
    const struct value *found[GRANT_MEMBERS];
    enum err rc = known_members(c, "grants", given, grant_members, found);
    if (!rc) rc = model_read_reference(c, "grants.on", found[GRANT_ON], &on);
    if (!rc) rc = read_slug(c, "grants", found[GRANT_SLUG], slug);
    if (!rc) rc = read_on(c, "grants.to", found[GRANT_TO], &to);
    if (!rc) rc = model_add(c, "{");
    if (!rc) rc = model_add_reference(c, "entitlement", &on);
    if (!rc) rc = model_add_name(c, "slug");
    if (!rc) rc = model_add_string(c, slug, strlen(slug));
    if (!rc) rc = model_add(c, "}");
    if (!rc) rc = model_add_reference(c, "principal", &to);
    if (!rc) rc = model_add(c, "}");
    if (!rc) rc = add_expandable(c, found[GRANT_EXPANDABLE]);
    if (!rc) rc = model_add(c, "}");
    if (rc) return rc;
    struct record_part part;
    key_grant(c, &on, slug, &to, &part);
    return record_draft_part(c->draft, RECORD_GRANT, &part);
}

enum err model_add_grants(struct model_check *c) {
    size_t len;
    enum err rc = list_of(c, "grants", c->grants, &len);
    for (size_t i = 0; !rc && i < len; i++) rc = add_grant(c, &c->grants->members[i].value);
    return rc;
}

#include "record.h"

#include <string.h>

#include "../base/limits.h"
#include "../json/json.h"
#include "../secret/secret.h"

static bool take(struct span *rest, size_t n, struct span *out) {
    if (n > rest->n) return false;
    *out = span_of(rest->p, n);
    *rest = span_of((const char *)rest->p + n, rest->n - n);
    return true;
}

enum err record_read(struct record *r, struct span value, struct error *e) {
    struct span rest = value, head, parts, json;
    if (!take(&rest, sizeof r->head, &head)) goto damaged;
    memcpy(&r->head, head.p, sizeof r->head);
    const struct record_head *h = &r->head;
    if (h->magic != RECORD_MAGIC || h->outcome > RECORD_SET_ASIDE || h->has_resource > 1)
        goto damaged;
    r->parts = (size_t)h->has_resource + h->entitlements + h->grants;
    if (!take(&rest, r->parts * sizeof(struct record_part), &parts)) goto damaged;
    r->part = parts.p;
    size_t text = 0;
    for (size_t i = 0; i < r->parts; i++) text += record_part(r, i).json;
    if (!take(&rest, text, &json)) goto damaged;
    r->json = json.p;
    if (!take(&rest, h->list, &r->list) || !take(&rest, h->kind, &r->kind) ||
        !take(&rest, h->parent, &r->parent) || !take(&rest, h->with, &r->with) ||
        !take(&rest, h->raw, &r->raw))
        goto damaged;
    return ERR_OK;
damaged:
    return err_set(e, ERR_STORAGE,
                   "a stored record is damaged; restore the state, or move it away to start afresh");
}

struct record_part record_part(const struct record *r, size_t i) {
    struct record_part part;
    memcpy(&part, r->part + i * sizeof part, sizeof part);
    return part;
}

struct span record_json(const struct record *r, size_t i) {
    const char *at = r->json;
    for (size_t k = 0; k < i; k++) at += record_part(r, k).json;
    return span_of(at, record_part(r, i).json);
}

size_t record_find(const struct record *r, const unsigned char key[RECORD_KEY]) {
    size_t i = 0;
    while (i < r->parts && memcmp(r->part + i * sizeof(struct record_part), key, RECORD_KEY) != 0)
        i++;
    return i;
}

enum err record_name(const struct record *r, struct buf *out) {
    struct span json = r->parts ? record_json(r, 0) : span_of("", 0);
    struct json_value type = json_find(json.p, json.n, "type"), id = json_find(json.p, json.n, "id");
    bool named = r->head.has_resource && id.kind == JSON_STRING;
    if (!named) id = json_find(r->raw.p, r->raw.n, "id");
    if (id.kind != JSON_STRING && id.kind != JSON_INTEGER) return ERR_NOT_FOUND;
    if (id.len > 6 * LIMIT_ID + 2) return ERR_NOT_FOUND; /* longer than any id, all escapes */
    enum err rc = buf_add_text(out, "{\"type\":");
    if (!rc && named) rc = buf_add(out, type.at, type.len);
    if (!rc && !named) rc = json_escape(r->kind.p, r->kind.n, out);
    if (!rc) rc = buf_add_text(out, id.kind == JSON_STRING ? ",\"id\":" : ",\"id\":\"");
    if (!rc) rc = buf_add(out, id.at, id.len);
    return rc ? rc : buf_add_text(out, id.kind == JSON_STRING ? "}" : "\"}");
}

/* Lengths go before the strings: ("ab","c") and ("a","bc") are two tuples. */
void record_key(const unsigned char secret[16], enum record_kind kind, const struct span *tuple,
                size_t n, unsigned char out[RECORD_KEY]) {
    unsigned char bytes[5 * (LIMIT_ID + 4)];
    size_t len = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t size = (uint32_t)(tuple[i].n > LIMIT_ID ? LIMIT_ID : tuple[i].n);
        memcpy(bytes + len, &size, sizeof size);
        memcpy(bytes + len + sizeof size, tuple[i].p, size);
        len += sizeof size + size;
    }
    secret_hash128(secret, bytes, len, out);
    out[0] = (unsigned char)kind;
}

void record_draft_init(struct record_draft *d) {
    buf_init(&d->parts, 64 * MIB);
    buf_init(&d->json, LIMIT_RECORD);
    record_draft_begin(d);
}

void record_draft_free(struct record_draft *d) {
    buf_free(&d->parts);
    buf_free(&d->json);
}

void record_draft_begin(struct record_draft *d) {
    d->head = (struct record_head){.magic = RECORD_MAGIC};
    buf_clear(&d->parts);
    buf_clear(&d->json);
    d->counted = 0;
}

enum err record_draft_part(struct record_draft *d, enum record_kind kind,
                           const struct record_part *part) {
    struct record_part copy = *part;
    copy.json = (uint32_t)(d->json.len - d->counted);
    enum err rc = buf_add(&d->parts, &copy, sizeof copy);
    if (rc) return rc;
    d->counted = d->json.len;
    if (kind == RECORD_RESOURCE) d->head.has_resource = 1;
    if (kind == RECORD_ENTITLEMENT) d->head.entitlements++;
    if (kind == RECORD_GRANT) d->head.grants++;
    return ERR_OK;
}

enum err record_draft_write(const struct record_draft *d, const struct record_origin *origin,
                            struct buf *out) {
    struct record_head head = d->head;
    head.list = (uint32_t)origin->list.n;
    head.kind = (uint32_t)origin->kind.n;
    head.parent = (uint32_t)origin->parent.n;
    head.with = (uint32_t)origin->with.n;
    head.raw = (uint32_t)origin->raw.n;
    const struct span pieces[] = {
        {&head, sizeof head}, {d->parts.data, d->parts.len}, {d->json.data, d->json.len},
        origin->list, origin->kind, origin->parent, origin->with, origin->raw,
    };
    size_t total = 0, start = out->len;
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) total += pieces[i].n;
    enum err rc = buf_reserve(out, total);
    for (size_t i = 0; !rc && i < sizeof pieces / sizeof *pieces; i++)
        rc = buf_add(out, pieces[i].p, pieces[i].n);
    if (rc) out->len = start;
    return rc;
}

#include "asset.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/limits.h"
#include "wire.h"

/* Fields of BatonServiceUploadAssetRequest, and of the messages in it. */
enum { METADATA = 100, DATA = 101, END = 102 };
enum { METADATA_HOST = 1, METADATA_TASK = 2, DATA_BYTES = 1, END_SHA256 = 1 };

enum { HEADER = 5 }; /* of a gRPC frame: a flag, and the length of the message in 4 bytes */

/* Makes the message that stands behind the header in a->frame, of which `more` bytes are still to
 * come from the file, a frame. */
static void close_frame(struct asset *a, size_t more) {
    size_t len = a->frame.len - HEADER + more;
    for (size_t i = 1; i < HEADER; i++) a->frame.data[i] = (char)(len >> (8 * (HEADER - 1 - i)));
}

static enum err begin_frame(struct asset *a) {
    buf_clear(&a->frame);
    a->frame_at = 0;
    return buf_add(&a->frame, "\0\0\0\0\0", HEADER);
}

static enum err make_metadata(struct asset *a, const char *host_id, const char *task_id) {
    size_t mark;
    enum err rc = begin_frame(a);
    if (!rc) rc = wire_begin(&a->frame, METADATA, &mark);
    if (!rc) rc = wire_add_bytes(&a->frame, METADATA_HOST, host_id, strlen(host_id));
    if (!rc) rc = wire_add_bytes(&a->frame, METADATA_TASK, task_id, strlen(task_id));
    if (!rc) rc = wire_end(&a->frame, mark);
    if (!rc) close_frame(a, 0);
    return rc;
}

/* All but the bytes themselves, which go from the file to the wire. */
static enum err make_data(struct asset *a) {
    struct buf inner;
    size_t left = a->size - a->sent;
    a->piece = left < ASSET_PIECE ? left : ASSET_PIECE;
    buf_init(&inner, 2 * sizeof(uint64_t));
    enum err rc = wire_add_tag(&inner, DATA_BYTES, WIRE_BYTES);
    if (!rc) rc = wire_add(&inner, WIRE_VARINT, a->piece);
    if (!rc) rc = begin_frame(a);
    if (!rc) rc = wire_add_tag(&a->frame, DATA, WIRE_BYTES);
    if (!rc) rc = wire_add(&a->frame, WIRE_VARINT, inner.len + a->piece);
    if (!rc) rc = buf_add(&a->frame, inner.data, inner.len);
    if (!rc) close_frame(a, a->piece);
    buf_free(&inner);
    return rc;
}

static enum err make_eof(struct asset *a) {
    char sum[SIGN_DIGEST_BYTES];
    size_t mark;
    enum err rc = sign_digest_end(&a->digest, sum);
    if (!rc) rc = begin_frame(a);
    if (!rc) rc = wire_begin(&a->frame, END, &mark);
    if (!rc) rc = wire_add_bytes(&a->frame, END_SHA256, sum, sizeof sum);
    if (!rc) rc = wire_end(&a->frame, mark);
    if (!rc) close_frame(a, 0);
    return rc;
}

static enum err open_file(struct asset *a, const char *path, struct error *e) {
    struct stat st;
    a->path = strdup(path);
    if (!a->path) return err_set(e, ERR_NOMEM, "out of memory for an upload");
    a->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (a->fd < 0 || fstat(a->fd, &st) != 0) return err_errno(e, ERR_STORAGE, "upload", path);
    if (!S_ISREG(st.st_mode)) return err_set(e, ERR_STORAGE, "upload %s: not a file", path);
    a->size = (size_t)st.st_size;
    return ERR_OK;
}

enum err asset_open(struct asset *a, const char *path, const char *host_id, const char *task_id,
                    struct error *e) {
    memset(a, 0, sizeof *a);
    a->fd = -1;
    buf_init(&a->frame, 2 * KIB);
    enum err rc = open_file(a, path, e);
    if (!rc && strlen(host_id) + strlen(task_id) > KIB)
        rc = err_set(e, ERR_LIMIT, "upload %s: ids of more than %d bytes", path, KIB);
    if (!rc && (sign_digest_begin(&a->digest) || make_metadata(a, host_id, task_id)))
        rc = err_set(e, ERR_NOMEM, "out of memory for an upload");
    a->next = ASSET_DATA;
    if (rc) asset_close(a);
    return rc;
}

void asset_close(struct asset *a) {
    if (a->fd >= 0) close(a->fd);
    a->fd = -1;
    free(a->path);
    a->path = NULL;
    buf_free(&a->frame);
    sign_digest_drop(&a->digest);
}

/* read() that a signal does not end. */
static ssize_t read_some(int fd, char *to, size_t max) {
    ssize_t n;
    do n = read(fd, to, max);
    while (n < 0 && errno == EINTR);
    return n;
}

static enum err changed(const struct asset *a, struct error *e) {
    return err_set(e, ERR_STORAGE, "upload %s: it had %zu bytes when the upload began, and changes",
                   a->path, a->size);
}

static enum err check_end(const struct asset *a, struct error *e) {
    char more;
    ssize_t n = read_some(a->fd, &more, 1);
    if (n < 0) return err_errno(e, ERR_STORAGE, "upload", a->path);
    return n > 0 ? changed(a, e) : ERR_OK;
}

/* Bytes of the file, as many as fit and belong to this frame. */
static enum err take_file(struct asset *a, char *to, size_t max, size_t *n, struct error *e) {
    ssize_t got = read_some(a->fd, to, max < a->piece ? max : a->piece);
    if (got < 0) return err_errno(e, ERR_STORAGE, "upload", a->path);
    if (got == 0) return changed(a, e);
    *n = (size_t)got;
    a->piece -= *n;
    a->sent += *n;
    if (sign_digest_add(&a->digest, to, *n))
        return err_set(e, ERR_NOMEM, "upload %s: out of memory", a->path);
    return ERR_OK;
}

static size_t take_frame(struct asset *a, char *to, size_t max) {
    size_t left = a->frame.len - a->frame_at, n = left < max ? left : max;
    memcpy(to, a->frame.data + a->frame_at, n);
    a->frame_at += n;
    return n;
}

static enum err make_next(struct asset *a, struct error *e) {
    enum err rc = ERR_OK;
    if (a->next == ASSET_DATA && a->sent == a->size) {
        rc = check_end(a, e);
        a->next = ASSET_EOF;
    } else if (a->next == ASSET_DATA) {
        rc = make_data(a);
    } else {
        rc = make_eof(a);
        a->next = ASSET_OVER;
    }
    return rc && rc != ERR_STORAGE ? err_set(e, rc, "upload %s: out of memory", a->path) : rc;
}

enum err asset_read(void *ctx, char *to, size_t max, size_t *n, struct error *e) {
    struct asset *a = ctx;
    *n = 0;
    if (a->fd < 0) return err_set(e, ERR_FAILED, "the upload was closed");
    while (*n < max) {
        size_t got = take_frame(a, to + *n, max - *n);
        enum err rc = ERR_OK;
        if (got == 0 && a->piece > 0) rc = take_file(a, to + *n, max - *n, &got, e);
        else if (got == 0 && a->next == ASSET_OVER) break;
        else if (got == 0) rc = make_next(a, e);
        if (rc) return rc;
        *n += got;
    }
    return ERR_OK;
}

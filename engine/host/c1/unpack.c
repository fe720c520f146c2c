#include "unpack.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <unistd.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "../base/buf.h"
#include "../base/limits.h"

enum { PIECE = 128 * KIB };

struct unpacker {
    ZSTD_DCtx *zstd;
    int from, to;
    const char *name;
    struct buf in, out; /* a piece each */
    uint64_t written, max;
    size_t left; /* what the frame under way still wants; 0 between two */
    bool any;    /* a frame began */
    struct error *e;
};

static enum err write_piece(struct unpacker *u, size_t len) {
    const char *bytes = u->out.data;
    u->written += len;
    if (u->written > u->max)
        return err_set(u->e, ERR_LIMIT, "%s holds more than %" PRIu64 " MiB; nothing was read",
                       u->name, u->max / MIB);
    while (len > 0) {
        ssize_t n = write(u->to, bytes, len);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return err_errno(u->e, ERR_STORAGE, "unpack", u->name);
        bytes += n;
        len -= (size_t)n;
    }
    return ERR_OK;
}

static enum err damaged(struct unpacker *u, size_t result) {
    switch (ZSTD_getErrorCode(result)) {
    case ZSTD_error_memory_allocation:
        return err_set(u->e, ERR_NOMEM, "read %s: out of memory", u->name);
    case ZSTD_error_frameParameter_windowTooLarge:
        return err_set(u->e, ERR_LIMIT, "%s wants more memory than any reader gives (a window of"
                       " over 128 MiB)", u->name);
    case ZSTD_error_prefix_unknown:
        return err_set(u->e, ERR_INVALID, "%s: %s", u->name,
                       u->any ? "there are bytes behind its end" : "it is not compressed as a"
                       " .c1z file is");
    default:
        return err_set(u->e, ERR_INVALID, "%s is damaged: %s", u->name, ZSTD_getErrorName(result));
    }
}

static enum err decompress_piece(struct unpacker *u) {
    ZSTD_inBuffer in = {u->in.data, u->in.len, 0};
    bool full = false; /* then there may be more, though all of the piece was taken */
    while (in.pos < in.size || full) {
        ZSTD_outBuffer out = {u->out.data, PIECE, 0};
        u->left = ZSTD_decompressStream(u->zstd, &out, &in);
        if (ZSTD_isError(u->left)) return damaged(u, u->left);
        u->any = true;
        enum err rc = write_piece(u, out.pos);
        if (rc) return rc;
        full = out.pos == PIECE && u->left > 0;
    }
    return ERR_OK;
}

static enum err decompress(struct unpacker *u) {
    ZSTD_DCtx_setParameter(u->zstd, ZSTD_d_windowLogMax, UNPACK_WINDOW_LOG);
    for (;;) {
        ssize_t n = read(u->from, u->in.data, PIECE);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return err_errno(u->e, ERR_STORAGE, "read", u->name);
        if (n == 0) break;
        u->in.len = (size_t)n;
        enum err rc = decompress_piece(u);
        if (rc) return rc;
    }
    if (!u->any) return err_set(u->e, ERR_INVALID, "%s: there is nothing in it", u->name);
    return u->left ? err_set(u->e, ERR_INVALID, "%s is cut short", u->name) : ERR_OK;
}

enum err unpack_file(int from, int to, const char *name, uint64_t max, struct error *e) {
    struct unpacker u = {
        .zstd = ZSTD_createDCtx(), .from = from, .to = to, .name = name, .max = max, .e = e};
    buf_init(&u.in, PIECE);
    buf_init(&u.out, PIECE);
    enum err rc = ERR_OK;
    if (!u.zstd || buf_reserve(&u.in, PIECE) || buf_reserve(&u.out, PIECE))
        rc = err_set(e, ERR_NOMEM, "read %s: out of memory", name);
    if (!rc) rc = decompress(&u);
    buf_free(&u.in);
    buf_free(&u.out);
    ZSTD_freeDCtx(u.zstd);
    return rc;
}

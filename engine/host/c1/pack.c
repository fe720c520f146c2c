#include "pack.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "../base/buf.h"
#include "../base/limits.h"

enum { PIECE = 128 * KIB };

struct packer {
    ZSTD_CCtx *zstd;
    int from, to;
    const char *name;
    struct buf in, out; /* a piece each */
    struct error *e;
};

static enum err write_all(struct packer *p, const char *bytes, size_t len) {
    while (len > 0) {
        ssize_t n = write(p->to, bytes, len);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return err_errno(p->e, ERR_STORAGE, "write", p->name);
        bytes += n;
        len -= (size_t)n;
    }
    return ERR_OK;
}

/* The piece at `at`; shorter than asked for only at the file's end. */
static enum err read_piece(struct packer *p, off_t at) {
    p->in.len = 0;
    while (p->in.len < PIECE) {
        ssize_t n = pread(p->from, p->in.data + p->in.len, PIECE - p->in.len,
                          at + (off_t)p->in.len);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return err_errno(p->e, ERR_STORAGE, "read back what goes to", p->name);
        if (n == 0) break;
        p->in.len += (size_t)n;
    }
    return ERR_OK;
}

static enum err compress_piece(struct packer *p, bool last) {
    ZSTD_inBuffer in = {p->in.data, p->in.len, 0};
    size_t left;
    do {
        ZSTD_outBuffer out = {p->out.data, PIECE, 0};
        left = ZSTD_compressStream2(p->zstd, &out, &in, last ? ZSTD_e_end : ZSTD_e_continue);
        if (ZSTD_isError(left))
            return err_set(p->e, ERR_STORAGE, "write %s: %s", p->name, ZSTD_getErrorName(left));
        enum err rc = write_all(p, p->out.data, out.pos);
        if (rc) return rc;
    } while (last ? left > 0 : in.pos < in.size);
    return ERR_OK;
}

static enum err compress(struct packer *p, off_t size) {
    ZSTD_CCtx_setParameter(p->zstd, ZSTD_c_compressionLevel, 1);
    ZSTD_CCtx_setParameter(p->zstd, ZSTD_c_checksumFlag, 1);
    ZSTD_CCtx_setPledgedSrcSize(p->zstd, (unsigned long long)size);
    enum err rc = ERR_OK;
    for (off_t at = 0; !rc && at <= size; at += PIECE) {
        rc = read_piece(p, at);
        if (!rc) rc = compress_piece(p, at + PIECE > size);
    }
    return rc;
}

enum err pack_file(int from, int to, const char *name, struct span head, struct error *e) {
    struct packer p = {.zstd = ZSTD_createCCtx(), .from = from, .to = to, .name = name, .e = e};
    struct stat st;
    buf_init(&p.in, PIECE);
    buf_init(&p.out, PIECE);
    enum err rc = ERR_OK;
    if (!p.zstd || buf_reserve(&p.in, PIECE) || buf_reserve(&p.out, PIECE))
        rc = err_set(e, ERR_NOMEM, "write %s: out of memory", name);
    if (!rc && fstat(from, &st) != 0) rc = err_errno(e, ERR_STORAGE, "look at", name);
    if (!rc) rc = write_all(&p, head.p, head.n);
    if (!rc) rc = compress(&p, st.st_size);
    buf_free(&p.in);
    buf_free(&p.out);
    ZSTD_freeCCtx(p.zstd);
    return rc;
}

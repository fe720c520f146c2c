/* asset: a file as an UploadAsset stream of ConductorOne: gRPC frames, back to back, made while they
 * are sent: one of metadata (whose task, from which host), data in pieces of ASSET_PIECE bytes, and
 * the end with the SHA-256 of all of them.
 *
 * The file is opened once and has the size that it had then: one that shrinks or grows while it is
 * sent is an error. Memory does not depend on its size. A stream can be read once. */
#ifndef REEVE_ASSET_H
#define REEVE_ASSET_H

#include <stddef.h>

#include "../base/buf.h"
#include "../base/err.h"
#include "../secret/sign_digest.h"

enum { ASSET_PIECE = 512 * 1024 };

enum asset_stage { ASSET_METADATA, ASSET_DATA, ASSET_EOF, ASSET_OVER };

struct asset {
    int fd;                /* -1: closed */
    char *path;
    size_t size, sent;     /* of the file */
    size_t piece;          /* of the data frame that is being sent, bytes to come */
    struct buf frame;      /* what goes before them, and frames without data */
    size_t frame_at;
    enum asset_stage next; /* the frame to be made when all that is done */
    struct sign_digest digest;
};

/* A stream whose first frame is the metadata. Ids are told as they are. ERR_STORAGE where there is no
 * such file, ERR_LIMIT for ids of more than 1 KiB, ERR_NOMEM; *a is then closed. */
enum err asset_open(struct asset *a, const char *path, const char *host_id, const char *task_id,
                    struct error *e);

/* May be called twice. */
void asset_close(struct asset *a);

/* The stream's next bytes: the read of a struct http_source, ctx being the asset. ERR_STORAGE for a
 * file that cannot be read or is not what it was; ERR_FAILED for a closed one. */
enum err asset_read(void *ctx, char *to, size_t max, size_t *n, struct error *e);

#endif

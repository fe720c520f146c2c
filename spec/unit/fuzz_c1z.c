/* Any bytes as the database in a .c1z file: packed, unpacked and read to its end, or refused in
 * words; and the same bytes as the file itself. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../engine/host/c1/c1z_read.h"
#include "../../engine/host/c1/pack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int holds) {
    if (!holds) abort();
}

static int file_of(const uint8_t *data, size_t size) {
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    must(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    return fd;
}

/* Looks at all that a row has. */
static size_t sum_of(const struct c1z_row *row) {
    size_t sum = 0;
    for (size_t i = 0; i < C1Z_COLUMNS; i++)
        for (size_t k = 0; k < row->columns[i].n; k++) sum += ((const uint8_t *)row->columns[i].p)[k];
    for (size_t k = 0; k < row->message.n; k++) sum += ((const uint8_t *)row->message.p)[k];
    for (size_t k = 0; k < row->expansion.n; k++) sum += ((const uint8_t *)row->expansion.p)[k];
    return sum;
}

static enum err read_rows(struct c1z_reader *r, struct error *e) {
    struct c1z_row row;
    struct span type, id;
    bool more = true;
    enum err rc = ERR_OK;
    while (!rc && more) {
        rc = c1z_reader_next(r, &row, &more, e);
        must(rc || sum_of(&row) < SIZE_MAX);
        if (!rc && more && row.columns[2].p)
            rc = c1z_reader_locate(r, row.columns[2], &type, &id, e);
    }
    return rc;
}

static void read_all(int fd) {
    char path[64];
    struct error e = {.code = ERR_OK};
    struct c1z_reader *r = NULL;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    enum err rc = c1z_reader_open(&r, path, "/tmp", 64 * MIB, &e);
    if (!rc) rc = c1z_reader_begin_types(r, 10, &e);
    if (!rc) rc = read_rows(r, &e);
    for (int t = 0; !rc && t < C1Z_TABLES; t++) {
        rc = c1z_reader_begin(r, (enum c1z_table)t, &e);
        if (!rc) rc = read_rows(r, &e);
    }
    must(rc == e.code && (rc == ERR_OK || strlen(e.text) > 0));
    must(rc == ERR_OK || rc == ERR_INVALID || rc == ERR_LIMIT || rc == ERR_NOMEM);
    c1z_reader_free(r);
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char magic[] = "C1ZF";
    struct error e;
    int db = file_of(data, size), packed = file_of(data, 0);
    must(pack_file(db, packed, "fuzz", span_of(magic, sizeof magic), &e) == ERR_OK);
    close(db);
    read_all(packed);
    read_all(file_of(data, size));
    return 0;
}

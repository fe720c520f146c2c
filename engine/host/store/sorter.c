#include "sorter.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    SORTER_RUN = 20000,  /* items sorted at once: 782 KiB */
    SORTER_WINDOW = 100, /* items of each run in memory while merging: 4 KiB */
};

/* One sorted run: in the file, or (the last one) in memory. */
struct run {
    off_t at;    /* of the next item to read from the file */
    size_t left; /* items not yet in the window */
    struct sorter_item *window;
    size_t pos, have;
};

struct sorter {
    char dir[4096];
    int fd; /* -1: everything fits into memory */
    size_t capacity, used;
    struct sorter_item *items;
    struct run *runs;
    size_t run_count;
    size_t *heap; /* indexes of runs that still have items, least head first */
    size_t heap_size;
    struct sorter_item *windows;
};

static int compare(const void *a, const void *b) {
    const struct sorter_item *x = a, *y = b;
    int c = memcmp(x->key, y->key, sizeof x->key);
    if (c) return c;
    return x->payload < y->payload ? -1 : x->payload > y->payload;
}

/* Keys are hashes most of the time: 4,096 drawers by the bits behind the first byte (which says the
 * kind, and is one for all) leave a few items in each. Where they do not, qsort sorts the drawer. */
enum { DRAWERS = 4096, DRAWER_SMALL = 32 };

static size_t drawer(const struct sorter_item *item) {
    return (size_t)item->key[1] << 4 | item->key[2] >> 4;
}

static void insertion_sort(struct sorter_item *items, size_t n) {
    for (size_t i = 1; i < n; i++) {
        struct sorter_item item = items[i];
        size_t k = i;
        for (; k > 0 && compare(&items[k - 1], &item) > 0; k--) items[k] = items[k - 1];
        items[k] = item;
    }
}

/* Sorts within one first byte; `spare` has room for n items. */
static void sort_drawers(struct sorter_item *items, struct sorter_item *spare, size_t n) {
    uint32_t start[DRAWERS + 1] = {0};
    for (size_t i = 0; i < n; i++) start[drawer(&items[i]) + 1]++;
    for (size_t i = 0; i < DRAWERS; i++) start[i + 1] += start[i];
    uint32_t at[DRAWERS];
    memcpy(at, start, sizeof at);
    for (size_t i = 0; i < n; i++) spare[at[drawer(&items[i])]++] = items[i];
    for (size_t i = 0; i < DRAWERS; i++) {
        size_t count = start[i + 1] - start[i];
        if (count > DRAWER_SMALL) qsort(spare + start[i], count, sizeof *spare, compare);
        else insertion_sort(spare + start[i], count);
    }
    memcpy(items, spare, n * sizeof *items);
}

static enum err sort(struct sorter *s, struct error *e) {
    bool one_kind = true;
    for (size_t i = 1; i < s->used && one_kind; i++)
        one_kind = s->items[i].key[0] == s->items[0].key[0];
    if (s->used < DRAWERS || !one_kind) {
        qsort(s->items, s->used, sizeof *s->items, compare);
        return ERR_OK;
    }
    struct sorter_item *spare = malloc(s->used * sizeof *spare);
    if (!spare) return err_set(e, ERR_NOMEM, "out of memory sorting");
    sort_drawers(s->items, spare, s->used);
    free(spare);
    return ERR_OK;
}

enum err sorter_open(struct sorter **out, const char *dir, size_t run, struct error *e) {
    struct sorter *s = calloc(1, sizeof *s);
    *out = s;
    if (!s) return err_set(e, ERR_NOMEM, "out of memory sorting");
    s->fd = -1;
    s->capacity = run ? run : SORTER_RUN;
    snprintf(s->dir, sizeof s->dir, "%s", dir);
    return ERR_OK;
}

void sorter_free(struct sorter *s) {
    if (!s) return;
    if (s->fd >= 0) close(s->fd);
    free(s->items);
    free(s->runs);
    free(s->heap);
    free(s->windows);
    free(s);
}

static enum err open_file(struct sorter *s, struct error *e) {
    s->fd = open(s->dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (s->fd >= 0) return ERR_OK;
    /* Some file systems know no unnamed files. */
    char path[4096 + 16];
    snprintf(path, sizeof path, "%s/sort.XXXXXX", s->dir);
    s->fd = mkostemp(path, O_CLOEXEC);
    if (s->fd < 0) return err_errno(e, ERR_STORAGE, "cannot make a temporary file in", s->dir);
    unlink(path);
    return ERR_OK;
}

static enum err write_all(struct sorter *s, const void *bytes, size_t n, struct error *e) {
    const char *p = bytes;
    while (n > 0) {
        ssize_t done = write(s->fd, p, n);
        if (done < 0 && errno == EINTR) continue;
        if (done < 0) return err_errno(e, ERR_STORAGE, "cannot write a temporary file in", s->dir);
        p += done;
        n -= (size_t)done;
    }
    return ERR_OK;
}

static enum err add_run(struct sorter *s, size_t count, struct error *e) {
    struct run *runs = realloc(s->runs, (s->run_count + 1) * sizeof *runs);
    if (!runs) return err_set(e, ERR_NOMEM, "out of memory sorting");
    s->runs = runs;
    runs[s->run_count] = (struct run){.left = count};
    s->run_count++;
    return ERR_OK;
}

static enum err spill(struct sorter *s, struct error *e) {
    enum err rc = s->fd < 0 ? open_file(s, e) : ERR_OK;
    if (!rc) rc = sort(s, e);
    off_t at = rc ? 0 : lseek(s->fd, 0, SEEK_END);
    if (!rc) rc = write_all(s, s->items, s->used * sizeof *s->items, e);
    if (!rc) rc = add_run(s, s->used, e);
    if (rc) return rc;
    s->runs[s->run_count - 1].at = at;
    s->used = 0;
    return ERR_OK;
}

enum err sorter_add(struct sorter *s, const struct sorter_item *item, struct error *e) {
    if (!s->items && !(s->items = malloc(s->capacity * sizeof *s->items)))
        return err_set(e, ERR_NOMEM, "out of memory sorting");
    enum err rc = s->used == s->capacity ? spill(s, e) : ERR_OK;
    if (rc) return rc;
    s->items[s->used++] = *item;
    return ERR_OK;
}

static enum err fill(struct sorter *s, struct run *r, struct error *e) {
    size_t want = r->left < SORTER_WINDOW ? r->left : SORTER_WINDOW;
    size_t bytes = want * sizeof *r->window, got = 0;
    while (got < bytes) {
        ssize_t n = pread(s->fd, (char *)r->window + got, bytes - got, r->at + (off_t)got);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return err_errno(e, ERR_STORAGE, "cannot read a temporary file in", s->dir);
        got += (size_t)n;
    }
    r->at += (off_t)bytes;
    r->left -= want;
    r->pos = 0;
    r->have = want;
    return ERR_OK;
}

static bool before(const struct sorter *s, size_t a, size_t b) {
    const struct run *x = &s->runs[a], *y = &s->runs[b];
    return compare(&x->window[x->pos], &y->window[y->pos]) < 0;
}

static void sift_down(struct sorter *s, size_t i) {
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= s->heap_size) return;
        if (child + 1 < s->heap_size && before(s, s->heap[child + 1], s->heap[child])) child++;
        if (!before(s, s->heap[child], s->heap[i])) return;
        size_t swap = s->heap[i];
        s->heap[i] = s->heap[child];
        s->heap[child] = swap;
        i = child;
    }
}

enum err sorter_finish(struct sorter *s, struct error *e) {
    size_t in_file = s->run_count;
    enum err rc = s->used ? sort(s, e) : ERR_OK;
    if (!rc && s->used) rc = add_run(s, 0, e);
    if (rc) return rc;
    s->heap = malloc((s->run_count + 1) * sizeof *s->heap);
    s->windows = malloc((in_file * SORTER_WINDOW + 1) * sizeof *s->windows);
    if (!s->heap || !s->windows) return err_set(e, ERR_NOMEM, "out of memory sorting");
    for (size_t i = 0; i < in_file && !rc; i++) {
        s->runs[i].window = s->windows + i * SORTER_WINDOW;
        rc = fill(s, &s->runs[i], e);
    }
    if (s->used) {
        s->runs[in_file].window = s->items;
        s->runs[in_file].have = s->used;
    }
    s->heap_size = s->run_count;
    for (size_t i = 0; i < s->run_count; i++) s->heap[i] = i;
    for (size_t i = s->heap_size / 2; !rc && i-- > 0;) sift_down(s, i);
    return rc;
}

enum err sorter_next(struct sorter *s, struct sorter_item *item, bool *more, struct error *e) {
    *more = s->heap_size > 0;
    if (!*more) return ERR_OK;
    struct run *r = &s->runs[s->heap[0]];
    *item = r->window[r->pos++];
    enum err rc = r->pos == r->have && r->left ? fill(s, r, e) : ERR_OK;
    if (r->pos == r->have) s->heap[0] = s->heap[--s->heap_size];
    sift_down(s, 0);
    return rc;
}

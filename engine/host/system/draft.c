#include "draft.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file.h"

struct draft {
    int fd;
    bool named; /* it has the name `beside` */
    char place[PATH_MAX], beside[PATH_MAX], own[64];
};

static enum err cannot_write(const struct draft *d, struct error *e) {
    return err_errno(e, ERR_STORAGE, "write", d->place);
}

static enum err take_place(struct draft *d, const char *place, struct error *e) {
    snprintf(d->place, sizeof d->place, "%s", place);
    int n = snprintf(d->beside, sizeof d->beside, "%s.%ld.tmp", place, (long)getpid());
    if (n < (int)sizeof d->beside) return ERR_OK;
    errno = ENAMETOOLONG;
    return cannot_write(d, e);
}

/* Leaves fd at -1 where the file system has no files without a name, or /proc is not there to
 * reach them by. */
static void open_nameless(struct draft *d) {
    char folder[PATH_MAX];
    const char *slash = strrchr(d->place, '/');
    int len = !slash ? 0 : slash == d->place ? 1 : (int)(slash - d->place);
    snprintf(folder, sizeof folder, "%.*s", len, d->place);
    d->fd = open(len ? folder : ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
    if (d->fd < 0) return;
    snprintf(d->own, sizeof d->own, "/proc/self/fd/%d", d->fd);
    if (access(d->own, W_OK) == 0) return;
    close(d->fd);
    d->fd = -1;
}

static enum err open_named(struct draft *d, struct error *e) {
    unlink(d->beside); /* left by a process that had our id and was killed */
    d->fd = open(d->beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    d->named = d->fd >= 0;
    return d->named ? ERR_OK : cannot_write(d, e);
}

enum err draft_open(struct draft **out, const char *place, struct error *e) {
    struct draft *d = *out = calloc(1, sizeof *d);
    if (!d) return err_set(e, ERR_NOMEM, "write %s: out of memory", place);
    d->fd = -1;
    enum err rc = take_place(d, place, e);
    if (!rc) open_nameless(d);
    if (!rc && d->fd < 0) rc = open_named(d, e);
    if (rc) {
        draft_free(d);
        *out = NULL;
    }
    return rc;
}

const char *draft_path(const struct draft *d) {
    return d->named ? d->beside : d->own;
}

/* A link cannot take the place of a file, so that even a nameless one has a name for a moment. */
static enum err give_name(struct draft *d, struct error *e) {
    if (d->named) return ERR_OK;
    d->named = file_name(d->fd, d->beside);
    return d->named ? ERR_OK : cannot_write(d, e);
}

enum err draft_keep(struct draft *d, struct error *e) {
    if (fsync(d->fd) != 0) return cannot_write(d, e);
    enum err rc = give_name(d, e);
    if (!rc) rc = file_rename(d->beside, d->place, e);
    if (!rc) d->named = false;
    return rc;
}

void draft_free(struct draft *d) {
    if (!d) return;
    if (d->named) unlink(d->beside);
    if (d->fd >= 0) close(d->fd);
    free(d);
}

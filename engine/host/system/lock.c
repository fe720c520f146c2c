#include "lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "../base/utf8.h"

struct lock {
    int fd;
};

static void read_note(int fd, char *note) {
    ssize_t n = pread(fd, note, LOCK_NOTE_MAX, 0);
    if (n < 0) n = 0;
    while (n > 0 && (note[n - 1] == '\n' || note[n - 1] == ' ')) n--;
    note[n] = '\0';
}

static enum err busy(int fd, const char *path, struct error *e) {
    char note[LOCK_NOTE_MAX + 1];
    read_note(fd, note);
    return err_set(e, ERR_BUSY, "%s is held by %s", path, *note ? note : "another process");
}

enum err lock_take(const char *path, struct lock **out, struct error *e) {
    *out = NULL;
    struct lock *lock = malloc(sizeof *lock);
    if (!lock) return err_set(e, ERR_NOMEM, "lock %s: out of memory", path);
    lock->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    enum err rc = ERR_OK;
    if (lock->fd < 0)
        rc = err_errno(e, ERR_STORAGE, "lock", path);
    else if (flock(lock->fd, LOCK_EX | LOCK_NB) != 0)
        rc = errno == EWOULDBLOCK ? busy(lock->fd, path, e)
                                  : err_errno(e, ERR_STORAGE, "lock", path);
    if (rc) {
        if (lock->fd >= 0) close(lock->fd);
        free(lock);
        return rc;
    }
    lock_note(lock, "", 0);
    *out = lock;
    return ERR_OK;
}

void lock_note(struct lock *lock, const char *text, size_t len) {
    char note[LOCK_NOTE_MAX];
    int n = snprintf(note, sizeof note, "pid %ld%s%.*s", (long)getpid(), len ? ", " : "",
                     (int)utf8_cut(text, len, LOCK_NOTE_MAX - 40), text);
    /* Shortened first: a reader may then see less, never two notes mixed. */
    if (ftruncate(lock->fd, 0) != 0) return;
    if (pwrite(lock->fd, note, (size_t)n, 0) != n) (void)!ftruncate(lock->fd, 0);
}

void lock_release(struct lock *lock) {
    if (!lock) return;
    (void)!ftruncate(lock->fd, 0);
    close(lock->fd);
    free(lock);
}

bool lock_held(const char *path, char *note) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (note) *note = '\0';
    if (fd < 0) return false;
    /* A shared try takes nothing from anybody but for the moment until the close. */
    bool held = flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    if (held && note) read_note(fd, note);
    close(fd);
    return held;
}

#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "user.h"

static enum err cannot_read(struct error *e, const char *tried, const char *path) {
    if (errno == ENOENT || errno == ENOTDIR) return err_errno(e, ERR_NOT_FOUND, tried, path);
    return err_errno(e, errno == EIO ? ERR_STORAGE : ERR_CONFIG, tried, path);
}

static enum err check(const char *path, const struct stat *st, enum file_trust trust,
                      struct error *e) {
    char name[USER_NAME_MAX];
    unsigned mode = st->st_mode & 07777;
    if (trust == FILE_ANY) return ERR_OK;
    if (st->st_uid != 0 && st->st_uid != geteuid())
        return err_set(e, ERR_CONFIG,
                       "%s belongs to the user %s, who is neither root nor who runs this: "
                       "run  chown  to give it to one of them, or run as its owner",
                       path, user_name(st->st_uid, name));
    if (mode & 022)
        return err_set(e, ERR_CONFIG,
                       "%s may be written by others (mode %04o): run  chmod go-w '%s'", path, mode,
                       path);
    if (trust == FILE_PRIVATE && mode & 044)
        return err_set(e, ERR_CONFIG, "%s may be read by others (mode %04o): run  chmod 600 '%s'",
                       path, mode, path);
    return ERR_OK;
}

enum err file_check(const char *path, enum file_trust trust, struct error *e) {
    struct stat st;
    if (stat(path, &st) != 0) return cannot_read(e, "look at", path);
    return check(path, &st, trust, e);
}

static enum err read_all(int fd, const char *path, size_t size, struct buf *out, struct error *e) {
    enum err rc = buf_reserve(out, size);
    if (rc) return err_set(e, rc, "read %s: no room for %zu bytes", path, size);
    while (size > 0) {
        ssize_t n = read(fd, out->data + out->len, size);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return cannot_read(e, "read", path);
        if (n == 0) break;
        out->len += (size_t)n;
        size -= (size_t)n;
    }
    if (out->cap) out->data[out->len] = '\0';
    return ERR_OK;
}

enum err file_read(const char *path, size_t max, enum file_trust trust, struct buf *out,
                   struct error *e) {
    struct stat st;
    /* NONBLOCK: to open a pipe nobody writes to would otherwise wait for ever. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) return cannot_read(e, "read", path);
    enum err rc = ERR_OK;
    if (fstat(fd, &st) != 0)
        rc = cannot_read(e, "look at", path);
    else if (!S_ISREG(st.st_mode))
        rc = err_set(e, ERR_CONFIG, "read %s: it is no regular file", path);
    else if ((rc = check(path, &st, trust, e)) == ERR_OK && (uint64_t)st.st_size > max)
        rc = err_set(e, ERR_LIMIT, "read %s: it has %lld bytes, and %zu are allowed", path,
                     (long long)st.st_size, max);
    if (!rc) rc = read_all(fd, path, (size_t)st.st_size, out, e);
    close(fd);
    return rc;
}

static enum err cannot_write(struct error *e, const char *path) {
    return err_errno(e, ERR_STORAGE, "write", path);
}

static enum err write_all(int fd, const char *bytes, size_t len, const char *path,
                          struct error *e) {
    while (len > 0) {
        ssize_t n = write(fd, bytes, len);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return cannot_write(e, path);
        bytes += n;
        len -= (size_t)n;
    }
    return fsync(fd) == 0 ? ERR_OK : cannot_write(e, path);
}

/* A rename is durable when its folder is. */
static enum err sync_folder_of(const char *path, struct error *e) {
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    int len = !slash ? 0 : slash == path ? 1 : (int)(slash - path);
    snprintf(folder, sizeof folder, "%.*s", len, path);
    int fd = open(len ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return cannot_write(e, path);
    /* Some file systems have no fsync for folders and say so with EINVAL. */
    enum err rc = fsync(fd) == 0 || errno == EINVAL ? ERR_OK : cannot_write(e, path);
    close(fd);
    return rc;
}

/* The name of a temporary file beside the path: hidden, and told apart by the process. */
static enum err beside(const char *path, char temp[PATH_MAX], struct error *e) {
    static unsigned count;
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    int n = snprintf(temp, PATH_MAX, "%.*s.%s.%ld-%u", (int)(name - path), path, name,
                     (long)getpid(), count++);
    if (n < PATH_MAX) return ERR_OK;
    errno = ENAMETOOLONG;
    return cannot_write(e, path);
}

/* Writes the bytes to a new file and syncs it. The mode is set when the file is still empty. */
static enum err write_new(const char *temp, const void *bytes, size_t len, mode_t mode,
                          uid_t owner, const char *path, struct error *e) {
    unlink(temp); /* left by a process that had our id and was killed */
    int fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) return cannot_write(e, path);
    enum err rc = ERR_OK;
    /* Root that edits a service's file leaves it the service's. */
    if (owner != geteuid() && fchown(fd, owner, (gid_t)-1) != 0 && geteuid() == 0)
        rc = cannot_write(e, path);
    if (!rc && fchmod(fd, mode) != 0) rc = cannot_write(e, path);
    if (!rc) rc = write_all(fd, bytes, len, path, e);
    if (close(fd) != 0 && !rc) rc = cannot_write(e, path);
    return rc;
}

enum err file_write(const char *path, const void *bytes, size_t len, mode_t mode,
                    struct error *e) {
    char real[PATH_MAX], temp[PATH_MAX];
    struct stat st;
    uid_t owner = geteuid();
    if (realpath(path, real)) path = real;
    if (stat(path, &st) == 0) {
        if (!mode) mode = st.st_mode & 07777;
        owner = st.st_uid;
    }
    enum err rc = beside(path, temp, e);
    if (rc) return rc;
    rc = write_new(temp, bytes, len, mode ? mode : 0600, owner, path, e);
    if (!rc && rename(temp, path) != 0) rc = cannot_write(e, path);
    if (rc) {
        unlink(temp);
        return rc;
    }
    return sync_folder_of(path, e);
}

enum err file_create(const char *path, const void *bytes, size_t len, mode_t mode,
                     struct error *e) {
    char temp[PATH_MAX];
    enum err rc = beside(path, temp, e);
    if (rc) return rc;
    rc = write_new(temp, bytes, len, mode, geteuid(), path, e);
    /* link, unlike rename, refuses to replace. */
    if (!rc && link(temp, path) != 0)
        rc = err_errno(e, errno == EEXIST ? ERR_BUSY : ERR_STORAGE, "create", path);
    unlink(temp);
    return rc ? rc : sync_folder_of(path, e);
}

enum err file_rename(const char *from, const char *to, struct error *e) {
    if (rename(from, to) == 0) return sync_folder_of(to, e);
    return err_errno(e, errno == ENOENT ? ERR_NOT_FOUND : ERR_STORAGE, "rename", from);
}

enum err file_remove(const char *path, struct error *e) {
    if (unlink(path) == 0) return sync_folder_of(path, e);
    return err_errno(e, errno == ENOENT ? ERR_NOT_FOUND : ERR_STORAGE, "remove", path);
}

static char kind_of(mode_t mode) {
    if (S_ISREG(mode)) return 'f';
    if (S_ISDIR(mode)) return 'd';
    return S_ISLNK(mode) ? 'l' : 'o';
}

enum err file_stat(const char *path, bool follow, struct file_facts *facts, struct error *e) {
    struct stat st;
    if ((follow ? stat(path, &st) : lstat(path, &st)) != 0) return cannot_read(e, "look at", path);
    *facts = (struct file_facts){
        .kind = kind_of(st.st_mode),
        .mode = st.st_mode & 07777,
        .owner = st.st_uid,
        .size = (uint64_t)st.st_size,
        .changed = (double)st.st_mtim.tv_sec + (double)st.st_mtim.tv_nsec / 1e9,
    };
    return ERR_OK;
}

enum err file_scratch(FILE **out, struct error *e) {
#ifdef MFD_CLOEXEC
    int fd = memfd_create("scratch", MFD_CLOEXEC);
    *out = fd >= 0 ? fdopen(fd, "w+") : NULL;
    if (fd >= 0 && !*out) close(fd);
#else
    *out = tmpfile();
#endif
    return *out ? ERR_OK : err_errno(e, ERR_STORAGE, "make", "a file without a name");
}

bool file_name(int fd, const char *path) {
    char own[64];
    snprintf(own, sizeof own, "/proc/self/fd/%d", fd);
    unlink(path);
    return linkat(AT_FDCWD, own, AT_FDCWD, path, AT_SYMLINK_FOLLOW) == 0;
}

enum err file_real(const char *path, struct buf *out, struct error *e) {
    char real[PATH_MAX];
    if (!realpath(path, real)) return cannot_read(e, "look at", path);
    buf_clear(out);
    enum err rc = buf_add_text(out, real);
    return rc ? err_set(e, rc, "look at %s: no room for its path", path) : ERR_OK;
}

#include "folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "../base/limits.h"

static enum err make_one(const char *path, mode_t mode, struct error *e) {
    struct stat st;
    if (mkdir(path, mode) == 0)
        return chmod(path, mode) == 0 ? ERR_OK : err_errno(e, ERR_STORAGE, "make folder", path);
    int why = errno;
    bool found = stat(path, &st) == 0;
    if (found && S_ISDIR(st.st_mode)) return ERR_OK;
    if (found || why != EEXIST) errno = why;
    return err_errno(e, ERR_STORAGE, "make folder", path);
}

enum err folder_make(const char *path, mode_t mode, struct error *e) {
    char part[PATH_MAX];
    size_t len = strlen(path);
    if (len == 0 || len >= sizeof part) {
        errno = len ? ENAMETOOLONG : ENOENT;
        return err_errno(e, ERR_STORAGE, "make folder", path);
    }
    memcpy(part, path, len + 1);
    for (char *slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        enum err rc = make_one(part, mode, e);
        if (rc) return rc;
        *slash = '/';
    }
    return make_one(part, mode, e);
}

static bool is_dots(const char *name) {
    return name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2]));
}

static int by_bytes(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Sorts names that stand one after the other, each with its NUL. */
static enum err sort_names(struct buf *names, size_t count) {
    char **list = calloc(count + 1, sizeof *list);
    struct buf sorted;
    buf_init(&sorted, names->max);
    enum err rc = list ? buf_reserve(&sorted, names->len) : ERR_NOMEM;
    char *at = names->data;
    for (size_t i = 0; !rc && i < count; i++, at += strlen(at) + 1) list[i] = at;
    if (!rc) qsort(list, count, sizeof *list, by_bytes);
    for (size_t i = 0; !rc && i < count; i++) rc = buf_add(&sorted, list[i], strlen(list[i]) + 1);
    free(list);
    if (!rc) {
        buf_free(names);
        *names = sorted;
    } else
        buf_free(&sorted);
    return rc;
}

static enum err cannot_list(struct error *e, const char *path) {
    enum err rc = errno == ENOENT || errno == ENOTDIR ? ERR_NOT_FOUND
                  : errno == EIO                      ? ERR_STORAGE
                                                      : ERR_CONFIG;
    return err_errno(e, rc, "list folder", path);
}

static enum err no_room(struct error *e, enum err rc, const char *path) {
    return err_set(e, rc, "list folder %s: no room for its names", path);
}

static enum err gather(DIR *dir, const char *path, struct buf *names, size_t *count,
                       struct error *e) {
    const struct dirent *entry;
    enum err rc = ERR_OK;
    while (!rc && (errno = 0, entry = readdir(dir))) {
        if (is_dots(entry->d_name)) continue;
        rc = buf_add(names, entry->d_name, strlen(entry->d_name) + 1);
        ++*count;
    }
    if (rc) return no_room(e, rc, path);
    return errno ? cannot_list(e, path) : ERR_OK;
}

enum err folder_list(const char *path, struct buf *names, struct error *e) {
    size_t count = 0;
    buf_clear(names);
    DIR *dir = opendir(path);
    if (!dir) return cannot_list(e, path);
    enum err rc = gather(dir, path, names, &count, e);
    closedir(dir);
    if (!rc && (rc = sort_names(names, count)) != ERR_OK) no_room(e, rc, path);
    if (rc) buf_clear(names);
    return rc;
}

static enum err cannot_remove(struct error *e, const char *name) {
    return err_errno(e, ERR_STORAGE, "remove", name);
}

static enum err remove_at(int at, const char *name, dev_t device, int depth, struct error *e);

/* Takes over the descriptor. */
static enum err remove_content(int fd, const char *name, dev_t device, int depth,
                               struct error *e) {
    const struct dirent *entry;
    enum err rc = ERR_OK;
    DIR *dir = fdopendir(fd);
    if (!dir) {
        close(fd);
        return cannot_remove(e, name);
    }
    while (!rc && (errno = 0, entry = readdir(dir)))
        if (!is_dots(entry->d_name)) rc = remove_at(fd, entry->d_name, device, depth + 1, e);
    if (!rc && errno) rc = cannot_remove(e, name);
    closedir(dir);
    return rc;
}

/* `device` 0: that of the first folder is still to be learnt. */
static enum err remove_at(int at, const char *name, dev_t device, int depth, struct error *e) {
    struct stat st;
    if (fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? ERR_OK : cannot_remove(e, name);
    if (!S_ISDIR(st.st_mode))
        return unlinkat(at, name, 0) == 0 || errno == ENOENT ? ERR_OK : cannot_remove(e, name);
    if (device && device != st.st_dev)
        return err_set(e, ERR_STORAGE, "remove %s: another file system is mounted there", name);
    if (depth > LIMIT_TREE_DEPTH)
        return err_set(e, ERR_STORAGE, "remove %s: more than %d folders deep", name,
                       LIMIT_TREE_DEPTH);
    int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) return cannot_remove(e, name);
    enum err rc = remove_content(fd, name, st.st_dev, depth, e);
    if (rc) return rc;
    return unlinkat(at, name, AT_REMOVEDIR) == 0 ? ERR_OK : cannot_remove(e, name);
}

enum err folder_remove(const char *path, struct error *e) {
    return remove_at(AT_FDCWD, path, 0, 0, e);
}

/* Kinds of FUSE that are a network's; the others (ntfs-3g, an encrypted folder) are not. */
static const char *fuse_kind(dev_t device) {
    static const char *const kinds[] = {"fuse.sshfs", "fuse.s3fs",      "fuse.gcsfuse",
                                        "fuse.rclone", "fuse.glusterfs", "fuse.ceph",
                                        "fuse.davfs",  "fuse.juicefs",   "fuse.goofys",
                                        "fuse.blobfuse", "fuse.moosefs", NULL};
    char line[4096], kind[64];
    unsigned major_no, minor_no;
    const char *found = NULL;
    FILE *mounts = fopen("/proc/self/mountinfo", "re");
    while (mounts && !found && fgets(line, sizeof line, mounts)) {
        const char *dash = strstr(line, " - ");
        if (sscanf(line, "%*s %*s %u:%u", &major_no, &minor_no) != 2 || !dash) continue;
        if (major_no != major(device) || minor_no != minor(device)) continue;
        if (sscanf(dash + 3, "%63s", kind) != 1) continue;
        for (int i = 0; kinds[i]; i++)
            if (strncmp(kind, kinds[i], strlen(kinds[i])) == 0) found = kinds[i];
    }
    if (mounts) fclose(mounts);
    return found;
}

const char *folder_network(const char *path) {
    static const struct {
        unsigned long magic;
        const char *name;
    } kinds[] = {
        {0x6969, "nfs"},         {0xFF534D42, "cifs"},   {0xFE534D42, "smb2"},
        {0x517B, "smb"},         {0x00C36400, "ceph"},   {0x5346414F, "afs"},
        {0x01021997, "9p"},      {0x0BD00BD0, "lustre"}, {0x47504653, "gpfs"},
        {0x01161970, "gfs2"},    {0x7461636F, "ocfs2"},  {0x73757245, "coda"},
        {0x564C, "ncp"},         {0xAAD7AAEA, "panfs"},  {0x19830326, "beegfs"},
        {0x65735546, "fuse"},
    };
    struct statfs fs;
    struct stat st;
    if (statfs(path, &fs) != 0) return NULL;
    unsigned long magic = (unsigned long)fs.f_type & 0xFFFFFFFFUL;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (kinds[i].magic != magic) continue;
        if (strcmp(kinds[i].name, "fuse") != 0) return kinds[i].name;
        return stat(path, &st) == 0 ? fuse_kind(st.st_dev) : NULL;
    }
    return NULL;
}

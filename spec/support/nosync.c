/* nosync: loaded into what specs run (LD_PRELOAD), so that nothing there waits for the disk.
 *
 * Specs kill processes, never the machine: what the kernel has is then as good as what the disk
 * has, and on many a disk that wait is half of a run. Which moments are made durable is tried by
 * crash_spec, whose killer.c stands in this one's place. */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <unistd.h>

typedef int opener(const char *path, int flags, ...);

int fsync(int fd) {
    (void)fd;
    return 0;
}

int fdatasync(int fd) {
    (void)fd;
    return 0;
}

/* The store writes its last page through a descriptor that waits at each write. */
#define WITHOUT_WAITING(name)                                             \
    int name(const char *path, int flags, ...) {                          \
        va_list more;                                                     \
        va_start(more, flags);                                            \
        int creates = (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE; \
        mode_t mode = creates ? va_arg(more, mode_t) : 0;                 \
        va_end(more);                                                     \
        opener *real = (opener *)dlsym(RTLD_NEXT, #name);                 \
        return real(path, flags & ~(O_SYNC | O_DSYNC), mode);             \
    }

WITHOUT_WAITING(open)
WITHOUT_WAITING(open64)

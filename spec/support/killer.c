/* killer: loaded into the program (LD_PRELOAD), kills it where it makes something durable.
 *
 * KILL_AT=N: at the N-th fsync or fdatasync, before that happens: what the N-th commit would have
 * written is lost, all before it stays. Thus every moment between two commits can be tried. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static void count(void) {
    static long n;
    const char *at = getenv("KILL_AT");
    if (at && ++n == strtol(at, NULL, 10)) kill(getpid(), SIGKILL);
}

int fdatasync(int fd) {
    count();
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
    return real(fd);
}

int fsync(int fd) {
    count();
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
    return real(fd);
}

#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "user.h"

extern char **environ;

static volatile sig_atomic_t seen;

static void remember(int signal) {
    seen = signal;
}

void process_catch_signals(void) {
    /* No SA_RESTART: what waits is to look at the signal. RESETHAND: who asks twice means it. */
    struct sigaction end = {.sa_handler = remember, .sa_flags = (int)SA_RESETHAND};
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    struct sigaction now;
    int signals[] = {SIGINT, SIGTERM};
    for (int i = 0; i < 2; i++)
        /* Started with nohup or in the background of a script: stays ignored. */
        if (sigaction(signals[i], NULL, &now) == 0 && now.sa_handler != SIG_IGN)
            sigaction(signals[i], &end, NULL);
    sigaction(SIGPIPE, &ignore, NULL);
}

int process_signal(void) {
    return seen;
}

static int arrange(posix_spawn_file_actions_t *files, int to, int from) {
    if (from == -1) return 0;
    if (from == -2) return posix_spawn_file_actions_addopen(files, to, "/dev/null", O_WRONLY, 0);
    return posix_spawn_file_actions_adddup2(files, from, to);
}

static int fresh_signals(posix_spawnattr_t *attributes) {
    sigset_t none, defaults;
    sigemptyset(&none);
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    int rc = posix_spawnattr_setsigmask(attributes, &none);
    if (!rc) rc = posix_spawnattr_setsigdefault(attributes, &defaults);
    if (!rc)
        rc = posix_spawnattr_setflags(attributes,
                                      POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    return rc;
}

enum err process_start(char *const argv[], int out, int err, pid_t *pid, struct error *e) {
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    int rc = posix_spawn_file_actions_init(&files);
    if (rc) goto failed;
    rc = posix_spawnattr_init(&attributes);
    if (rc) goto no_attributes;
    rc = fresh_signals(&attributes);
    if (!rc) rc = posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    if (!rc) rc = arrange(&files, 1, out);
    if (!rc) rc = arrange(&files, 2, err);
    if (!rc) rc = posix_spawnp(pid, argv[0], &files, &attributes, argv, environ);
    posix_spawnattr_destroy(&attributes);
no_attributes:
    posix_spawn_file_actions_destroy(&files);
failed:
    if (!rc) return ERR_OK;
    errno = rc;
    return err_errno(e, ERR_FAILED, "start", argv[0]);
}

enum err process_wait(bool wait, pid_t *pid, int *status, struct error *e) {
    int how;
    pid_t got = waitpid(-1, &how, wait ? 0 : WNOHANG);
    if (got == 0 || (got < 0 && errno == EINTR))
        return err_set(e, ERR_AGAIN, "wait for a child: none has ended yet");
    if (got < 0) return err_errno(e, ERR_NOT_FOUND, "wait for", "a child");
    *pid = got;
    *status = WIFEXITED(how) ? WEXITSTATUS(how) : 128 + WTERMSIG(how);
    return ERR_OK;
}

enum err process_kill(pid_t pid, int signal, struct error *e) {
    if (kill(pid, signal) == 0) return ERR_OK;
    return err_set(e, errno == ESRCH ? ERR_NOT_FOUND : ERR_FAILED,
                   "send signal %d to process %ld: %s", signal, (long)pid, strerror(errno));
}

enum err process_user(struct buf *out) {
    char name[USER_NAME_MAX];
    buf_clear(out);
    return buf_add_text(out, user_name(geteuid(), name));
}

enum err process_host(struct buf *out) {
    char name[HOST_NAME_MAX + 1] = "";
    buf_clear(out);
    if (gethostname(name, sizeof name) != 0) name[0] = '\0';
    name[sizeof name - 1] = '\0';
    return buf_add_text(out, name[0] ? name : "localhost");
}

enum err process_path(struct buf *out, struct error *e) {
    buf_clear(out);
    enum err rc = buf_reserve(out, PATH_MAX);
    if (rc) return err_set(e, rc, "find the program's path: out of memory");
    ssize_t n = readlink("/proc/self/exe", out->data, PATH_MAX);
    if (n < 0) return err_errno(e, ERR_FAILED, "read", "/proc/self/exe");
    out->len = (size_t)n;
    out->data[n] = '\0';
    return ERR_OK;
}

static double clock_seconds(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

double process_now(void) {
    return clock_seconds(CLOCK_REALTIME);
}

double process_mono(void) {
    return clock_seconds(CLOCK_MONOTONIC);
}

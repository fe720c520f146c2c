#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/prctl.h>
#endif

#include "user.h"

#define OWN_PROGRAM "/proc/self/exe"

static volatile sig_atomic_t seen;
static volatile sig_atomic_t bell = -1; /* what a signal writes to */
static int heard = -1;                  /* what is read then */

/* In signal handlers: wakes who waits on process_wake(). A full pipe wakes as well. */
static void ring(void) {
    int was = errno;
    ssize_t n = bell >= 0 ? write((int)bell, "", 1) : 0;
    (void)n;
    errno = was;
}

static void remember(int signal) {
    seen = signal;
    ring();
}

static void child_ended(int signal) {
    (void)signal;
    ring();
}

void process_catch_signals(void) {
    /* No SA_RESTART: what waits is to look at the signal. RESETHAND: who asks twice means it. */
    struct sigaction end = {.sa_handler = remember, .sa_flags = (int)SA_RESETHAND};
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    struct sigaction now;
    int signals[] = {SIGINT, SIGTERM, SIGHUP};
    for (int i = 0; i < 3; i++)
        /* Started with nohup or in the background of a script: stays ignored. */
        if (sigaction(signals[i], NULL, &now) == 0 && now.sa_handler != SIG_IGN)
            sigaction(signals[i], &end, NULL);
    sigaction(SIGPIPE, &ignore, NULL);
}

int process_signal(void) {
    return seen;
}

enum err process_wake(int *fd, struct error *e) {
    int ends[2];
    /* SA_RESTART: whoever reads or writes a file is not to hear of a child that ended. */
    struct sigaction action = {.sa_handler = child_ended, .sa_flags = SA_RESTART | SA_NOCLDSTOP};
    sigset_t child;
    *fd = heard;
    if (heard >= 0) return ERR_OK;
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
        return err_errno(e, ERR_FAILED, "make", "a pipe for signals");
    *fd = heard = ends[0];
    bell = ends[1];
    sigaction(SIGCHLD, &action, NULL);
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_UNBLOCK, &child, NULL);
    return ERR_OK;
}

void process_sleep(double seconds, const int *fds, size_t n) {
    struct pollfd list[PROCESS_FDS];
    if (n > PROCESS_FDS) n = PROCESS_FDS;
    for (size_t i = 0; i < n; i++) list[i] = (struct pollfd){.fd = fds[i], .events = POLLIN};
    /* Rounded up: waking a little early would turn the rest of the wait into a busy loop. */
    double ms = ceil(seconds * 1000);
    poll(list, n, ms > 3600e3 ? 3600000 : ms > 0 ? (int)ms : 0);
}

/* What follows runs in the child, where it is only a copy of us: no malloc, no stdio. */

static void fresh_signals(bool tied) {
    int all[] = {SIGINT, SIGTERM, SIGHUP, SIGCHLD, SIGPIPE};
    struct sigaction fresh = {.sa_handler = SIG_DFL}, now;
    sigset_t none;
    for (int i = 0; i < 5; i++) {
        /* What we were started to ignore, a child ignores too; but who is tied must hear of it. */
        bool kept = all[i] == SIGINT || all[i] == SIGHUP || (all[i] == SIGTERM && !tied);
        if (kept && sigaction(all[i], NULL, &now) == 0 && now.sa_handler == SIG_IGN) continue;
        sigaction(all[i], &fresh, NULL);
    }
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static bool tie(pid_t parent) {
#ifdef PR_SET_PDEATHSIG
    if (prctl(PR_SET_PDEATHSIG, SIGTERM) != 0) return false;
#endif
    return getppid() == parent; /* it may be gone already, and then nobody sends anything */
}

static bool become(int to, int from) {
    if (from == -1) return true;
    int fd = from == -2 ? open("/dev/null", O_WRONLY) : from;
    return fd >= 0 && dup2(fd, to) >= 0;
}

/* Whatever libraries have opened without CLOEXEC stays with us. */
static void keep_descriptors(int limit) {
#ifdef CLOSE_RANGE_CLOEXEC
    if (close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) == 0) return;
#endif
    for (int fd = 3; fd < limit; fd++) fcntl(fd, F_SETFD, FD_CLOEXEC);
}

struct birth {
    char *const *argv;
    const struct process_options *o;
    pid_t parent;
    int limit;  /* of descriptors */
    int report; /* where errno goes when there is no child after all */
};

static void run_child(const struct birth *b) {
    int report = fcntl(b->report, F_DUPFD_CLOEXEC, 3);
    fresh_signals(b->o->tied);
    if (b->o->tied && !tie(b->parent)) _exit(1);
    int in = open("/dev/null", O_RDONLY);
    if (become(1, b->o->out) && become(2, b->o->err) && in >= 0 && dup2(in, 0) == 0 &&
        (!b->o->dir || chdir(b->o->dir) == 0)) {
        keep_descriptors(b->limit);
        execvp(b->o->own ? OWN_PROGRAM : b->argv[0], b->argv);
    }
    int why = errno;
    _exit(write(report, &why, sizeof why) < 0 ? 126 : 127);
}

/* In the parent again: errno of a child that never began, or 0. It is closed by a successful exec. */
static int failure_of(pid_t pid, int report) {
    int why = 0;
    ssize_t n;
    do n = read(report, &why, sizeof why);
    while (n < 0 && errno == EINTR);
    if (n != (ssize_t)sizeof why) return 0;
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) continue;
    return why;
}

enum err process_start(char *const argv[], const struct process_options *o, pid_t *pid,
                       struct error *e) {
    int ends[2];
    long limit = sysconf(_SC_OPEN_MAX);
    sigset_t all, before;
    if (pipe2(ends, O_CLOEXEC) != 0) return err_errno(e, ERR_FAILED, "start", argv[0]);
    struct birth b = {argv, o, getpid(), limit > 0 && limit < 65536 ? (int)limit : 65536, ends[1]};
    /* A signal that comes before the child has forgotten our handlers would be lost to it. */
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    *pid = fork();
    if (*pid == 0) run_child(&b);
    int why = *pid < 0 ? errno : 0;
    sigprocmask(SIG_SETMASK, &before, NULL);
    close(ends[1]);
    if (!why) why = failure_of(*pid, ends[0]);
    close(ends[0]);
    errno = why;
    return why ? err_errno(e, ERR_FAILED, "start", argv[0]) : ERR_OK;
}

static void fall_silent(void) {
    char rings[64];
    while (heard >= 0 && read(heard, rings, sizeof rings) == (ssize_t)sizeof rings) continue;
}

enum err process_wait(bool wait, pid_t *pid, int *status, struct error *e) {
    int how;
    fall_silent(); /* before we look: who ends after it rings again */
    pid_t got = waitpid(-1, &how, wait ? 0 : WNOHANG);
    if (got == 0 || (got < 0 && errno == EINTR))
        return err_set(e, ERR_AGAIN, "wait for a child: none has ended yet");
    if (got < 0) return err_errno(e, ERR_NOT_FOUND, "wait for", "a child");
    *pid = got;
    *status = WIFEXITED(how) ? WEXITSTATUS(how) : 128 + WTERMSIG(how);
    return ERR_OK;
}

size_t process_descriptors(size_t wanted) {
    struct rlimit now;
    if (getrlimit(RLIMIT_NOFILE, &now) != 0) return 0;
    rlim_t least = wanted < now.rlim_max ? wanted : now.rlim_max;
    if (now.rlim_cur < least) {
        struct rlimit more = {.rlim_cur = least, .rlim_max = now.rlim_max};
        if (setrlimit(RLIMIT_NOFILE, &more) == 0) now = more;
    }
    return now.rlim_cur < SIZE_MAX ? (size_t)now.rlim_cur : SIZE_MAX;
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
    ssize_t n = readlink(OWN_PROGRAM, out->data, PATH_MAX);
    if (n < 0) return err_errno(e, ERR_FAILED, "read", OWN_PROGRAM);
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

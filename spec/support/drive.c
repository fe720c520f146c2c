/* drive: runs a command for a spec, bounds its time and says how it ended.
 *
 *     drive SECONDS OUT ERR COMMAND [ARGUMENT…]
 *
 * OUT and ERR are files, "-" for drive's own, or, for ERR, "+" for the same as OUT. On stdout
 * come the lines "pid N" at once and, at the end, "cpu N" (milliseconds of it and of what it
 * waited for), "exit N", "signal N" or "timeout 0", and "left N" where the command left N processes
 * behind: they are found wherever they went, since drive adopts every orphan below it, and are
 * killed. The status is 0, or 125 where drive failed. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { GRACE_MS = 3000, STEP_MS = 10 };

static void die(const char *what) {
    fprintf(stderr, "drive: %s: %s\n", what, strerror(errno));
    exit(125);
}

static void redirect(const char *to, int fd) {
    if (strcmp(to, "-") == 0) return;
    int file = strcmp(to, "+") == 0 ? dup(STDOUT_FILENO)
                                    : open(to, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600);
    if (file < 0 || dup2(file, fd) < 0) die(to);
    close(file);
}

static void run(char **argv, pid_t parent) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(125);
    redirect(argv[2], STDOUT_FILENO);
    redirect(argv[3], STDERR_FILENO);
    signal(SIGINT, SIG_DFL);
    signal(SIGHUP, SIG_DFL);
    signal(SIGPIPE, SIG_DFL);
    execvp(argv[4], argv + 4);
    die(argv[4]);
}

static void step(void) {
    nanosleep(&(struct timespec){.tv_nsec = STEP_MS * 1000000L}, NULL);
}

/* How many children there are; kills each of them where asked to. */
static int children(int kill_them) {
    char path[64];
    snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    FILE *f = fopen(path, "r");
    if (!f) return 0;
    int pid, n = 0;
    for (; fscanf(f, "%d", &pid) == 1; n++)
        if (kill_them) kill(pid, SIGKILL);
    fclose(f);
    return n;
}

static void reap(void) {
    while (waitpid(-1, NULL, WNOHANG) > 0) continue;
}

/* What ends by itself soon is no leftover: an orphan may be on its way out. */
static int leftovers(int grace_ms) {
    reap();
    for (int ms = 0; children(0) && ms < grace_ms; ms += STEP_MS) {
        step();
        reap();
    }
    int left = children(0);
    while (children(1)) {
        step();
        reap();
    }
    return left;
}

static void expired(int signal_number) {
    (void)signal_number;
}

/* The command's own status; an orphan that is reaped on the way is none of it. */
static int await(pid_t pid, int *status, struct rusage *usage) {
    for (;;) {
        pid_t got = wait4(-1, status, 0, usage);
        if (got == pid) return 1;
        if (got < 0 && errno == EINTR) return 0;
        if (got < 0) die("waitpid");
    }
}

static long milliseconds(const struct timeval *t) {
    return t->tv_sec * 1000L + t->tv_usec / 1000L;
}

int main(int argc, char **argv) {
    if (argc < 5) {
        fprintf(stderr, "usage: drive SECONDS OUT ERR COMMAND [ARGUMENT...]\n");
        return 125;
    }
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    sigaction(SIGALRM, &(struct sigaction){.sa_handler = expired}, NULL);
    pid_t self = getpid(), pid = fork();
    if (pid < 0) die("fork");
    if (pid == 0) run(argv, self);
    printf("pid %d\n", (int)pid);
    fflush(stdout);
    alarm((unsigned)atoi(argv[1]));
    struct rusage usage = {0};
    int status = 0, ended = await(pid, &status, &usage);
    alarm(0);
    printf("cpu %ld\n", milliseconds(&usage.ru_utime) + milliseconds(&usage.ru_stime));
    if (!ended)
        puts("timeout 0");
    else if (WIFSIGNALED(status))
        printf("signal %d\n", WTERMSIG(status));
    else
        printf("exit %d\n", WEXITSTATUS(status));
    int left = leftovers(ended ? GRACE_MS : 0);
    if (ended && left) printf("left %d\n", left);
    return 0;
}

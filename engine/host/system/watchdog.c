#include "watchdog.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { TICKS = 20 }; /* per limit: it is kept to within a twentieth */

static timer_t timer;
static bool started;
static double limit_s = 10;
static char reason[160];

/* Shared with the signal handler, which runs on the same thread. */
static const char *volatile who;
static volatile sig_atomic_t depth, ticks;
static volatile unsigned stretch, seen; /* only ever compared */

static void say(const char *text) {
    size_t len = strlen(text);
    while (len > 0) {
        ssize_t n = write(STDERR_FILENO, text, len);
        if (n <= 0) return;
        text += n;
        len -= (size_t)n;
    }
}

static void on_tick(int number) {
    (void)number;
    if (!depth || stretch != seen) {
        seen = stretch;
        ticks = 0;
        return;
    }
    if (++ticks < TICKS) return;
    const char *label = who;
    say("reeve: ");
    say(label ? label : "a script");
    say(reason);
    _exit(err_exit(ERR_CONFIG));
}

static void prepare_reason(void) {
    snprintf(reason, sizeof reason,
             ": more than %g s of CPU time without a host call (limits.cpu_s); "
             "a runaway pattern match?\n",
             limit_s);
}

static int set_timer(void) {
    double tick = limit_s / TICKS;
    struct timespec every = {.tv_sec = (time_t)tick};
    every.tv_nsec = (long)((tick - (double)every.tv_sec) * 1e9);
    struct itimerspec spec = {.it_interval = every, .it_value = every};
    return timer_settime(timer, 0, &spec, NULL);
}

/* SIGVTALRM: a CPU-time alarm is what it stands for, and nothing else here uses it. */
static enum err start(struct error *e) {
    struct sigaction action = {.sa_handler = on_tick, .sa_flags = SA_RESTART};
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGVTALRM};
    sigset_t set;
    sigemptyset(&action.sa_mask);
    sigemptyset(&set);
    sigaddset(&set, SIGVTALRM);
    prepare_reason();
    if (sigaction(SIGVTALRM, &action, NULL) != 0 ||
        timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &timer) != 0)
        return err_errno(e, ERR_FAILED, "cannot start", "the CPU-time watchdog");
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    if (set_timer() != 0) return err_errno(e, ERR_FAILED, "cannot set", "the CPU-time watchdog");
    started = true;
    return ERR_OK;
}

void watchdog_limit(double cpu_s) {
    limit_s = cpu_s < 0.1 ? 0.1 : cpu_s;
    prepare_reason();
    if (started) set_timer();
}

const char *watchdog_label(const char *label) {
    const char *former = who;
    who = label;
    return former;
}

const char *watchdog_who(void) {
    return who;
}

enum err watchdog_enter(struct error *e) {
    enum err rc = started ? ERR_OK : start(e);
    if (rc) return rc;
    stretch++;
    depth++;
    return ERR_OK;
}

void watchdog_leave(void) {
    stretch++;
    depth--;
}

void watchdog_progress(void) {
    stretch++;
}

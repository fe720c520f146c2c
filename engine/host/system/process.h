/* process: this process, its children, and the signals that ask it to end. */
#ifndef REEVE_PROCESS_H
#define REEVE_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "../base/buf.h"
#include "../base/err.h"

/* From now on SIGINT, SIGTERM and SIGHUP are remembered instead of ending the process, and interrupt
 * what waits (EINTR); a second one of the same kind ends it. One that we were started to ignore
 * (nohup) stays ignored. SIGPIPE is ignored: writes fail instead. */
void process_catch_signals(void);

/* The signal of these that was seen last; 0 where none was. Stays. */
int process_signal(void);

/* How a child is started; all zero but for out and err is the plain one. */
struct process_options {
    int out, err;    /* descriptors that become its stdout and stderr; -1: it shares ours,
                        -2: /dev/null */
    const char *dir; /* its working directory; NULL: ours */
    bool own;        /* it is this very program, also where its file was replaced since we began;
                        argv[0] is only what it is called */
    bool tied;       /* it is told to end (SIGTERM) when we are gone, however that came; where the
                        system has no such promise (other than Linux), it is not */
};

/* Starts argv[0] (an absolute path, or found in PATH) with the arguments up to the NULL. Its stdin
 * is /dev/null, no other descriptor of ours is open in it, and signals are as in a fresh process.
 * ERR_FAILED, also where it cannot be executed. */
enum err process_start(char *const argv[], const struct process_options *o, pid_t *pid,
                       struct error *e);

/* A descriptor that can be read once a child ended or a signal asked us to end, until the next
 * process_wait(): for loops that wait on more than children. Made when first asked for, and never
 * closed. ERR_FAILED. */
enum err process_wake(int *fd, struct error *e);

/* Waits so long, or until one of the descriptors (PROCESS_FDS at most) can be read or a
 * signal came. */
enum { PROCESS_FDS = 8 };
void process_sleep(double seconds, const int *fds, size_t n);

/* Waits for any child. *status is its exit status, or 128 + the signal that ended it. ERR_AGAIN
 * where a signal came first, or, without `wait`, none has ended; ERR_NOT_FOUND where there is no
 * child at all. */
enum err process_wait(bool wait, pid_t *pid, int *status, struct error *e);

/* Lets this process have so many descriptors open, as far as the system allows it; how many it may
 * have then. */
size_t process_descriptors(size_t wanted);

enum err process_kill(pid_t pid, int signal, struct error *e);

/* Who runs this: the login name, else "uid N"; the machine's name. Replace out's content. */
enum err process_user(struct buf *out);
enum err process_host(struct buf *out);

/* The program's own path. ERR_FAILED. */
enum err process_path(struct buf *out, struct error *e);

/* Seconds since 1970, and seconds of a clock that only goes forward. */
double process_now(void);
double process_mono(void);

#endif

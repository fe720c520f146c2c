/* process: this process, its children, and the signals that ask it to end. */
#ifndef REEVE_PROCESS_H
#define REEVE_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "buf.h"
#include "err.h"

/* From now on SIGINT and SIGTERM are remembered instead of ending the process, and interrupt what
 * waits (EINTR); a second one of the same kind ends it. SIGPIPE is ignored: writes fail instead. */
void process_catch_signals(void);

/* The signal seen, SIGINT or SIGTERM; 0 where none was. Stays. */
int process_signal(void);

/* Starts argv[0] (an absolute path, or found in PATH) with the arguments up to the NULL. `out` and
 * `err` are descriptors that become its stdout and stderr, -1 where it shares ours, -2 for
 * /dev/null; stdin is /dev/null. Signals are as in a fresh process. ERR_FAILED. */
enum err process_start(char *const argv[], int out, int err, pid_t *pid, struct error *e);

/* Waits for any child. *status is its exit status, or 128 + the signal that ended it. ERR_AGAIN
 * where a signal came first, or, without `wait`, none has ended; ERR_NOT_FOUND where there is no
 * child at all. */
enum err process_wait(bool wait, pid_t *pid, int *status, struct error *e);

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

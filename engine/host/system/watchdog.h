/* watchdog: ends the process when scripted code uses too much CPU time at one stretch.
 *
 * It is for what nothing inside can stop: one C call of a library that does not come back (a
 * runaway pattern match). A timer on the thread's CPU clock ticks a few times per limit; a tick
 * that finds the same stretch still going counts, and at the limit the process writes one line,
 * prepared beforehand, to stderr and ends with status 3. Entering, leaving and progress are
 * plain stores: nothing here is a system call once the timer runs.
 *
 * One thread uses this, the one that entered first. */
#ifndef REEVE_WATCHDOG_H
#define REEVE_WATCHDOG_H

#include "../base/err.h"

/* The CPU time of one stretch in seconds (0.1 at least). Applies from the next tick on. */
void watchdog_limit(double cpu_s);

/* Who runs, for the message; returns the former. Not copied: the text outlives its use. */
const char *watchdog_label(const char *label);

/* Who runs, as it was last set; NULL where nobody was named. */
const char *watchdog_who(void);

/* A stretch begins or ends; they nest, and each starts the time anew. The first one starts the
 * timer: ERR_FAILED where the system refuses it. */
enum err watchdog_enter(struct error *e);
void watchdog_leave(void);

/* The time counts from zero again. */
void watchdog_progress(void);

#endif

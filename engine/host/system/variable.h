/* variable: the variables of this process, those with secrets above all.
 *
 * The environment goes on to every child, and stays in memory where it was put at the start, to be read
 * in /proc/PID/environ. What is a secret is therefore taken out of it. */
#ifndef REEVE_VARIABLE_H
#define REEVE_VARIABLE_H

#include <stddef.h>

#include "../base/err.h"
#include "../secret/secret.h"

/* The name of the i-th variable, counted from 0 in no order, and its length; NULL after the last: to be
 * asked for in turn. It stays valid while the environment is left alone. */
const char *variable_name(size_t i, size_t *len);

/* Takes the value of a variable as a root secret, which the caller drops; what stood in the
 * environment is overwritten, and the variable is gone. *out is NULL, and nothing was done, where it is
 * not set or empty. ERR_LIMIT, ERR_NOMEM; the variable is then as it was. */
enum err variable_take(const char *name, struct secret **out, struct error *e);

#endif

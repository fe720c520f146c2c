/* terminal: what a person sees and types. */
#ifndef REEVE_TERMINAL_H
#define REEVE_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>

#include "../base/err.h"
#include "../secret/secret.h"

bool terminal_is(int fd);

/* Columns: of the terminal on stdout or stderr, else $COLUMNS, else 80. */
int terminal_width(void);

/* Columns that a text of one line takes; a control character or a byte that is no UTF-8 counts as
 * one, a combining mark as none, a wide character as two. */
size_t terminal_columns(const char *text, size_t len);

/* The most bytes of the text that take no more than `columns`, never cutting a character. */
size_t terminal_fit(const char *text, size_t len, size_t columns);

/* Asks on the terminal (/dev/tty) and reads a line that is not shown. The line has no newline.
 * ERR_USAGE where there is no terminal, ERR_LIMIT over LIMIT_SECRET, ERR_FAILED at its end or where
 * a signal came; echo is back on in any case. */
enum err terminal_ask_secret(const char *prompt, struct secret **out, struct error *e);

#endif

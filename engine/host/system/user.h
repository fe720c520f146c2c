/* user: names for user ids. */
#ifndef REEVE_USER_H
#define REEVE_USER_H

#include <stddef.h>
#include <sys/types.h>

enum { USER_NAME_MAX = 256 };

/* The login name of a user id, "uid N" where it has none; NUL-terminated. Returns `name`. */
const char *user_name(uid_t uid, char name[USER_NAME_MAX]);

#endif

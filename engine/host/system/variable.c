#include "variable.h"

#include <stdlib.h>
#include <string.h>

extern char **environ;

const char *variable_name(size_t i, size_t *len) {
    if (!environ || !environ[i]) return NULL;
    *len = strcspn(environ[i], "=");
    return environ[i];
}

/* A name may stand there more than once: getenv() finds the first, a child is given them all. */
static void wipe_all(const char *name) {
    size_t len = strlen(name);
    for (char **at = environ; *at; at++)
        if (strncmp(*at, name, len) == 0 && (*at)[len] == '=')
            secret_wipe(*at + len + 1, strlen(*at + len + 1));
    unsetenv(name);
}

enum err variable_take(const char *name, struct secret **out, struct error *e) {
    const char *value = getenv(name);
    *out = NULL;
    if (!value || !*value) return ERR_OK;
    enum err rc = secret_new(value, strlen(value), out, e);
    if (!rc) wipe_all(name);
    return rc;
}

#include "http_reroute.h"

#include <ctype.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http_guard.h"

enum err http_reroute_parse(const char *text, struct http_url *to, struct error *e) {
    enum err rc = http_url_parse(text, strlen(text), to, e);
    if (rc) return rc;
    if (!to->tls && http_host_is_loopback(to->host)) return ERR_OK;
    http_url_free(to);
    return err_set(e, ERR_CONFIG, "requests are rerouted by http: to this machine only");
}

/* "https://api.example.com" of "https://api.example.com/users": what stands before the path. */
static char *origin_line(const char *text) {
    char *line = NULL;
    const char *host = strstr(text, "://") + 3;
    int len = (int)(host - text + (ptrdiff_t)strcspn(host, "/?"));
    if (asprintf(&line, "Reeve-Origin: %.*s", len, text) < 0) return NULL;
    for (char *c = line + strlen("Reeve-Origin: "); *c; c++) *c = (char)tolower((unsigned char)*c);
    return line;
}

static char *replace_origin(const struct http_url *to, const char *text) {
    char *whole = NULL;
    const char *host = strstr(text, "://") + 3, *rest = host + strcspn(host, "/?");
    return asprintf(&whole, "%s%s", to->origin, rest) < 0 ? NULL : whole;
}

enum err http_reroute_apply(const struct http_url *to, const struct http_url *u, char **text,
                            char **line) {
    *text = replace_origin(to, u->text);
    *line = origin_line(u->text);
    if (*text && *line) return ERR_OK;
    free(*text), free(*line);
    *text = *line = NULL;
    return ERR_NOMEM;
}

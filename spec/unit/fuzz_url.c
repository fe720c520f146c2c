/* URLs and redirects: what is accepted is a http: or https: URL whose parts hold together, and is
 * accepted again, unchanged, in the form it was given. The first line is the URL, the second, where
 * there is one, a redirect's target. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../engine/host/net/http_url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int holds) {
    if (!holds) abort();
}

static void check(const struct http_url *u) {
    struct http_url again;
    struct error e;
    must(strncmp(u->text, u->tls ? "https://" : "http://", u->tls ? 8 : 7) == 0);
    must(strncmp(u->origin, u->tls ? "https://" : "http://", u->tls ? 8 : 7) == 0);
    must(u->host[0] != '\0' && !strchr(u->text, '#') && !strchr(u->host, '@'));
    must(strstr(u->origin, u->host) != NULL);
    must(!http_url_parse(u->text, strlen(u->text), &again, &e));
    must(strcmp(again.text, u->text) == 0 && strcmp(again.origin, u->origin) == 0);
    http_url_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct http_url u, target;
    struct error e;
    char *text = malloc(size + 1);
    must(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    char *line = memchr(text, '\n', size);
    size_t len = line ? (size_t)(line - text) : size;
    text[len] = '\0';
    if (!http_url_parse(text, len, &u, &e)) {
        check(&u);
        if (line && !http_url_follow(&u, line + 1, &target, &e)) {
            check(&target);
            http_url_free(&target);
        }
    }
    http_url_free(&u);
    free(text);
    return 0;
}

#include "http_url.h"

#include <ctype.h>
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/limits.h"

enum { SHOWN_MAX = 300 };

/* A part of a parsed URL as memory of ours, "" where it is absent; NULL where memory is out. */
static char *part(CURLU *parsed, CURLUPart which, unsigned flags) {
    char *curls = NULL;
    CURLUcode rc = curl_url_get(parsed, which, &curls, flags);
    if (rc == CURLUE_OUT_OF_MEMORY) return NULL;
    char *ours = strdup(curls ? curls : "");
    curl_free(curls);
    return ours;
}

static void lower(char *text) {
    for (; *text; text++) *text = (char)tolower((unsigned char)*text);
}

/* "[::1]" to "::1"; "Example.COM." to "example.com". */
static void tidy_host(char *host) {
    lower(host);
    size_t len = strlen(host);
    if (len > 1 && host[0] == '[' && host[len - 1] == ']') {
        memmove(host, host + 1, len - 2);
        host[len - 2] = '\0';
    } else if (len > 1 && host[len - 1] == '.') {
        host[len - 1] = '\0';
    }
}

static bool printable(const char *text, size_t len) {
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] <= ' ' || text[i] == 0x7f) return false;
    return true;
}

/* curl has undone the host's escapes: %7f is a byte by now. */
static bool printable_ascii(const char *host) {
    for (const char *c = host; *c; c++)
        if ((unsigned char)*c >= 0x80) return false;
    return printable(host, strlen(host));
}

static char *show(const char *scheme, const char *host, const char *port, const char *path) {
    char text[SHOWN_MAX];
    const char *colon = *port ? ":" : "";
    int n = snprintf(text, sizeof text, "%s://%s%s%s%s", scheme, host, colon, port, path);
    if (n >= (int)sizeof text) memcpy(text + sizeof text - 4, "...", 4);
    return strdup(text);
}

static char *origin(const char *scheme, const char *host, const char *port) {
    char *text = NULL;
    return asprintf(&text, "%s://%s:%s", scheme, host, port) < 0 ? NULL : text;
}

/* Fills *u from what curl has parsed. */
static enum err take_apart(CURLU *parsed, struct http_url *u, struct error *e) {
    enum err rc = ERR_NOMEM;
    curl_url_set(parsed, CURLUPART_FRAGMENT, NULL, 0);
    char *scheme = part(parsed, CURLUPART_SCHEME, 0), *host = part(parsed, CURLUPART_HOST, 0);
    char *port = part(parsed, CURLUPART_PORT, CURLU_NO_DEFAULT_PORT);
    char *full_port = part(parsed, CURLUPART_PORT, CURLU_DEFAULT_PORT);
    char *path = part(parsed, CURLUPART_PATH, 0);
    u->text = part(parsed, CURLUPART_URL, 0);
    if (!scheme || !host || !port || !full_port || !path || !u->text) goto out;
    lower(scheme), lower(host);
    u->tls = strcmp(scheme, "https") == 0;
    u->shown = show(scheme, host, port, path);
    u->origin = origin(scheme, host, full_port);
    if (!u->shown || !u->origin) goto out;
    tidy_host(host);
    u->host = host;
    host = NULL;
    rc = printable_ascii(u->host) ? ERR_OK : ERR_CONFIG;
out:
    free(scheme), free(host), free(port), free(full_port), free(path);
    if (rc == ERR_NOMEM) return err_set(e, rc, "out of memory for a URL");
    if (rc) err_set(e, rc, "a URL's host must be printable ASCII: write it in its xn-- form");
    return rc;
}

static const char *complaint(CURLUcode rc) {
    switch (rc) {
    case CURLUE_USER_NOT_ALLOWED: return "a user or password stands in it";
    case CURLUE_UNSUPPORTED_SCHEME: return "only https: (and http: to this machine) can be asked";
    case CURLUE_BAD_SCHEME: return "it has no scheme (https://...)";
    case CURLUE_NO_HOST:
    case CURLUE_BAD_HOSTNAME: return "its host is missing or malformed";
    case CURLUE_BAD_PORT_NUMBER: return "its port is not one";
    default: return curl_url_strerror(rc);
    }
}

/* curl looks for the numbers that stand for an address before it undoes a host's escapes: "0x%66" is
 * 0.0.0.15 only to who reads what was made of it. One host has one name, or it is none. */
static enum err settle(CURLU *parsed, const struct http_url *u, struct error *e) {
    char *host = part(parsed, CURLUPART_HOST, 0), *again = NULL;
    CURLUcode rc = curl_url_set(parsed, CURLUPART_URL, u->text, CURLU_DISALLOW_USER);
    if (!rc) again = part(parsed, CURLUPART_HOST, 0);
    if (!rc && host && again && strcmp(host, again) != 0) rc = CURLUE_BAD_HOSTNAME;
    bool no_memory = !host || rc == CURLUE_OUT_OF_MEMORY || (!rc && !again);
    free(host), free(again);
    if (no_memory) return err_set(e, ERR_NOMEM, "out of memory for a URL");
    return rc ? err_set(e, ERR_CONFIG, "not a usable URL: %s", complaint(rc)) : ERR_OK;
}

static enum err parse(CURLU *parsed, const char *text, unsigned flags, struct http_url *u,
                      struct error *e) {
    CURLUcode rc = curl_url_set(parsed, CURLUPART_URL, text, flags | CURLU_DISALLOW_USER);
    if (rc == CURLUE_OUT_OF_MEMORY) return err_set(e, ERR_NOMEM, "out of memory for a URL");
    if (rc) return err_set(e, ERR_CONFIG, "not a usable URL: %s", complaint(rc));
    char *scheme = part(parsed, CURLUPART_SCHEME, 0);
    if (!scheme) return err_set(e, ERR_NOMEM, "out of memory for a URL");
    bool known = strcasecmp(scheme, "https") == 0 || strcasecmp(scheme, "http") == 0;
    free(scheme);
    if (!known)
        return err_set(e, ERR_CONFIG, "not a usable URL: %s", complaint(CURLUE_UNSUPPORTED_SCHEME));
    enum err taken = take_apart(parsed, u, e);
    return taken || !strchr(text, '%') ? taken : settle(parsed, u, e);
}

enum err http_url_parse(const char *text, size_t len, struct http_url *u, struct error *e) {
    memset(u, 0, sizeof *u);
    if (len > LIMIT_URL)
        return err_set(e, ERR_CONFIG, "a URL of %zu bytes: at most %d", len, LIMIT_URL);
    if (!printable(text, len))
        return err_set(e, ERR_CONFIG, "not a usable URL: blanks or control bytes must be escaped");
    const char *slashes = strstr(text, "://"); /* curl takes the path for a host after three */
    if (slashes && slashes[3] == '/')
        return err_set(e, ERR_CONFIG, "not a usable URL: %s", complaint(CURLUE_NO_HOST));
    CURLU *parsed = curl_url();
    if (!parsed) return err_set(e, ERR_NOMEM, "out of memory for a URL");
    enum err rc = parse(parsed, text, 0, u, e);
    curl_url_cleanup(parsed);
    if (rc) http_url_free(u);
    return rc;
}

enum err http_url_follow(const struct http_url *base, const char *location, struct http_url *u,
                         struct error *e) {
    memset(u, 0, sizeof *u);
    if (strlen(location) > LIMIT_URL)
        return err_set(e, ERR_CONFIG, "a redirect's target of over %d bytes", LIMIT_URL);
    CURLU *parsed = curl_url();
    if (!parsed) return err_set(e, ERR_NOMEM, "out of memory for a URL");
    enum err rc = ERR_NOMEM;
    if (curl_url_set(parsed, CURLUPART_URL, base->text, 0) == CURLUE_OK)
        rc = parse(parsed, location, CURLU_URLENCODE, u, e);
    curl_url_cleanup(parsed);
    if (rc) http_url_free(u);
    return rc;
}

void http_url_free(struct http_url *u) {
    if (u->text) explicit_bzero(u->text, strlen(u->text));
    free(u->text), free(u->shown), free(u->origin), free(u->host);
    memset(u, 0, sizeof *u);
}

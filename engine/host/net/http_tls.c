#include "http_tls.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/limits.h"

/* Appends a file. ERR_CONFIG where it cannot be read, with errno; ERR_LIMIT, ERR_NOMEM. */
static enum err add_file(struct buf *b, const char *path) {
    FILE *f = fopen(path, "re");
    if (!f) return ERR_CONFIG;
    enum err rc = ERR_OK;
    size_t n = 1;
    while (!rc && n > 0) {
        rc = buf_reserve(b, 16 * KIB);
        if (rc) break;
        n = fread(b->data + b->len, 1, 16 * KIB, f);
        b->len += n;
    }
    if (!rc && ferror(f)) rc = ERR_CONFIG;
    fclose(f);
    return rc;
}

/* The system's bundle; NULL where none is found: the operator's file then stands alone. */
static const char *system_bundle(void) {
    const char *paths[] = {curl_version_info(CURLVERSION_NOW)->cainfo,
                           "/etc/ssl/certs/ca-certificates.crt",
                           "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        if (paths[i] && access(paths[i], R_OK) == 0) return paths[i];
    return NULL;
}

static enum err add_system(struct buf *b, struct error *e) {
    const char *bundle = system_bundle();
    enum err rc = bundle ? add_file(b, bundle) : ERR_OK;
    return rc == ERR_CONFIG ? err_errno(e, rc, "read the system's authorities", bundle) : rc;
}

/* Many machines name the system's own bundle: to add it to itself would only take memory. */
static bool is_system(const char *file) {
    struct stat a, b;
    const char *bundle = system_bundle();
    if (!bundle || stat(bundle, &a) != 0 || stat(file, &b) != 0) return false;
    return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* key: what named the file. */
static enum err add_authorities(struct http_tls *t, const char *key, const char *file,
                                struct error *e) {
    enum err rc = t->authorities.len == 0 ? add_system(&t->authorities, e) : ERR_OK;
    if (rc == ERR_CONFIG) return rc;
    if (!rc) rc = buf_add_byte(&t->authorities, '\n');
    size_t own = t->authorities.len;
    errno = 0;
    if (!rc) rc = add_file(&t->authorities, file);
    if (rc == ERR_CONFIG)
        return err_set(e, rc, "read the authorities (%s) '%s': %s", key, file, strerror(errno));
    if (rc == ERR_LIMIT)
        return err_set(e, ERR_CONFIG, "%s '%s': over %d MiB", key, file, LIMIT_AUTHORITIES / MIB);
    if (!rc && !strstr(t->authorities.data + own, "-----BEGIN CERTIFICATE-----"))
        return err_set(e, ERR_CONFIG, "%s '%s': no PEM certificate in it", key, file);
    return rc;
}

static enum err take_path(char **out, const char *key, const char *path, struct error *e) {
    if (!path) return ERR_OK;
    if (access(path, R_OK) != 0) return err_errno(e, ERR_CONFIG, key, path);
    *out = strdup(path);
    return *out ? ERR_OK : ERR_NOMEM;
}

enum err http_tls_init(struct http_tls *t, const char *ca_file, const char *cert, const char *key,
                       struct error *e) {
    memset(t, 0, sizeof *t);
    buf_init(&t->authorities, LIMIT_AUTHORITIES);
    enum err rc = ERR_OK;
    const char *named = getenv("SSL_CERT_FILE");
    if (ca_file) rc = add_authorities(t, "http.ca_file", ca_file, e);
    if (!rc && named && *named && !is_system(named))
        rc = add_authorities(t, "SSL_CERT_FILE", named, e);
    if (!rc) rc = take_path(&t->cert, "read http.client_cert", cert, e);
    if (!rc) rc = take_path(&t->key, "read http.client_key", key, e);
    if (!rc && t->key && !t->cert)
        rc = err_set(e, ERR_CONFIG, "http.client_key is of no use without http.client_cert");
    if (rc == ERR_NOMEM) err_set(e, rc, "out of memory for certificates");
    if (rc) http_tls_free(t);
    return rc;
}

void http_tls_free(struct http_tls *t) {
    buf_free(&t->authorities);
    free(t->cert), free(t->key);
    t->cert = t->key = NULL;
}

bool http_tls_apply(const struct http_tls *t, void *easy) {
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    if (t->authorities.len > 0) {
        struct curl_blob blob = {t->authorities.data, t->authorities.len, CURL_BLOB_NOCOPY};
        curl_easy_setopt(easy, CURLOPT_CAINFO_BLOB, &blob);
        curl_easy_setopt(easy, CURLOPT_PROXY_CAINFO_BLOB, &blob);
    }
    return (!t->cert || curl_easy_setopt(easy, CURLOPT_SSLCERT, t->cert) == CURLE_OK) &&
           (!t->key || curl_easy_setopt(easy, CURLOPT_SSLKEY, t->key) == CURLE_OK);
}

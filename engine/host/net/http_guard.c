#include "http_guard.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

void http_guard_init(struct http_guard *g) {
    memset(g, 0, sizeof *g);
}

static void free_names(char **names, size_t n) {
    for (size_t i = 0; i < n; i++) free(names[i]);
    free(names);
}

void http_guard_free(struct http_guard *g) {
    free_names(g->declared, g->n_declared);
    free_names(g->named, g->n_named);
    http_guard_init(g);
}

enum err http_guard_add(struct http_guard *g, const char *host, enum http_trust trust) {
    char ***names = trust == HTTP_NAMED ? &g->named : &g->declared;
    size_t *n = trust == HTTP_NAMED ? &g->n_named : &g->n_declared;
    char *copy = strdup(host), **more = realloc(*names, (*n + 1) * sizeof *more);
    if (more) *names = more;
    if (!copy || !more) {
        free(copy);
        return ERR_NOMEM;
    }
    more[(*n)++] = copy;
    return ERR_OK;
}

static bool is_literal(const char *host) {
    unsigned char bytes[16];
    return inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;
}

bool http_host_matches(const char *pattern, const char *host) {
    if (is_literal(host)) return strcasecmp(pattern, host) == 0;
    for (;;) {
        size_t p = strcspn(pattern, "."), h = strcspn(host, ".");
        bool any = p == 1 && *pattern == '*' && h > 0;
        if (!any && (p != h || strncasecmp(pattern, host, p) != 0)) return false;
        pattern += p, host += h;
        if (*pattern != *host) return false;
        if (!*pattern) return true;
        pattern++, host++;
    }
}

enum http_trust http_guard_trust(const struct http_guard *g, const char *host) {
    for (size_t i = 0; i < g->n_named; i++)
        if (strcasecmp(g->named[i], host) == 0) return HTTP_NAMED;
    for (size_t i = 0; i < g->n_declared; i++)
        if (http_host_matches(g->declared[i], host)) return HTTP_DECLARED;
    return HTTP_STRANGER;
}

/* The IPv4 address inside an IPv6 one (mapped, NAT64, 6to4), in host order; false where there is
 * none. */
static bool embedded_ipv4(const unsigned char b[16], uint32_t *v4) {
    static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    static const unsigned char nat64[12] = {0, 0x64, 0xff, 0x9b};
    const unsigned char *at = NULL;
    if (memcmp(b, mapped, 12) == 0 || memcmp(b, nat64, 12) == 0) at = b + 12;
    if (b[0] == 0x20 && b[1] == 0x02) at = b + 2;
    if (!at) return false;
    *v4 = (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
    return true;
}

static bool ipv4_private(uint32_t a) {
    static const struct {
        uint32_t net;
        unsigned bits;
    } nets[] = {
        {0x00000000, 8},  {0x0a000000, 8},  {0x64400000, 10}, {0x7f000000, 8},  {0xa9fe0000, 16},
        {0xac100000, 12}, {0xc0000000, 24}, {0xc0a80000, 16}, {0xc6120000, 15}, {0xe0000000, 3},
    };
    for (size_t i = 0; i < sizeof nets / sizeof *nets; i++)
        if ((a ^ nets[i].net) >> (32 - nets[i].bits) == 0) return true;
    return false;
}

static bool ipv6_private(const unsigned char b[16]) {
    static const unsigned char zero[12];
    uint32_t v4;
    if (embedded_ipv4(b, &v4)) return ipv4_private(v4);
    if (memcmp(b, zero, 12) == 0) return true;
    return (b[0] & 0xfe) == 0xfc || (b[0] == 0xfe && b[1] >= 0x80) || b[0] == 0xff;
}

bool http_address_is_private(const struct sockaddr *address) {
    if (address->sa_family == AF_INET)
        return ipv4_private(ntohl(((const struct sockaddr_in *)address)->sin_addr.s_addr));
    if (address->sa_family == AF_INET6)
        return ipv6_private(((const struct sockaddr_in6 *)address)->sin6_addr.s6_addr);
    return true;
}

static bool address_is_loopback(const struct sockaddr *address) {
    if (address->sa_family == AF_INET)
        return ntohl(((const struct sockaddr_in *)address)->sin_addr.s_addr) >> 24 == 127;
    if (address->sa_family != AF_INET6) return false;
    const struct in6_addr *a = &((const struct sockaddr_in6 *)address)->sin6_addr;
    return IN6_IS_ADDR_LOOPBACK(a) || (IN6_IS_ADDR_V4MAPPED(a) && a->s6_addr[12] == 127);
}

/* The address that a host is, not one that it resolves to; false where it is a name. */
static bool literal_address(const char *host, struct sockaddr_storage *out) {
    struct sockaddr_in *v4 = (struct sockaddr_in *)out;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
    memset(out, 0, sizeof *out);
    if (strcmp(host, "localhost") == 0) host = "127.0.0.1";
    out->ss_family = AF_INET;
    if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) return true;
    out->ss_family = AF_INET6;
    return inet_pton(AF_INET6, host, &v6->sin6_addr) == 1;
}

bool http_host_is_loopback(const char *host) {
    struct sockaddr_storage address;
    return literal_address(host, &address) && address_is_loopback((struct sockaddr *)&address);
}

enum err http_guard_url(const struct http_guard *g, const struct http_url *u, struct error *e) {
    if (http_guard_trust(g, u->host) == HTTP_STRANGER)
        return err_set(e, ERR_CONFIG, "the plugin declares no host '%s' (hosts in its plugin.lua), "
                       "and no setting names it", u->host);
    if (!u->tls && !http_host_is_loopback(u->host))
        return err_set(e, ERR_CONFIG, "http: is only for this machine itself; ask '%s' by https:",
                       u->host);
    return ERR_OK;
}

const char *http_guard_address(const struct http_guard *g, const struct http_url *u,
                               const struct sockaddr *address) {
    if (!u->tls && !address_is_loopback(address))
        return "http: is only for this machine itself";
    if (http_guard_trust(g, u->host) != HTTP_NAMED && http_address_is_private(address))
        return "a host that a plugin declares may not be a private address; "
               "one that a setting names may";
    return NULL;
}

const char *http_guard_literal(const struct http_guard *g, const struct http_url *u) {
    struct sockaddr_storage address;
    if (!literal_address(u->host, &address)) return NULL;
    return http_guard_address(g, u, (struct sockaddr *)&address);
}

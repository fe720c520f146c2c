#include "http_proxy.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *from_environment(const char *const *names) {
    for (; *names; names++) {
        const char *value = getenv(*names);
        if (value && *value) return value;
    }
    return NULL;
}

static bool same_bits(const unsigned char *a, const unsigned char *b, unsigned bits) {
    if (memcmp(a, b, bits / 8) != 0) return false;
    unsigned rest = bits % 8;
    return rest == 0 || ((a[bits / 8] ^ b[bits / 8]) >> (8 - rest)) == 0;
}

/* Is the host an address in this network ("10.0.0.0/8")? `entry` is cut at its slash. */
static bool in_network(char *entry, const char *host) {
    char *slash = strchr(entry, '/');
    if (!slash) return false;
    *slash = '\0';
    unsigned bits = (unsigned)strtoul(slash + 1, NULL, 10);
    for (int i = 0; i < 2; i++) {
        int family = i ? AF_INET6 : AF_INET;
        unsigned char net[16], address[16];
        if (bits <= (i ? 128u : 32u) && inet_pton(family, entry, net) == 1 &&
            inet_pton(family, host, address) == 1)
            return same_bits(net, address, bits);
    }
    return false;
}

static bool entry_exempts(char *entry, const char *host) {
    if (strcmp(entry, "*") == 0) return true;
    if (strchr(entry, '/')) return in_network(entry, host);
    if (*entry == '*') entry++;
    if (*entry == '.') entry++;
    size_t e = strlen(entry), h = strlen(host);
    if (e == 0 || e > h || strcasecmp(host + h - e, entry) != 0) return false;
    return e == h || host[h - e - 1] == '.';
}

bool http_proxy_exempt(const char *list, const char *host) {
    char entry[256];
    for (;;) {
        list += strspn(list, ", ");
        size_t len = strcspn(list, ", ");
        if (len == 0) return false;
        if (len < sizeof entry) {
            memcpy(entry, list, len);
            entry[len] = '\0';
            if (entry_exempts(entry, host)) return true;
        }
        list += len;
    }
}

const char *http_proxy_for(const char *configured, const struct http_url *u) {
    static const char *const https[] = {"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY",
                                        NULL};
    static const char *const http[] = {"http_proxy", "all_proxy", "ALL_PROXY", NULL};
    static const char *const exempt[] = {"no_proxy", "NO_PROXY", NULL};
    const char *proxy = configured ? configured : from_environment(u->tls ? https : http);
    if (!proxy || !*proxy) return NULL;
    const char *list = from_environment(exempt);
    return list && http_proxy_exempt(list, u->host) ? NULL : proxy;
}

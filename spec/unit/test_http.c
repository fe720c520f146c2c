#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../engine/host/base/limits.h"
#include "../../engine/host/net/http.h"
#include "../../engine/host/net/http_guard.h"
#include "../../engine/host/net/http_head.h"
#include "../../engine/host/net/http_proxy.h"
#include "../../engine/host/net/http_reroute.h"
#include "../../engine/host/net/http_url.h"

/* URLs. */

static struct http_url parsed(const char *text) {
    struct http_url u;
    struct error e;
    if (http_url_parse(text, strlen(text), &u, &e)) fail_msg("%s: %s", text, e.text);
    return u;
}

static void a_url_is_taken_apart(void **state) {
    (void)state;
    struct http_url u = parsed("https://API.Example.com/v1/users?token=hush#there");
    assert_true(u.tls);
    assert_string_equal(u.host, "api.example.com");
    assert_string_equal(u.origin, "https://api.example.com:443");
    assert_string_equal(u.shown, "https://api.example.com/v1/users");
    assert_null(strchr(u.text, '#'));
    assert_non_null(strstr(u.text, "?token=hush"));
    http_url_free(&u);
    http_url_free(&u);
}

static void hosts_have_one_form(void **state) {
    (void)state;
    static const char *const pairs[][2] = {
        {"https://[::1]:8443/", "::1"},
        {"https://example.com./", "example.com"},
        {"http://2130706433/", "127.0.0.1"},
        {"http://0x7f.1/", "127.0.0.1"},
        {"https://ex%61mple.com/", "example.com"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        struct http_url u = parsed(pairs[i][0]);
        assert_string_equal(u.host, pairs[i][1]);
        http_url_free(&u);
    }
}

static void other_urls_are_refused_unquoted(void **state) {
    (void)state;
    static const char *const wrong[] = {
        "ftp://example.com/secret",  "file:///etc/secret",          "secret",
        "https:///secret",           "https://user:secret@host/",   "https://a b/secret",
        "https://host/secret/secret\n",     "https://host:99999999/secret", "",
        "https://m\xc3\xbcnster.example/secret", "javascript:secret",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct http_url u;
        struct error e = {.code = ERR_OK};
        assert_int_equal(http_url_parse(wrong[i], strlen(wrong[i]), &u, &e), ERR_CONFIG);
        assert_null(u.text);
        assert_null(strstr(e.text, "secret"));
        assert_true(strlen(e.text) > 10);
    }
}

static void a_url_is_bounded(void **state) {
    (void)state;
    size_t len = LIMIT_URL + 1;
    char *text = malloc(len + 1);
    memset(text, 'a', len);
    memcpy(text, "https://e.com/", 14);
    text[len] = '\0';
    struct http_url u;
    assert_int_equal(http_url_parse(text, len, &u, NULL), ERR_CONFIG);
    text[len - 1] = '\0';
    assert_int_equal(http_url_parse(text, len - 1, &u, NULL), ERR_OK);
    assert_true(strlen(u.shown) < 400);
    http_url_free(&u);
    free(text);
}

static void redirects_resolve_against_their_base(void **state) {
    (void)state;
    static const char *const pairs[][2] = {
        {"/other?x=1", "https://example.com/other?x=1"},
        {"sub", "https://example.com/a/sub"},
        {"//b.example/c", "https://b.example/c"},
        {"https://b.example/c d", "https://b.example/c%20d"},
    };
    struct http_url base = parsed("https://example.com/a/b?c=d"), to;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        assert_int_equal(http_url_follow(&base, pairs[i][0], &to, NULL), ERR_OK);
        assert_string_equal(to.text, pairs[i][1]);
        http_url_free(&to);
    }
    assert_int_equal(http_url_follow(&base, "gopher://x/", &to, NULL), ERR_CONFIG);
    http_url_free(&base);
}

/* Hosts and addresses. */

static void a_star_is_exactly_one_label(void **state) {
    (void)state;
    assert_true(http_host_matches("api.example.com", "API.example.com"));
    assert_true(http_host_matches("*.example.com", "eu.example.com"));
    assert_false(http_host_matches("*.example.com", "example.com"));
    assert_false(http_host_matches("*.example.com", "a.b.example.com"));
    assert_false(http_host_matches("*.example.com", ".example.com"));
    assert_false(http_host_matches("*.example.com", "eu.example.com.evil.org"));
    assert_false(http_host_matches("api.example.com", "xapi.example.com"));
    assert_false(http_host_matches("e*.example.com", "eu.example.com"));
    assert_true(http_host_matches("*.eu.*.com", "a.eu.b.com"));
    assert_false(http_host_matches("*.0.0.1", "127.0.0.1"));
    assert_true(http_host_matches("127.0.0.1", "127.0.0.1"));
}

static bool private_address(const char *text) {
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
        return http_address_is_private((struct sockaddr *)&v4);
    assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
    return http_address_is_private((struct sockaddr *)&v6);
}

static void private_addresses_are_known(void **state) {
    (void)state;
    static const char *const inside[] = {
        "127.0.0.1", "127.9.9.9", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1",
        "169.254.169.254", "0.0.0.0", "100.64.0.1", "224.0.0.1", "255.255.255.255", "198.19.0.1",
        "::1", "::", "fc00::1", "fd12::1", "fe80::1", "ff02::1", "::ffff:10.0.0.1",
        "64:ff9b::7f00:1", "2002:a00:1::1",
    };
    static const char *const outside[] = {
        "8.8.8.8", "172.15.0.1", "172.32.0.1", "192.167.0.1", "100.128.0.1", "11.0.0.1",
        "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1",
    };
    for (size_t i = 0; i < sizeof inside / sizeof *inside; i++)
        if (!private_address(inside[i])) fail_msg("%s is private", inside[i]);
    for (size_t i = 0; i < sizeof outside / sizeof *outside; i++)
        if (private_address(outside[i])) fail_msg("%s is public", outside[i]);
}

struct rules {
    struct http_guard guard;
};

static int make_rules(void **state) {
    struct rules *r = calloc(1, sizeof *r);
    http_guard_add(&r->guard, "*.acme.test", HTTP_DECLARED);
    http_guard_add(&r->guard, "inside.corp", HTTP_NAMED);
    http_guard_add(&r->guard, "127.0.0.1", HTTP_NAMED);
    *state = r;
    return 0;
}

static int free_rules(void **state) {
    struct rules *r = *state;
    http_guard_free(&r->guard);
    free(r);
    return 0;
}

static enum err may_ask(struct rules *r, const char *url) {
    struct http_url u = parsed(url);
    struct error e = {.code = ERR_OK};
    enum err rc = http_guard_url(&r->guard, &u, &e);
    if (rc) assert_non_null(strstr(e.text, u.host));
    http_url_free(&u);
    return rc;
}

static void only_known_hosts_are_asked_and_http_only_here(void **state) {
    assert_int_equal(may_ask(*state, "https://api.acme.test/"), ERR_OK);
    assert_int_equal(may_ask(*state, "https://inside.corp/"), ERR_OK);
    assert_int_equal(may_ask(*state, "http://127.0.0.1:80/"), ERR_OK);
    assert_int_equal(may_ask(*state, "https://evil.test/"), ERR_CONFIG);
    assert_int_equal(may_ask(*state, "https://127.0.0.2/"), ERR_CONFIG);
    assert_int_equal(may_ask(*state, "http://api.acme.test/"), ERR_CONFIG);
    assert_int_equal(may_ask(*state, "http://inside.corp/"), ERR_CONFIG);
}

static const char *at_address(struct rules *r, const char *url, const char *address) {
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    assert_int_equal(inet_pton(AF_INET, address, &v4.sin_addr), 1);
    struct http_url u = parsed(url);
    const char *why = http_guard_address(&r->guard, &u, (struct sockaddr *)&v4);
    http_url_free(&u);
    return why;
}

static void a_declared_host_is_at_a_public_address(void **state) {
    assert_null(at_address(*state, "https://api.acme.test/", "8.8.8.8"));
    assert_non_null(at_address(*state, "https://api.acme.test/", "10.0.0.1"));
    assert_non_null(at_address(*state, "https://api.acme.test/", "127.0.0.1"));
    assert_null(at_address(*state, "https://inside.corp/", "10.0.0.1"));
    assert_non_null(at_address(*state, "http://localhost/", "10.0.0.1"));
    assert_null(at_address(*state, "http://127.0.0.1/", "127.0.0.1"));
}

/* Proxies. */

static void no_proxy_exempts_names_addresses_and_networks(void **state) {
    (void)state;
    assert_true(http_proxy_exempt("*", "a.example"));
    assert_true(http_proxy_exempt("x, .example", "a.example"));
    assert_true(http_proxy_exempt("example", "a.example"));
    assert_true(http_proxy_exempt("*.example", "a.example"));
    assert_true(http_proxy_exempt("EXAMPLE", "example"));
    assert_false(http_proxy_exempt("example", "badexample"));
    assert_false(http_proxy_exempt("", "a.example"));
    assert_false(http_proxy_exempt(",,", "a.example"));
    assert_true(http_proxy_exempt("10.0.0.0/8", "10.9.8.7"));
    assert_true(http_proxy_exempt("10.0.0.0/9", "10.127.8.7"));
    assert_false(http_proxy_exempt("10.0.0.0/9", "10.128.8.7"));
    assert_false(http_proxy_exempt("10.0.0.0/99", "10.9.8.7"));
    assert_true(http_proxy_exempt("fd00::/8", "fd12::1"));
    assert_true(http_proxy_exempt("127.0.0.1", "127.0.0.1"));
}

static void the_environment_names_the_proxy(void **state) {
    (void)state;
    static const char *const names[] = {"https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY",
                                        "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) unsetenv(names[i]);
    struct http_url tls = parsed("https://a.example/"), plain = parsed("http://127.0.0.1/");
    assert_null(http_proxy_for(NULL, &tls));
    setenv("HTTP_PROXY", "http://p:1", 1);
    assert_null(http_proxy_for(NULL, &plain));
    setenv("http_proxy", "http://p:2", 1);
    assert_string_equal(http_proxy_for(NULL, &plain), "http://p:2");
    assert_null(http_proxy_for(NULL, &tls));
    setenv("ALL_PROXY", "http://p:3", 1);
    assert_string_equal(http_proxy_for(NULL, &tls), "http://p:3");
    assert_string_equal(http_proxy_for("http://p:4", &tls), "http://p:4");
    assert_null(http_proxy_for("", &tls));
    setenv("NO_PROXY", "a.example", 1);
    assert_null(http_proxy_for("http://p:4", &tls));
    assert_non_null(http_proxy_for(NULL, &plain));
    http_url_free(&tls), http_url_free(&plain);
}

/* Heads. */

static void feed(struct http_head *h, const char *line) {
    assert_int_equal(http_head_line(h, line, strlen(line)), ERR_OK);
}

static void the_final_head_counts(void **state) {
    (void)state;
    struct http_head h;
    size_t len;
    http_head_init(&h);
    feed(&h, "HTTP/1.1 100 Continue\r\n");
    feed(&h, "X-Early: 1\r\n");
    feed(&h, "\r\n");
    assert_false(h.complete);
    feed(&h, "HTTP/2 200 \r\n");
    feed(&h, "X-One:   two  \r\n");
    feed(&h, "nonsense\r\n");
    feed(&h, " folded\r\n");
    feed(&h, "Content-Encoding: gzip\r\n");
    feed(&h, "\r\n");
    assert_true(h.complete);
    assert_true(h.encoded);
    feed(&h, "Grpc-Status:  0 \r\n");
    feed(&h, "\r\n");
    assert_string_equal(h.trailers.data, "grpc-status: 0\n");
    assert_int_equal(h.status, 200);
    assert_int_equal(h.version, 2);
    assert_string_equal(h.lines.data, "x-one: two\ncontent-encoding: gzip\n");
    assert_memory_equal(http_head_find(&h, "x-one", &len), "two", 3);
    assert_int_equal(len, 3);
    assert_null(http_head_find(&h, "x", &len));
    assert_null(http_head_find(&h, "x-early", &len));
    http_head_free(&h);
}

static void a_head_is_bounded(void **state) {
    (void)state;
    struct http_head h;
    char line[1024];
    enum err rc = ERR_OK;
    memset(line, 'a', sizeof line);
    line[1] = ':';
    http_head_init(&h);
    feed(&h, "HTTP/1.1 200 OK");
    int n = 0;
    for (; !rc && n < 1000; n++) rc = http_head_line(&h, line, sizeof line);
    assert_int_equal(rc, ERR_LIMIT);
    assert_in_range(n, LIMIT_HEADERS / 1100, LIMIT_HEADERS / 1000);
    http_head_free(&h);
}

static void only_a_location_moves(void **state) {
    (void)state;
    struct http_head h;
    http_head_init(&h);
    feed(&h, "HTTP/1.1 302 Found");
    assert_false(http_head_moves(&h));
    feed(&h, "Location: /x");
    assert_true(http_head_moves(&h));
    h.status = 304;
    assert_false(http_head_moves(&h));
    http_head_free(&h);
}

/* Requests that never reach the wire. */

static enum err start(struct http *h, const struct http_ask *ask, struct error *e) {
    struct http_request *r;
    enum err rc = http_start(h, ask, &r, e);
    http_drop(r);
    return rc;
}

static void headers_cannot_smuggle(void **state) {
    (void)state;
    const char *hosts[] = {"api.acme.test"};
    struct http_options o = {.declared = hosts, .n_declared = 1, .timeout_s = 1, .concurrency = 1};
    struct http *h;
    assert_int_equal(http_open(&o, &h, NULL), ERR_OK);
    struct http_header bad[] = {{"X-A", "one\r\nHost: evil", 15, true}, {"X-A", "\0b", 2, true},
                                {"X A", "b", 1, true}, {"", "b", 1, true}};
    struct http_ask ask = {.method = "GET", .url = "https://api.acme.test/", .url_len = 22,
                           .n_headers = 1};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct error e;
        ask.headers = &bad[i];
        assert_int_equal(start(h, &ask, &e), ERR_CONFIG);
        assert_null(strstr(e.text, "evil"));
    }
    http_close(h);
}

static void a_missing_certificate_names_its_key(void **state) {
    (void)state;
    struct http_options o = {.ca_file = "/nowhere/ca.pem", .timeout_s = 1, .concurrency = 1};
    struct http *h;
    struct error e;
    assert_int_equal(http_open(&o, &h, &e), ERR_CONFIG);
    assert_null(h);
    assert_non_null(strstr(e.text, "http.ca_file"));
    assert_non_null(strstr(e.text, "/nowhere/ca.pem"));
}

static void only_this_machine_can_be_rerouted_to(void **state) {
    (void)state;
    static const char *const wrong[] = {"https://127.0.0.1:1", "http://10.0.0.1:1", "http://a.test",
                                        "127.0.0.1", ""};
    struct http_url to;
    struct error e;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(http_reroute_parse(wrong[i], &to, &e), ERR_CONFIG);
        assert_null(to.text);
    }
    assert_int_equal(http_reroute_parse("http://[::1]:80", &to, &e), ERR_OK);
    http_url_free(&to);
}

static void a_rerouted_url_keeps_path_and_query_and_tells_its_origin(void **state) {
    (void)state;
    static const char *const cases[][3] = {
        {"https://API.Acme.test/users?a=/b", "http://127.0.0.1:81/users?a=/b",
         "Reeve-Origin: https://api.acme.test"},
        {"http://127.0.0.1:8080", "http://127.0.0.1:81/", "Reeve-Origin: http://127.0.0.1:8080"},
        {"https://acme.test?q", "http://127.0.0.1:81/?q", "Reeve-Origin: https://acme.test"},
    };
    struct http_url to, u;
    assert_int_equal(http_reroute_parse("http://127.0.0.1:81", &to, NULL), ERR_OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *text, *line;
        u = parsed(cases[i][0]);
        assert_int_equal(http_reroute_apply(&to, &u, &text, &line), ERR_OK);
        assert_string_equal(text, cases[i][1]);
        assert_string_equal(line, cases[i][2]);
        http_url_free(&u);
        free(text), free(line);
    }
    http_url_free(&to);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_url_is_taken_apart),
        cmocka_unit_test(hosts_have_one_form),
        cmocka_unit_test(other_urls_are_refused_unquoted),
        cmocka_unit_test(a_url_is_bounded),
        cmocka_unit_test(redirects_resolve_against_their_base),
        cmocka_unit_test(a_star_is_exactly_one_label),
        cmocka_unit_test(private_addresses_are_known),
        cmocka_unit_test_setup_teardown(only_known_hosts_are_asked_and_http_only_here, make_rules,
                                        free_rules),
        cmocka_unit_test_setup_teardown(a_declared_host_is_at_a_public_address, make_rules,
                                        free_rules),
        cmocka_unit_test(no_proxy_exempts_names_addresses_and_networks),
        cmocka_unit_test(the_environment_names_the_proxy),
        cmocka_unit_test(the_final_head_counts),
        cmocka_unit_test(a_head_is_bounded),
        cmocka_unit_test(only_a_location_moves),
        cmocka_unit_test(headers_cannot_smuggle),
        cmocka_unit_test(a_missing_certificate_names_its_key),
        cmocka_unit_test(only_this_machine_can_be_rerouted_to),
        cmocka_unit_test(a_rerouted_url_keeps_path_and_query_and_tells_its_origin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

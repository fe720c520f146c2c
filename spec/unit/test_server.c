/* The HTTP server: server and client take turns in one thread, over real loopback sockets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "../../engine/host/base/limits.h"
#include "../../engine/host/net/server.h"

static struct server *server;

static int open_server(void **state) {
    (void)state;
    struct error e = {.text = ""};
    int rc = server_open(&server, &(struct server_options){.port = 0}, &e);
    if (rc) print_message("%s\n", e.text);
    return rc;
}

static int close_server(void **state) {
    (void)state;
    server_close(server);
    server = NULL;
    return 0;
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ------------------------------------------------------------------ the client */

static int dial(void) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)server_port(server))};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    return fd;
}

static void say(int fd, const char *text) {
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static int client(const char *text) {
    int fd = dial();
    say(fd, text);
    return fd;
}

/* What came, as text, until `last` is in it or the server hung up; the server works meanwhile. */
static const char *hear(int fd, const char *last) {
    static char text[256 * KIB];
    size_t len = 0;
    double end = now() + 20;
    text[0] = '\0';
    while (!(last && strstr(text, last))) {
        assert_true(now() < end);
        assert_int_equal(server_run(server, NULL), ERR_OK);
        ssize_t n = recv(fd, text + len, sizeof text - 1 - len, MSG_DONTWAIT);
        if (n == 0 || (n < 0 && errno != EAGAIN)) break;
        if (n > 0) len += (size_t)n;
        text[len] = '\0';
        if (n < 0) server_poll(server, 0.01, NULL);
    }
    return text;
}

static struct exchange *take(void) {
    assert_int_equal(server_poll(server, 20, NULL), ERR_OK);
    struct exchange *x = server_next(server);
    assert_non_null(x);
    return x;
}

static enum err reply_text(struct exchange *x, const char *body) {
    struct server_reply r = {
        .status = 200, .body = body, .len = strlen(body), .truncate = SERVER_WHOLE};
    return exchange_reply(x, &r, NULL);
}

/* Lets the server work until the exchange is over. */
static void finish(struct exchange *x) {
    double end = now() + 20;
    while (!exchange_over(x)) {
        assert_true(now() < end);
        assert_int_equal(server_poll(server, 0.01, NULL), ERR_OK);
    }
    exchange_free(x);
}

/* ------------------------------------------------------------------ requests */

struct seen {
    char text[512];
};

static void note(void *arg, struct server_span name, struct server_span value) {
    struct seen *seen = arg;
    size_t len = strlen(seen->text);
    snprintf(seen->text + len, sizeof seen->text - len, "%.*s=%.*s(%zu);", (int)name.len,
             name.bytes, (int)value.len, value.bytes, value.len);
}

static void a_request_arrives_whole(void **state) {
    (void)state;
    int fd = client("POST /a%20b/c?x=1&y=%00z&x=+%2B&w HTTP/1.1\r\nHost: me\r\nX-A: 1\r\nX-A: 2\r\n"
                    "Content-Length: 6\r\n\r\nabc");
    assert_int_equal(server_poll(server, 0.05, NULL), ERR_OK);
    assert_null(server_next(server));
    say(fd, "def");
    struct exchange *x = take();
    struct server_span path = exchange_path(x), body = exchange_body(x);
    assert_string_equal(exchange_method(x), "POST");
    assert_int_equal(path.len, strlen("/a%20b/c"));
    assert_memory_equal(path.bytes, "/a%20b/c", path.len);
    assert_int_equal(body.len, 6);
    assert_memory_equal(body.bytes, "abcdef", 6);
    struct seen query = {""}, headers = {""};
    exchange_fields(x, SERVER_QUERY, note, &query);
    exchange_fields(x, SERVER_HEADERS, note, &headers);
    assert_non_null(strstr(query.text, "x=1(1);"));
    assert_non_null(strstr(query.text, "(2);x= +(2);w=(0);"));
    assert_string_equal(headers.text, "Host=me(2);X-A=1(1);X-A=2(1);Content-Length=6(1);");
    exchange_forget_body(x);
    assert_int_equal(exchange_body(x).len, 0);
    assert_int_equal(reply_text(x, "well"), ERR_OK);
    assert_non_null(strstr(hear(fd, "well"), "Content-Length: 4\r\n\r\nwell"));
    finish(x);
    close(fd);
}

static void requests_on_one_connection_come_one_by_one(void **state) {
    (void)state;
    int fd = client("GET /1 HTTP/1.1\r\nHost: me\r\n\r\nGET /2 HTTP/1.1\r\nHost: me\r\n\r\n");
    struct exchange *x = take();
    assert_null(server_next(server));
    assert_memory_equal(exchange_path(x).bytes, "/1", 2);
    reply_text(x, "first");
    hear(fd, "first");
    finish(x);
    x = take();
    assert_memory_equal(exchange_path(x).bytes, "/2", 2);
    reply_text(x, "second");
    hear(fd, "second");
    finish(x);
    close(fd);
}

static void a_body_too_long_is_refused_before_it_comes(void **state) {
    (void)state;
    char head[128];
    snprintf(head, sizeof head, "POST / HTTP/1.1\r\nHost: me\r\nContent-Length: %d\r\n\r\n",
             LIMIT_REQUEST + 1);
    int fd = client(head);
    assert_non_null(strstr(hear(fd, "too long"), "HTTP/1.1 413 "));
    assert_null(server_next(server));
    close(fd);
}

static void a_head_too_long_is_refused(void **state) {
    (void)state;
    static char head[LIMIT_REQUEST_HEAD + 100];
    memset(head, 'x', sizeof head - 1);
    memcpy(head, "GET /", 5);
    int fd = client(head);
    assert_non_null(strstr(hear(fd, "\r\n\r\n"), "HTTP/1.1 4"));
    assert_null(server_next(server));
    close(fd);
}

static void a_client_that_goes_away_is_over_once_answered(void **state) {
    (void)state;
    int fd = client("GET / HTTP/1.1\r\nHost: me\r\n\r\n");
    struct exchange *x = take();
    struct linger hard = {1, 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    close(fd);
    assert_int_equal(reply_text(x, "nobody"), ERR_OK);
    finish(x);
}

/* ------------------------------------------------------------------ replies */

static void a_reply_is_given_once(void **state) {
    (void)state;
    int fd = client("GET / HTTP/1.1\r\nHost: me\r\n\r\n");
    struct exchange *x = take();
    assert_null(server_over(server));
    assert_int_equal(reply_text(x, "once"), ERR_OK);
    assert_int_equal(reply_text(x, "twice"), ERR_FAILED);
    hear(fd, "once");
    close(fd);
    while (!exchange_over(x)) server_poll(server, 0.01, NULL);
    assert_ptr_equal(server_over(server), x);
    assert_null(server_over(server));
    exchange_free(x);
}

static void what_cannot_be_sent_is_refused_and_may_be_mended(void **state) {
    (void)state;
    int fd = client("GET / HTTP/1.1\r\nHost: me\r\n\r\n");
    struct exchange *x = take();
    struct server_field split = {"X-A", "1\r\nX-B: 2"};
    struct server_reply r = {.status = 200, .headers = &split, .header_count = 1, .body = "",
                             .truncate = SERVER_WHOLE};
    struct error e;
    assert_int_equal(exchange_reply(x, &r, &e), ERR_INVALID);
    assert_non_null(strstr(e.text, "X-A"));
    assert_int_equal(exchange_reply(x, &r, NULL), ERR_INVALID);
    r.header_count = 0;
    r.status = 99;
    assert_int_equal(exchange_reply(x, &r, NULL), ERR_INVALID);
    assert_int_equal(reply_text(x, "mended"), ERR_OK);
    assert_non_null(strstr(hear(fd, "mended"), "mended"));
    finish(x);
    close(fd);
}

static void a_reply_is_cut_short_of_what_it_announced(void **state) {
    (void)state;
    for (size_t n = 0; n < 3; n++) {
        int fd = client("GET / HTTP/1.1\r\nHost: me\r\n\r\n");
        struct exchange *x = take();
        struct server_reply r = {.status = 200, .body = "0123456789", .len = 10, .truncate = n};
        assert_int_equal(exchange_reply(x, &r, NULL), ERR_OK);
        const char *text = hear(fd, NULL), *end = strstr(text, "\r\n\r\n");
        assert_non_null(strstr(text, "Content-Length: 10\r\n"));
        assert_non_null(end);
        assert_int_equal(strlen(end + 4), n);
        finish(x);
        close(fd);
    }
}

static void a_reply_falls_silent_and_the_connection_stays(void **state) {
    (void)state;
    int fd = client("GET / HTTP/1.1\r\nHost: me\r\n\r\n");
    struct exchange *x = take();
    struct server_reply r = {
        .status = 200, .body = "0123456789", .len = 10, .truncate = 3, .stall = true};
    assert_int_equal(exchange_reply(x, &r, NULL), ERR_OK);
    hear(fd, "\r\n\r\n012");
    for (int i = 0; i < 20; i++) server_poll(server, 0.01, NULL);
    char byte;
    assert_int_equal(recv(fd, &byte, 1, MSG_DONTWAIT), -1);
    assert_int_equal(errno, EAGAIN);
    assert_false(exchange_over(x));
    close(fd);
    server_close(server);
    assert_true(exchange_over(x));
    exchange_free(x);
    assert_int_equal(open_server(NULL), 0);
}

static void a_cut_or_forgotten_request_gets_no_answer(void **state) {
    (void)state;
    int fd = client("GET / HTTP/1.1\r\nHost: me\r\n\r\n");
    struct exchange *x = take();
    assert_int_equal(exchange_reply(x, &(struct server_reply){.cut = true}, NULL), ERR_OK);
    assert_string_equal(hear(fd, NULL), "");
    finish(x);
    close(fd);
    fd = client("GET / HTTP/1.1\r\nHost: me\r\n\r\n");
    exchange_free(take());
    assert_string_equal(hear(fd, NULL), "");
    close(fd);
}

static void a_late_reply_keeps_nobody_waiting(void **state) {
    (void)state;
    double began = now();
    int late = client("GET /late HTTP/1.1\r\nHost: me\r\n\r\n");
    struct exchange *x = take();
    struct server_reply r = {
        .status = 200, .body = "late", .len = 4, .truncate = SERVER_WHOLE, .delay_s = 0.2};
    assert_int_equal(exchange_reply(x, &r, NULL), ERR_OK);
    double wait = server_wait_s(server);
    assert_true(wait >= 0 && wait <= 0.2);
    int fd = client("GET /other HTTP/1.1\r\nHost: me\r\n\r\n");
    struct exchange *other = take();
    reply_text(other, "other");
    hear(fd, "other");
    finish(other);
    hear(late, "late");
    assert_true(now() - began >= 0.2);
    finish(x);
    close(fd);
    close(late);
}

static void a_slow_reply_takes_its_time_and_comes_whole(void **state) {
    (void)state;
    double began = now();
    int fd = client("GET / HTTP/1.1\r\nHost: me\r\n\r\n");
    struct exchange *x = take();
    struct server_reply r = {.status = 200, .body = "0123456789abcdefghij", .len = 20,
                             .truncate = SERVER_WHOLE, .bytes_per_s = 100};
    assert_int_equal(exchange_reply(x, &r, NULL), ERR_OK);
    assert_non_null(strstr(hear(fd, "hij"), "\r\n\r\n0123456789abcdefghij"));
    assert_true(now() - began >= 0.1);
    finish(x);
    close(fd);
}

/* ------------------------------------------------------------------ servers */

static void closing_ends_what_is_under_way(void **state) {
    (void)state;
    int waiting = client("GET /1 HTTP/1.1\r\nHost: me\r\n\r\n");
    struct exchange *taken = take();
    int delayed = client("GET /2 HTTP/1.1\r\nHost: me\r\n\r\n");
    struct exchange *late = take();
    struct server_reply r = {
        .status = 200, .body = "late", .len = 4, .truncate = SERVER_WHOLE, .delay_s = 60};
    assert_int_equal(exchange_reply(late, &r, NULL), ERR_OK);
    int untaken = client("GET /3 HTTP/1.1\r\nHost: me\r\n\r\n");
    server_poll(server, 20, NULL);
    server_close(server);
    char byte;
    assert_int_equal(recv(waiting, &byte, 1, 0), 0);
    assert_int_equal(recv(delayed, &byte, 1, 0), 0);
    assert_int_equal(recv(untaken, &byte, 1, 0), 0);
    assert_true(exchange_over(taken));
    assert_int_equal(reply_text(taken, "too late"), ERR_OK);
    exchange_free(taken);
    exchange_free(late);
    close(waiting);
    close(delayed);
    close(untaken);
    assert_int_equal(open_server(NULL), 0);
}

static void an_address_that_cannot_be_had_is_told(void **state) {
    (void)state;
    struct server *none;
    struct error e;
    struct server_options taken = {.port = server_port(server)};
    assert_int_equal(server_open(&none, &taken, &e), ERR_FAILED);
    assert_non_null(strstr(e.text, strerror(EADDRINUSE)));
    assert_null(none);
    struct server_options wrong[] = {
        {.host = "no.address"}, {.port = -1}, {.port = 65536}, {.cert = "x"}, {.key = "x"},
        {.cert = "x", .key = "y"}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(server_open(&none, &wrong[i], &e), ERR_CONFIG);
}

static void waiting_ends_with_its_time(void **state) {
    (void)state;
    double began = now();
    assert_int_equal(server_poll(server, 0.05, NULL), ERR_OK);
    double took = now() - began;
    assert_true(took >= 0.05 && took < 10);
    assert_true(server_fd(server) >= 0);
    server_close(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_arrives_whole),
        cmocka_unit_test(requests_on_one_connection_come_one_by_one),
        cmocka_unit_test(a_body_too_long_is_refused_before_it_comes),
        cmocka_unit_test(a_head_too_long_is_refused),
        cmocka_unit_test(a_client_that_goes_away_is_over_once_answered),
        cmocka_unit_test(a_reply_is_given_once),
        cmocka_unit_test(what_cannot_be_sent_is_refused_and_may_be_mended),
        cmocka_unit_test(a_reply_is_cut_short_of_what_it_announced),
        cmocka_unit_test(a_reply_falls_silent_and_the_connection_stays),
        cmocka_unit_test(a_cut_or_forgotten_request_gets_no_answer),
        cmocka_unit_test(a_late_reply_keeps_nobody_waiting),
        cmocka_unit_test(a_slow_reply_takes_its_time_and_comes_whole),
        cmocka_unit_test(closing_ends_what_is_under_way),
        cmocka_unit_test(an_address_that_cannot_be_had_is_told),
        cmocka_unit_test(waiting_ends_with_its_time),
    };
    return cmocka_run_group_tests(tests, open_server, close_server);
}

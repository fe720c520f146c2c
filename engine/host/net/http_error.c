#include "http_error.h"

#include <string.h>

/* Numbers of OpenSSL's X509_V_ERR_…, which curl hands through. */
enum {
    CERT_NOT_YET = 9, CERT_EXPIRED = 10, CERT_SELF_SIGNED = 18, CERT_SELF_SIGNED_CHAIN = 19,
    CERT_NO_ISSUER_HERE = 20, CERT_NO_ISSUER = 21,
};

static const char *certificate_words(long verdict) {
    switch (verdict) {
    case CERT_NOT_YET: return "its certificate is not valid yet: is this machine's clock right?";
    case CERT_EXPIRED: return "its certificate has expired (or this machine's clock is wrong)";
    case CERT_SELF_SIGNED:
    case CERT_SELF_SIGNED_CHAIN:
    case CERT_NO_ISSUER_HERE:
    case CERT_NO_ISSUER:
        return "its certificate comes from an authority that this machine does not know; "
               "where that is your own or your proxy's, name its certificate in http.ca_file or "
               "SSL_CERT_FILE";
    default: return NULL;
    }
}

static void tell_certificate(struct http_request *r) {
    long verdict = 0;
    curl_easy_getinfo(r->easy, CURLINFO_SSL_VERIFYRESULT, &verdict);
    const char *words = certificate_words(verdict);
    if (!words && strstr(r->curl_text, "subject name"))
        words = "its certificate is for another host name";
    err_set(&r->failure, ERR_INVALID, "%s: %s", r->shown,
            words ? words : "its certificate cannot be trusted");
}

static void tell_proxy(struct http_request *r, long code) {
    if (code == 407)
        err_set(&r->failure, ERR_CONFIG, "%s: the proxy wants a user and password, or others "
                "than http.proxy has (it answered 407)", r->shown);
    else
        err_set(&r->failure, code < 500 ? ERR_INVALID : ERR_UNAVAILABLE,
                "%s: the proxy does not let it through (it answered %ld)", r->shown, code);
}

/* Before an answer: what was wrong, and what to do about it where something can be done. */
static const char *words_before(CURLcode result) {
    switch (result) {
    case CURLE_COULDNT_RESOLVE_HOST: return "the host's name is not known here";
    case CURLE_COULDNT_RESOLVE_PROXY: return "the proxy's name is not known here; see http.proxy";
    case CURLE_COULDNT_CONNECT: return "no connection";
    case CURLE_OPERATION_TIMEDOUT: return "no connection in time; see http.timeout_s";
    case CURLE_SSL_CONNECT_ERROR: return "the TLS handshake failed";
    case CURLE_GOT_NOTHING: return "the connection ended before any answer";
    case CURLE_SEND_ERROR: return "the connection broke while the request was sent";
    case CURLE_RECV_ERROR:
    case CURLE_PARTIAL_FILE:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM: return "the connection broke before the answer";
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL: return "what answered does not speak HTTP";
    default: return curl_easy_strerror(result);
    }
}

static void tell_before(struct http_request *r, CURLcode result) {
    const char *detail = r->curl_text;
    bool nonsense = result == CURLE_WEIRD_SERVER_REPLY || result == CURLE_UNSUPPORTED_PROTOCOL;
    err_set(&r->failure, nonsense ? ERR_INVALID : ERR_UNAVAILABLE, "%s: %s%s%s%s", r->shown,
            words_before(result), *detail ? " (" : "", detail, *detail ? ")" : "");
}

static void tell_cut(struct http_request *r) {
    err_set(&r->failure, ERR_CUT, "%s: the answer broke off after %llu bytes (%s)", r->shown,
            (unsigned long long)r->received, *r->curl_text ? r->curl_text : "connection closed");
}

void http_error_tell(struct http_request *r, CURLcode result) {
    long proxy = 0;
    curl_easy_getinfo(r->easy, CURLINFO_HTTP_CONNECTCODE, &proxy);
    if (proxy >= 300) return tell_proxy(r, proxy);
    switch (result) {
    case CURLE_PEER_FAILED_VERIFICATION: return tell_certificate(r);
    case CURLE_SSL_CERTPROBLEM:
        err_set(&r->failure, ERR_CONFIG, "%s: http.client_cert or http.client_key cannot be used "
                "(%s)", r->shown, r->curl_text);
        return;
    case CURLE_OUT_OF_MEMORY: /* also where a paused piece inflates past what curl keeps */
        err_set(&r->failure, r->head.encoded ? ERR_INVALID : ERR_NOMEM,
                r->head.encoded ? "%s: the answer inflates without end" : "%s: out of memory",
                r->shown);
        return;
    case CURLE_BAD_CONTENT_ENCODING:
        err_set(&r->failure, ERR_INVALID, "%s: the answer cannot be decompressed (%s)", r->shown,
                r->curl_text);
        return;
    default:
        if (r->head.complete) tell_cut(r);
        else tell_before(r, result);
    }
}

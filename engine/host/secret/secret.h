/* secret: bytes that must not be seen, and the cryptography of the engine.
 *
 * libsodium owns every algorithm here and the memory of every secret: locked, between guard
 * pages, read-only once filled, left out of core files, overwritten when the last holder lets go.
 * A struct secret is counted: who makes one or keeps one drops it.
 *
 * A secret is either a root, made from bytes that came from outside (secret_new, secret_open,
 * secret_random), or derived from roots (secret_join, secret_basic …). The roots of at least
 * SECRET_KNOWN_MIN bytes that live are what scrub.h looks for; a derived secret keeps its roots
 * alive, so its parts are found too. There are at most LIMIT_SECRETS such roots; one more is
 * refused with ERR_LIMIT, never left unknown. Equal roots are one. Not for use by two threads.
 *
 * libsodium is set up by the first call that needs it, so that a program which uses no secret
 * does not wait for it. */
#ifndef REEVE_SECRET_H
#define REEVE_SECRET_H

#include <stdbool.h>
#include <stddef.h>

#include "../base/buf.h"
#include "../base/err.h"

struct secret;

enum {
    SECRET_KEY = 32,       /* bytes of a key that seals */
    SECRET_HASH_KEY = 16,  /* bytes of a key for secret_hash128 */
    SECRET_HASH = 16,      /* bytes of its result */
    SECRET_DIGEST_HEX = 64,/* characters of a digest, without the NUL */
    SECRET_KNOWN_MIN = 6,  /* shorter values are no use to look for */
};

/* This process leaves no core file and cannot be looked into by its user's other programs:
 * not every copy of a secret is ours (curl sends it, the environment brought it). To be called
 * once, first thing. Does nothing where REEVE_CORE=1, for those who debug the engine. */
void secret_no_core(void);

/* Overwrites bytes in a way that no compiler leaves out. */
void secret_wipe(void *bytes, size_t len);

/* A root from a copy of the bytes (up to LIMIT_SECRET; none is allowed). The caller wipes his own.
 * ERR_LIMIT, ERR_NOMEM; *out is then NULL. */
enum err secret_new(const void *bytes, size_t len, struct secret **out, struct error *e);

/* A root of `len` random bytes. */
enum err secret_random(size_t len, struct secret **out, struct error *e);

/* One holder more: returns s. */
struct secret *secret_keep(struct secret *s);

/* One holder less; NULL is allowed. */
void secret_drop(struct secret *s);

/* The bytes, followed by a NUL that len does not count; valid while the secret is held. To be
 * handed to the library that needs them and copied nowhere else. */
const char *secret_bytes(const struct secret *s, size_t *len);

/* Same bytes? In a time that does not tell where they differ. */
bool secret_equal(const struct secret *a, const struct secret *b);

/* A part of a secret to be joined: a secret, or plain bytes where `secret` is NULL. */
struct secret_part {
    struct secret *secret;
    const char *bytes;
    size_t len;
};

/* What it is made of, and how long that is; it lives as long as the part's secret or bytes do. */
const char *secret_part_bytes(const struct secret_part *p, size_t *len);

/* Derived secrets; failures as for secret_new. */
enum err secret_join(const struct secret_part *parts, size_t n, struct secret **out,
                     struct error *e);
/* "Basic " and the base64 of ID:SECRET, as the header Authorization wants it. */
enum err secret_basic(const struct secret_part *id, const struct secret_part *password,
                      struct secret **out, struct error *e);
/* The same value as its scheme and a root of its own: of "Bearer abc", as it was kept, a target
 * gives back "abc" alone. One without a blank stays as it is, with one holder more. */
enum err secret_header(struct secret *s, struct secret **out, struct error *e);
/* Every byte but A-Z a-z 0-9 - . _ ~ as %XX. */
enum err secret_urlencode(struct secret *s, struct secret **out, struct error *e);
/* What `len` characters of it, from `at` on, stand for as base64url without padding (RFC 4648, 5),
 * strictly read: a root, which never was outside of locked memory. ERR_INVALID where they are none. */
enum err secret_from_base64url(const struct secret *s, size_t at, size_t len, struct secret **out,
                               struct error *e);
/* A JSON string with its quotes; ERR_INVALID where the bytes are no UTF-8. */
enum err secret_json(struct secret *s, struct secret **out, struct error *e);

/* The key in a key file's text: 64 hexadecimal digits, blanks around them allowed. ERR_CONFIG. */
enum err secret_key_parse(const char *text, size_t len, struct secret **key, struct error *e);
/* That text for a key, with its newline, as a derived secret. */
enum err secret_key_text(struct secret *key, struct secret **out, struct error *e);

/* Sealed bytes: version, id of the key, nonce, XChaCha20-Poly1305 ciphertext and tag; version, id
 * and the context are authenticated. The context says what the value is and where it belongs
 * ("secret/acme/client_secret"): sealed bytes moved elsewhere do not open. `key` has SECRET_KEY
 * bytes. Appends to out: plain length + SECRET_SEAL_EXTRA bytes. */
enum { SECRET_SEAL_EXTRA = 1 + 8 + 24 + 16 };
enum err secret_seal(const struct secret *key, const void *plain, size_t len, const char *context,
                     size_t context_len, struct buf *out, struct error *e);

/* The opposite; a root. ERR_CONFIG: sealed with another key. ERR_STORAGE: damaged, or sealed for
 * another context. ERR_LIMIT, ERR_NOMEM. */
enum err secret_open(const struct secret *key, const void *sealed, size_t len, const char *context,
                     size_t context_len, struct secret **out, struct error *e);

/* The same for what is sealed but no secret to look for (a cursor): appends the bytes to out. */
enum err secret_open_bytes(const struct secret *key, const void *sealed, size_t len,
                           const char *context, size_t context_len, struct buf *out,
                           struct error *e);

/* A key for another purpose made from one: the same purpose and length (16 to 64) give the same
 * bytes, and neither tells anything about the other. */
enum err secret_subkey(const struct secret *key, const char *purpose, size_t len,
                       unsigned char *out, struct error *e);

/* SipHash-2-4 with 128 bits, for tables: fast, and unpredictable without the key. Never fails. */
void secret_hash128(const unsigned char key[SECRET_HASH_KEY], const void *bytes, size_t len,
                    unsigned char out[SECRET_HASH]);

/* BLAKE2b-256 in hexadecimal, NUL-terminated, of several parts (each counted with its length, so that
 * "ab","c" and "a","bc" differ; one part gives the plain BLAKE2b-256). */
void secret_digest_parts(const struct secret_part *parts, size_t n,
                         char out[SECRET_DIGEST_HEX + 1]);

/* Random bytes from the kernel. */
void secret_random_bytes(void *out, size_t len);

/* For scrub.h: the i-th of the living roots worth looking for, NULL after the last; and a number
 * that changes when they do. */
const struct secret *secret_known(size_t i);
unsigned long secret_generation(void);

#endif

/* torture: makes the n-th allocation, store call, network call or file call of a program fail.
 *
 * Linked into a build of the whole program (make torture) with -Wl,--wrap for each name below.
 * REEVE_TORTURE=KIND:N lets the N-th call of that kind fail, KIND:N+ that one and all after it;
 * kinds: malloc store net file. REEVE_TORTURE_REPORT=FILE gets a line "KIND CALLS" for each at
 * the end, so that whoever drives it knows how far to count. Children count from where their
 * parent was when it forked. What libcurl and SQLite allocate, and SQLite's files, count too. */
#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>
#include <zstd.h>
#include <zstd_errors.h>

enum kind { MALLOC, STORE, NET, FILES, KINDS };

static const char *const names[KINDS] = {"malloc", "store", "net", "file"};
static long calls[KINDS];
static long fails_at;
static enum kind fails = KINDS;
static int for_good;

static void read_orders(void) {
    const char *order = getenv("REEVE_TORTURE");
    for (int k = 0; order && k < KINDS; k++) {
        size_t len = strlen(names[k]);
        if (strncmp(order, names[k], len) != 0 || order[len] != ':') continue;
        char *end;
        fails = (enum kind)k;
        fails_at = strtol(order + len + 1, &end, 10);
        for_good = *end == '+';
    }
}

__attribute__((destructor)) static void report(void) {
    const char *path = getenv("REEVE_TORTURE_REPORT");
    int fd = path ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1;
    if (fd < 0) return;
    for (int k = 0; k < KINDS; k++) dprintf(fd, "%s %ld\n", names[k], calls[k]);
    close(fd);
}

static int due(enum kind k) {
    long n = ++calls[k];
    long last = fails_at + (k == MALLOC); /* Lua collects its garbage and asks once more */
    return k == fails && n >= fails_at && (for_good || n <= last);
}

/* Declares what is wrapped and defines the wrapper: `failure` is what it returns when due. */
#define WRAP(kind, type, name, parameters, arguments, failure) \
    type __real_##name parameters;                             \
    type __wrap_##name parameters;                             \
    type __wrap_##name parameters {                            \
        return due(kind) ? failure : __real_##name arguments;  \
    }

#define NO_MEMORY (errno = ENOMEM, NULL)
#define NO_SPACE (errno = ENOSPC, -1)
#define NO_IO (errno = EIO, -1)
#define NO_DESCRIPTOR(nothing) (errno = EMFILE, nothing)

/* ------------------------------------------------------------------ memory */

WRAP(MALLOC, void *, malloc, (size_t n), (n), NO_MEMORY)
WRAP(MALLOC, void *, calloc, (size_t n, size_t size), (n, size), NO_MEMORY)
WRAP(MALLOC, char *, strdup, (const char *s), (s), NO_MEMORY)
WRAP(MALLOC, char *, strndup, (const char *s, size_t n), (s, n), NO_MEMORY)

/* What shrinks does not fail in any allocator, and Lua relies on it; nor does free() by realloc(). */
void *__real_realloc(void *p, size_t n);
void *__wrap_realloc(void *p, size_t n);
size_t malloc_usable_size(void *p);

void *__wrap_realloc(void *p, size_t n) {
    if (p && n <= malloc_usable_size(p)) return __real_realloc(p, n);
    return due(MALLOC) ? NO_MEMORY : __real_realloc(p, n);
}

/* On failure *out is undefined by the standard; here it is a trap, so that nobody relies on it. */
int __wrap_asprintf(char **out, const char *format, ...) __attribute__((format(printf, 2, 3)));

int __wrap_asprintf(char **out, const char *format, ...) {
    if (due(MALLOC)) {
        *out = (char *)1;
        return -1;
    }
    va_list args;
    va_start(args, format);
    int n = vasprintf(out, format, args);
    va_end(args);
    return n;
}

WRAP(MALLOC, ZSTD_CCtx *, ZSTD_createCCtx, (void), (), NULL)
WRAP(MALLOC, ZSTD_DCtx *, ZSTD_createDCtx, (void), (), NULL)
WRAP(MALLOC, size_t, ZSTD_compressStream2,
     (ZSTD_CCtx *c, ZSTD_outBuffer *out, ZSTD_inBuffer *in, ZSTD_EndDirective end),
     (c, out, in, end), (size_t)-ZSTD_error_memory_allocation)
WRAP(MALLOC, size_t, ZSTD_decompressStream,
     (ZSTD_DCtx *d, ZSTD_outBuffer *out, ZSTD_inBuffer *in), (d, out, in),
     (size_t)-ZSTD_error_memory_allocation)

CURLcode __wrap_curl_global_init(long flags);

CURLcode __wrap_curl_global_init(long flags) {
    return curl_global_init_mem(flags, __wrap_malloc, free, __wrap_realloc, __wrap_strdup,
                                __wrap_calloc);
}

/* ------------------------------------------------------------------ store */

WRAP(STORE, int, mdb_env_create, (MDB_env **env), (env), ENOMEM)
WRAP(STORE, int, mdb_env_open, (MDB_env *env, const char *path, unsigned flags, mdb_mode_t mode),
     (env, path, flags, mode), EIO)
WRAP(STORE, int, mdb_txn_begin, (MDB_env *env, MDB_txn *parent, unsigned flags, MDB_txn **txn),
     (env, parent, flags, txn), ENOMEM)
WRAP(STORE, int, mdb_txn_renew, (MDB_txn *txn), (txn), EIO)
WRAP(STORE, int, mdb_dbi_open, (MDB_txn *txn, const char *name, unsigned flags, MDB_dbi *dbi),
     (txn, name, flags, dbi), ENOMEM)
WRAP(STORE, int, mdb_get, (MDB_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *value),
     (txn, dbi, key, value), MDB_CORRUPTED)
WRAP(STORE, int, mdb_put,
     (MDB_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *value, unsigned flags),
     (txn, dbi, key, value, flags), MDB_MAP_FULL)
WRAP(STORE, int, mdb_del, (MDB_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *value),
     (txn, dbi, key, value), EIO)
WRAP(STORE, int, mdb_drop, (MDB_txn *txn, MDB_dbi dbi, int del), (txn, dbi, del), EIO)
WRAP(STORE, int, mdb_cursor_open, (MDB_txn *txn, MDB_dbi dbi, MDB_cursor **cursor),
     (txn, dbi, cursor), ENOMEM)
WRAP(STORE, int, mdb_cursor_renew, (MDB_txn *txn, MDB_cursor *cursor), (txn, cursor), EIO)
WRAP(STORE, int, mdb_cursor_get,
     (MDB_cursor *cursor, MDB_val *key, MDB_val *value, MDB_cursor_op op),
     (cursor, key, value, op), EIO)
WRAP(STORE, int, mdb_cursor_put,
     (MDB_cursor *cursor, MDB_val *key, MDB_val *value, unsigned flags),
     (cursor, key, value, flags), MDB_MAP_FULL)
WRAP(STORE, int, mdb_cursor_del, (MDB_cursor *cursor, unsigned flags), (cursor, flags), EIO)

/* A commit that fails has ended its transaction all the same. */
int __real_mdb_txn_commit(MDB_txn *txn);
int __wrap_mdb_txn_commit(MDB_txn *txn);

int __wrap_mdb_txn_commit(MDB_txn *txn) {
    if (!due(STORE)) return __real_mdb_txn_commit(txn);
    mdb_txn_abort(txn);
    return ENOSPC;
}

/* ------------------------------------------------------------------ network */

WRAP(NET, CURL *, curl_easy_init, (void), (), NULL)
WRAP(NET, CURLM *, curl_multi_init, (void), (), NULL)
WRAP(NET, CURLU *, curl_url, (void), (), NULL)
WRAP(NET, CURLUcode, curl_url_set, (CURLU *u, CURLUPart part, const char *text, unsigned flags),
     (u, part, text, flags), CURLUE_OUT_OF_MEMORY)
WRAP(NET, CURLUcode, curl_url_get, (CURLU *u, CURLUPart part, char **text, unsigned flags),
     (u, part, text, flags), CURLUE_OUT_OF_MEMORY)
WRAP(NET, struct curl_slist *, curl_slist_append, (struct curl_slist *list, const char *text),
     (list, text), NULL)
WRAP(NET, CURLMcode, curl_multi_add_handle, (CURLM *multi, CURL *easy), (multi, easy),
     CURLM_OUT_OF_MEMORY)
WRAP(NET, CURLMcode, curl_multi_perform, (CURLM *multi, int *running), (multi, running),
     CURLM_INTERNAL_ERROR)
WRAP(NET, CURLMcode, curl_multi_poll,
     (CURLM *multi, struct curl_waitfd *fds, unsigned n, int timeout_ms, int *ready),
     (multi, fds, n, timeout_ms, ready), CURLM_OUT_OF_MEMORY)

CURLcode __real_curl_easy_setopt(CURL *easy, CURLoption option, ...);
CURLcode __wrap_curl_easy_setopt(CURL *easy, CURLoption option, ...);

/* What curl makes a copy of; it always takes what it only points to. */
static int is_copied(CURLoption option) {
    switch (option) {
    case CURLOPT_URL:
    case CURLOPT_PROXY:
    case CURLOPT_NOPROXY:
    case CURLOPT_PROTOCOLS_STR:
    case CURLOPT_CUSTOMREQUEST:
    case CURLOPT_ACCEPT_ENCODING:
    case CURLOPT_USERAGENT:
    case CURLOPT_SSLCERT:
    case CURLOPT_SSLKEY: return 1;
    default: return 0;
    }
}

/* Every option's argument is a long, a pointer or a curl_off_t: one register wide. */
CURLcode __wrap_curl_easy_setopt(CURL *easy, CURLoption option, ...) {
    va_list args;
    va_start(args, option);
    void *argument = va_arg(args, void *);
    va_end(args);
    return is_copied(option) && due(NET) ? CURLE_OUT_OF_MEMORY
                                         : __real_curl_easy_setopt(easy, option, argument);
}

CURLMsg *__real_curl_multi_info_read(CURLM *multi, int *left);
CURLMsg *__wrap_curl_multi_info_read(CURLM *multi, int *left);

/* The n-th transfer that ends has lost its connection. */
CURLMsg *__wrap_curl_multi_info_read(CURLM *multi, int *left) {
    CURLMsg *message = __real_curl_multi_info_read(multi, left);
    if (message && due(NET)) message->data.result = CURLE_RECV_ERROR;
    return message;
}

/* ------------------------------------------------------------------ files */

/* unlink() goes on: what is tidied away behind a failure is gone then, and can be looked for. */
WRAP(FILES, ssize_t, write, (int fd, const void *bytes, size_t n), (fd, bytes, n), NO_SPACE)
WRAP(FILES, ssize_t, read, (int fd, void *bytes, size_t n), (fd, bytes, n), NO_IO)
WRAP(FILES, ssize_t, pread, (int fd, void *bytes, size_t n, off_t at), (fd, bytes, n, at), NO_IO)
WRAP(FILES, ssize_t, pwrite, (int fd, const void *bytes, size_t n, off_t at), (fd, bytes, n, at),
     NO_SPACE)
WRAP(FILES, int, fsync, (int fd), (fd), NO_IO)
WRAP(FILES, int, ftruncate, (int fd, off_t n), (fd, n), NO_SPACE)
WRAP(FILES, int, fchmod, (int fd, mode_t mode), (fd, mode), NO_IO)
WRAP(FILES, int, flock, (int fd, int how), (fd, how), (errno = ENOLCK, -1))
WRAP(FILES, int, rename, (const char *from, const char *to), (from, to), NO_SPACE)
WRAP(FILES, int, link, (const char *from, const char *to), (from, to), NO_SPACE)
WRAP(FILES, int, linkat, (int a, const char *from, int b, const char *to, int flags),
     (a, from, b, to, flags), NO_SPACE)
WRAP(FILES, int, mkdir, (const char *path, mode_t mode), (path, mode), NO_SPACE)
WRAP(FILES, int, mkostemp, (char *path, int flags), (path, flags), NO_SPACE)
WRAP(FILES, int, stat, (const char *path, struct stat *st), (path, st), NO_IO)
WRAP(FILES, int, lstat, (const char *path, struct stat *st), (path, st), NO_IO)
WRAP(FILES, int, fstat, (int fd, struct stat *st), (fd, st), NO_IO)
WRAP(FILES, int, fstatat, (int at, const char *path, struct stat *st, int flags),
     (at, path, st, flags), NO_IO)
WRAP(FILES, DIR *, opendir, (const char *path), (path), NO_DESCRIPTOR(NULL))
WRAP(FILES, DIR *, fdopendir, (int fd), (fd), NO_MEMORY)
WRAP(FILES, struct dirent *, readdir, (DIR *dir), (dir), (errno = EIO, NULL))
WRAP(FILES, FILE *, fopen, (const char *path, const char *mode), (path, mode), NO_DESCRIPTOR(NULL))
WRAP(FILES, int, pipe2, (int ends[2], int flags), (ends, flags), NO_DESCRIPTOR(-1))
WRAP(FILES, pid_t, fork, (void), (), (errno = EAGAIN, -1))

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);

int __wrap_open(const char *path, int flags, ...) {
    va_list args;
    va_start(args, flags);
    int makes = flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE;
    mode_t mode = makes ? va_arg(args, mode_t) : 0;
    va_end(args);
    if (!due(FILES)) return __real_open(path, flags, mode);
    errno = makes ? ENOSPC : EIO;
    return -1;
}

/* ------------------------------------------------------------------ SQLite, which is a library */

static void *sqlite_malloc(int n) {
    return __wrap_malloc((size_t)n);
}

static void *sqlite_realloc(void *p, int n) {
    return __wrap_realloc(p, (size_t)n);
}

static int sqlite_size(void *p) {
    return (int)malloc_usable_size(p);
}

static int sqlite_roundup(int n) {
    return (n + 7) & ~7;
}

static int sqlite_begin(void *none) {
    (void)none;
    return SQLITE_OK;
}

static void sqlite_end(void *none) {
    (void)none;
}

static int sqlite_open(const char *path, int flags, int mode) {
    return __wrap_open(path, flags, mode);
}

static void wrap_sqlite(void) {
    static sqlite3_mem_methods memory = {sqlite_malloc, free, sqlite_realloc, sqlite_size,
                                         sqlite_roundup, sqlite_begin, sqlite_end, NULL};
    static const struct {
        const char *name;
        sqlite3_syscall_ptr call;
    } files[] = {
        {"open", (sqlite3_syscall_ptr)sqlite_open},
        {"read", (sqlite3_syscall_ptr)__wrap_read},
        {"pread", (sqlite3_syscall_ptr)__wrap_pread},
        {"pread64", (sqlite3_syscall_ptr)__wrap_pread},
        {"write", (sqlite3_syscall_ptr)__wrap_write},
        {"pwrite", (sqlite3_syscall_ptr)__wrap_pwrite},
        {"pwrite64", (sqlite3_syscall_ptr)__wrap_pwrite},
        {"ftruncate", (sqlite3_syscall_ptr)__wrap_ftruncate},
        {"fstat", (sqlite3_syscall_ptr)__wrap_fstat},
        {"stat", (sqlite3_syscall_ptr)__wrap_stat},
    };
    sqlite3_config(SQLITE_CONFIG_MALLOC, &memory);
    sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (vfs->xGetSystemCall(vfs, files[i].name))
            vfs->xSetSystemCall(vfs, files[i].name, files[i].call);
}

__attribute__((constructor)) static void begin(void) {
    wrap_sqlite(); /* allocates, which is not the program's */
    memset(calls, 0, sizeof calls);
    read_orders();
}

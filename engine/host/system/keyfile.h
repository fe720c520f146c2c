/* keyfile: the key that seals, as a file of its own (0600, 64 hexadecimal digits). */
#ifndef REEVE_KEYFILE_H
#define REEVE_KEYFILE_H

#include "../base/err.h"
#include "../secret/secret.h"
#include "file.h"

/* The key at the path. `trust` is FILE_PRIVATE but for what a service manager puts in place with
 * modes of its own. ERR_NOT_FOUND; ERR_CONFIG where the file is not to be trusted or holds no key;
 * what secret_new() says. */
enum err keyfile_load(const char *path, enum file_trust trust, struct secret **key,
                      struct error *e);

/* Makes a key and its file, whole and synced, never over one that is there (ERR_BUSY). */
enum err keyfile_make(const char *path, struct secret **key, struct error *e);

#endif

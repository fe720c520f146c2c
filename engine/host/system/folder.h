/* folder: making, listing and removing folders, and what file system they are on. */
#ifndef REEVE_FOLDER_H
#define REEVE_FOLDER_H

#include <stddef.h>
#include <sys/types.h>

#include "../base/buf.h"
#include "../base/err.h"

/* Makes a folder and those above it; what is there already is left as it is. The mode is for the
 * folders that are made, whatever the umask says. ERR_STORAGE. */
enum err folder_make(const char *path, mode_t mode, struct error *e);

/* The names in a folder but for "." and "..", sorted by their bytes, each followed by a NUL, put in
 * place of names' content. ERR_NOT_FOUND, ERR_CONFIG (may not be read), ERR_LIMIT (names->max). */
enum err folder_list(const char *path, struct buf *names, struct error *e);

/* Removes a file or a folder with all that is in it, at most LIMIT_TREE_DEPTH deep; symbolic links
 * are removed, never followed, and no other file system is entered. Where nothing is there, nothing
 * is done. ERR_STORAGE; some may then be gone. */
enum err folder_remove(const char *path, struct error *e);

/* The name of the network file system that the path is on ("nfs", "cifs", "fuse.sshfs"), NULL where
 * it is on none or cannot be told. A static string. */
const char *folder_network(const char *path);

#endif

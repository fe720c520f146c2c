#include "user.h"

#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>

enum { ENTRY_MAX = 4096 };

/* Asked before the C library's own search, which loads a library for each source of users, and
 * which ends the process where it is refused memory. */
static bool in_passwd(uid_t uid, char name[USER_NAME_MAX]) {
    struct passwd entry, *found = NULL;
    char room[ENTRY_MAX];
    FILE *file = fopen("/etc/passwd", "re");
    if (!file) return false;
    do {
        if (fgetpwent_r(file, &entry, room, sizeof room, &found) != 0) found = NULL;
    } while (found && found->pw_uid != uid);
    if (found) snprintf(name, USER_NAME_MAX, "%s", found->pw_name);
    fclose(file);
    return found != NULL;
}

const char *user_name(uid_t uid, char name[USER_NAME_MAX]) {
    struct passwd entry, *found = NULL;
    char room[ENTRY_MAX];
    if (in_passwd(uid, name)) return name;
    if (getpwuid_r(uid, &entry, room, sizeof room, &found) == 0 && found)
        snprintf(name, USER_NAME_MAX, "%s", found->pw_name);
    else
        snprintf(name, USER_NAME_MAX, "uid %lu", (unsigned long)uid);
    return name;
}

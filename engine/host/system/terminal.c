#include "terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

#include "../base/limits.h"
#include "../base/utf8.h"

enum { WIDTH_DEFAULT = 80, WIDTH_MAX = 10000 };

bool terminal_is(int fd) {
    return isatty(fd) == 1;
}

int terminal_width(void) {
    struct winsize size;
    for (int fd = 1; fd <= 2; fd++)
        if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
    const char *columns = getenv("COLUMNS");
    long n = columns ? strtol(columns, NULL, 10) : 0;
    return n > 0 && n <= WIDTH_MAX ? (int)n : WIDTH_DEFAULT;
}

/* wcwidth knows widths only in a UTF-8 locale, and the process stays in the C locale. */
static size_t character_columns(uint32_t c) {
    static locale_t utf8;
    static bool tried;
    if (c < 0x7F) return 1;
    if (!tried) {
        tried = true;
        utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    }
    if (!utf8) return 1;
    locale_t before = uselocale(utf8);
    int width = wcwidth((wchar_t)c);
    uselocale(before);
    return width < 0 ? 1 : (size_t)width;
}

/* Walks the text until `max` columns are used; says how many were. */
static size_t walk(const char *text, size_t len, size_t max, size_t *used) {
    size_t at = 0;
    *used = 0;
    while (at < len) {
        uint32_t c = 0;
        size_t n = utf8_next(text + at, len - at, &c);
        size_t columns = n ? character_columns(c) : 1;
        if (columns > max - *used) break;
        *used += columns;
        at += n ? n : 1;
    }
    return at;
}

size_t terminal_columns(const char *text, size_t len) {
    size_t used;
    walk(text, len, (size_t)-1, &used);
    return used;
}

size_t terminal_fit(const char *text, size_t len, size_t columns) {
    size_t used;
    return walk(text, len, columns, &used);
}

/* Byte for byte, so that nothing of the line stays in a buffer of stdio. */
static enum err read_line(int fd, char *line, size_t *len, struct error *e) {
    for (*len = 0; *len < LIMIT_SECRET; ++*len) {
        ssize_t n = read(fd, line + *len, 1);
        if (n < 0) return err_errno(e, ERR_FAILED, "read from", "the terminal");
        if (n == 0 && *len == 0) return err_set(e, ERR_FAILED, "read a secret: nothing was typed");
        if (n == 0 || line[*len] == '\n') return ERR_OK;
    }
    return err_set(e, ERR_LIMIT, "read a secret: longer than %d bytes", LIMIT_SECRET);
}

static enum err read_silently(int fd, const char *prompt, char *line, size_t *len,
                              struct error *e) {
    struct termios before, silent;
    if (tcgetattr(fd, &before) != 0)
        return err_errno(e, ERR_USAGE, "ask on", "the terminal");
    silent = before;
    silent.c_lflag &= (tcflag_t) ~(ECHO | ECHONL);
    silent.c_lflag |= ICANON;
    tcsetattr(fd, TCSAFLUSH, &silent);
    (void)!write(fd, prompt, strlen(prompt));
    enum err rc = read_line(fd, line, len, e);
    tcsetattr(fd, TCSAFLUSH, &before);
    (void)!write(fd, "\n", 1);
    return rc;
}

enum err terminal_ask_secret(const char *prompt, struct secret **out, struct error *e) {
    size_t len = 0;
    *out = NULL;
    int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return err_set(e, ERR_USAGE, "ask for a secret: there is no terminal to ask on");
    char *line = malloc(LIMIT_SECRET);
    enum err rc = line ? read_silently(fd, prompt, line, &len, e)
                       : err_set(e, ERR_NOMEM, "ask for a secret: out of memory");
    if (!rc) rc = secret_new(line, len, out, e);
    if (line) secret_wipe(line, LIMIT_SECRET);
    free(line);
    close(fd);
    return rc;
}

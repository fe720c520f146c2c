/* sys: require "host.sys": this process, its terminal, times, files. One table, filled from sys.c
 * and sys_file.c. What the world refuses is nil, message, code; modes are integers (octal 600 is 384).
 *
 * Times
 *   now() -> seconds since 1970, a float         mono() -> seconds of a clock that only goes forward
 *   time([epoch]) -> RFC 3339, UTC               epoch(text) -> seconds | nil
 *   when(text_or_number [, "s"|"ms"]) -> RFC 3339, UTC, normalised | nil    a number: which unit it has
 *
 * The process
 *   pid()  user()  hostname()  exe_path()
 *   catch_signals()              SIGINT, SIGTERM, SIGHUP from here on are told by
 *                                signal_pending() -> n | nil
 *   spawn(argv [, { stdout = file|false, stderr = file|false, dir, own, tied }]) -> pid
 *                                false: /dev/null; dir: where it runs; own: it is this program,
 *                                argv[1] only its name; tied: it is told to end when we are gone
 *   wait_any([nowait]) -> pid, exit status (128 + n after signal n) | nil, message, "wait"
 *   wake_fd() -> descriptor      readable when a child ended or a signal came, until the next wait_any
 *   sleep(seconds, fd…)          ends too when one of the descriptors can be read, or a signal comes
 *   descriptors(n) -> integer    lets us open n files as far as the system allows; how many we may
 *   kill(pid, signal)            setenv(name, text)  unsetenv(name)
 *   variables(prefix) -> names that begin so, in no order
 *   take_variable(name) -> its value, a secret, that is in the environment no more | nil
 *   uname() -> { system, release, machine }
 *
 * The terminal
 *   isatty(fd)  width() -> its columns           width_of(text) -> the columns that a text takes
 *   fit(text, columns) -> its beginning          getpass(prompt) -> secret, asked for without echo
 *
 * Files. `trust` is "any", "trusted" (refused, code "config", where others may write it, or its owner is
 * neither root nor the caller) or "private" (the same where others may read it).
 *   read_file(path, max [, trust]) -> bytes      check_file(path [, trust])        trusted unless told
 *   write_file(path, bytes [, mode])             whole or not at all, durable; 0: the mode it had
 *   create_file(path, bytes [, mode])            "busy" where there is one
 *   rename(from, to)  remove_file(path)  remove_tree(path)  mkdir_p(path [, mode])
 *   list_dir(path) -> names, sorted              real_path(path) -> absolute, without links
 *   stat(path [, nofollow]) -> { type, mode, owner, size, mtime }
 *   scratch() -> an open file without a name, for reading and writing
 *   network_fs(path) -> name of the network file system it lies on | nil
 *   lock(path) -> lock | nil, message, "busy"    the kernel releases it with the process
 *   lock:note(text)  lock:release()              locked(path) -> the holder's note | nil */
#ifndef REEVE_API_SYS_H
#define REEVE_API_SYS_H

#include <lauxlib.h>

int luaopen_host_sys(lua_State *L);

/* What sys_file.c adds: files, folders and locks. Registers the class of locks too. */
void sys_file_open(lua_State *L);

#endif

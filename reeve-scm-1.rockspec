rockspec_format = "3.0"
package = "reeve"
version = "scm-1"
source = { url = "git+https://example.com/reeve.git" }
description = {
  summary = "A Lua-scriptable integration engine for identity governance",
  detailed = [[
Reeve reads who has which access in a SaaS, keeps what it saw in a local store, says what changed since the last
run, and refuses to believe that everybody vanished. A program in C that runs plugins written in Lua.
]],
  license = "MIT",
}
supported_platforms = { "linux" }
dependencies = { "lua ~> 5.4" }
external_dependencies = {
  CURL = { header = "curl/curl.h", library = "curl" },
  LMDB = { header = "lmdb.h", library = "lmdb" },
  SODIUM = { header = "sodium.h", library = "sodium" },
  CRYPTO = { header = "openssl/evp.h", library = "crypto" },
  MICROHTTPD = { header = "microhttpd.h", library = "microhttpd" },
  SQLITE = { header = "sqlite3.h", library = "sqlite3" },
  ZSTD = { header = "zstd.h", library = "zstd" },
}
test_dependencies = { "busted >= 2.1", "luacheck >= 1.1" }
test = { type = "command", command = "make test" }
build = {
  type = "make",
  build_target = "all",
  install_target = "install",
  install_variables = { PREFIX = "$(PREFIX)" },
}

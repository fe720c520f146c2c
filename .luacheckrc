-- What each part of the tree may see; `make lint` and the layout spec run luacheck with it.
std = "lua54"
max_line_length = false -- spec/engine/layout_spec.lua counts characters, not bytes
codes = true
self = false
ignore = { "581" } -- not (a < b) is not b <= a where one of them is NaN

-- What a sandbox shows to plugins and mappings: pure libraries, nothing of the system.
stds.sandbox = {
  read_globals = {
    "assert", "error", "getmetatable", "ipairs", "next", "pairs", "pcall", "rawequal",
    "rawget", "rawlen", "require", "select", "setmetatable", "tonumber", "tostring", "type", "xpcall",
    math = { other_fields = true },
    string = { other_fields = true },
    table = { other_fields = true },
    utf8 = { other_fields = true },
  },
}

files["plugins"] = { std = "sandbox" }
files["scripts"] = { std = "sandbox" }
files["spec"] = { std = "lua54+busted" }
files["spec/fixtures"] = { std = "sandbox" }

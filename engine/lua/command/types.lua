-- types: what plugins and scripts see, for editors.
local fail = require "fail"
local mode = require "mode"

local NAME = "reeve.lua" -- of the stubs in a folder

-- Whole or not at all; returns where.
local function write(path, text)
  local sys = require "host.sys"
  local there = sys.stat(path)
  if there and there.type == "directory" then path = path:gsub("/+$", "") .. "/" .. NAME end
  fail.try(sys.write_file(path, text, mode.shared_file))
  return path
end

return {
  name = "types",
  summary = "Write LuaLS stubs of what plugins and scripts see",
  usage = "",
  max = 0,
  examples = {
    { "reeve types -f .", "reeve.lua for the editor" },
    { "reeve types --reference", "the same as Markdown" },
  },
  flags = {
    { name = "file", short = "f", arg = "FILE", help = "a file, or a folder in which reeve.lua is written" },
    { name = "reference", help = "plugins/REFERENCE.md, as Markdown" },
  },
  notes = 'For an editor with LuaLS, .luarc.json beside your files:\n'
    .. '  { "runtime.version": "Lua 5.4", "workspace.library": ["FOLDER OF reeve.lua"] }',
  run = function(ctx, _, flags)
    local types = require "author.types"
    local text = flags.reference and types.reference() or types.stubs()
    if flags.file then
      ctx.out:say("wrote " .. write(flags.file, text))
    else
      ctx.out:write(text)
    end
    return 0
  end,
}

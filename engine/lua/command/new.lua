-- new: a plugin, or an operator's mapping, to begin with.
local fail = require "fail"

-- What to type next; nothing of it is done here.
local function steps(ctx, lines)
  local width = 0
  for _, line in ipairs(lines) do width = line[2] and math.max(width, #line[1]) or width end
  for _, line in ipairs(lines) do
    ctx.out:say("  " .. line[1] .. (line[2] and (" "):rep(width - #line[1] + 2) .. "# " .. line[2] or ""))
  end
end

local function next_steps(name)
  local connector = name:gsub("_", "-")
  return {
    { "reeve sim " .. name .. " --port 8080", "its target, in another terminal" },
    { ("echo sim-client-secret | reeve add %s %s url=http://127.0.0.1:8080 client_id=sim-client-id "
      .. "client_secret=-"):format(name, connector) },
    { "reeve sync " .. connector },
    { "reeve list " .. connector .. " user" },
    { "reeve lint " .. name, "what is wrong or suspicious in its files" },
    { "reeve test " .. name .. " --update", "keeps what it gives; after that `reeve test " .. name .. "`" },
  }
end

local function new_plugin(ctx, name, flags)
  if flags.file then
    fail("usage", "new PLUGIN: --file belongs to `reeve new mapping`; --dir names a folder")
  end
  local made = require("author.new").plugin(ctx.home, name, flags.dir)
  ctx.out:say(("%s: wrote %s: %s"):format(name, made.folder, table.concat(made.files, " ")))
  if made.shadowed then
    ctx.out:say("  the plugin of this name that comes with Reeve is no longer found: yours takes its place")
  end
  if not made.found then
    local place = ctx.home.plugins_dirs[1].path
    ctx.out:say(("  Reeve looks for plugins in %s: put it there to use it"):format(place))
  end
  ctx.out:say "It runs as it is. Try it, then change it to what your API says, file by file:"
  steps(ctx, next_steps(name))
  return 0
end

local function new_mapping(ctx, name, flags)
  if flags.dir then
    fail("usage", "new mapping: --dir belongs to `reeve new PLUGIN`; -f names a file")
  end
  local path, shown, why = require("author.new_mapping").write(ctx.home, name, flags.file)
  ctx.out:say(("%s: wrote %s"):format(name, path))
  if why then ctx.out:say("  " .. why) end
  if not shown then
    ctx.out:say(("  a mapping lies in the home: put it into %s/scripts"):format(ctx.home.dir))
  end
  ctx.out:say "It changes nothing yet. Edit it, then:"
  steps(ctx, {
    { ("reeve set %s mapping=%s"):format(name, shown or "scripts/" .. name .. ".lua"), "switches it on" },
    { ("reeve plan %s --offline"):format(name), "what would change; nobody is asked" },
    { ("reeve explain %s TYPE ID"):format(name), "one record: raw object, plugin's record, yours" },
  })
  return 0
end

return {
  name = "new",
  summary = "Write a plugin, or a mapping for a connector, to begin with",
  usage = "PLUGIN | mapping NAME",
  min = 1,
  max = 2,
  examples = {
    { "reeve new bigcorp", "HOME/plugins/bigcorp: it runs at once, against its own simulator" },
    { "reeve new mapping main", "HOME/scripts/main.lua: with the fields seen in the last run, as comments" },
  },
  flags = {
    { name = "dir", arg = "DIR", help = "where the plugin's folder goes, in place of HOME/plugins" },
    { name = "file", short = "f", arg = "FILE", help = "the mapping's file, in place of HOME/scripts/NAME.lua" },
  },
  notes = "Nothing is ever replaced.",
  run = function(ctx, args, flags)
    if args[1] ~= "mapping" then
      if args[2] then fail("usage", ("new: unexpected argument '%s'"):format(args[2]),
        "usage: reeve new PLUGIN | mapping NAME") end
      return new_plugin(ctx, args[1], flags)
    end
    if not args[2] then fail("usage", "new mapping: a connector's name is missing") end
    return new_mapping(ctx, args[2], flags)
  end,
}

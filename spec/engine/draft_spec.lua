-- A file that takes its place when it is whole.
local reeve = require "reeve"

local WRITE = [[
  local draft = assert(require("host.draft").open(arg[1]))
  local file = assert(io.open(draft:path(), "wb"))
  file:write("new")
  file:close()
]]

local function files(folder)
  return (reeve.shell("ls -A '" .. folder .. "'"))
end

describe("host.draft", function()
  it("takes the place of what is there, its owner's alone", function()
    local folder = reeve.folder()
    local path = reeve.write(folder .. "/x", "old", "644")
    reeve.engine(WRITE .. 'assert(io.open(arg[1]):read("a") == "old") assert(draft:keep())', { path })
    assert.equal("new", reeve.read(path))
    assert.equal("x\n", files(folder))
    assert.equal("600\n", (reeve.shell("stat -c %a " .. path)))
    reeve.engine(WRITE .. "assert(draft:keep())", { folder .. "/y" })
    assert.equal("x\ny\n", files(folder))
  end)

  it("leaves nothing where it is not kept, or its process is killed", function()
    local folder = reeve.folder()
    reeve.engine(WRITE .. "draft:close()", { folder .. "/x" })
    assert.equal("", files(folder))
    reeve.engine(WRITE .. [[os.execute("kill -9 " .. require("host.sys").pid())]], { folder .. "/x", code = 128 + 9 })
    assert.equal("", files(folder))
  end)

  it("has a name beside its place where no file is without one, and takes it along", function()
    local folder = reeve.folder()
    local refused = select(2, reeve.shell "unshare -m true 2>/dev/null") ~= 0
    if refused then return pending "unshare -m is refused here" end
    if reeve.sanitized then return pending "a sanitizer looks for leaks by way of /proc" end
    local script = reeve.write(reeve.path "draft.lua", WRITE .. [[
      assert(draft:path():sub(1, #arg[1] + 1) == arg[1] .. ".")
      if arg[2] then assert(draft:keep()) else draft:close() end]])
    -- Without /proc there is no way to a file that has no name.
    local function run(keep)
      local r = reeve.run { program = "unshare", "-m", "sh", "-c", 'mount -t tmpfs none /proc && exec "$0" "$@"',
        reeve.host, script, folder .. "/x", keep }
      assert.equal(0, r.code, r.err)
      return files(folder)
    end
    assert.equal("", run())
    assert.equal("x\n", run "keep")
  end)

  it("is refused in a folder that is not there", function()
    local told = reeve.engine([[print(select(2, require("host.draft").open(arg[1])))]], { reeve.path "none" .. "/x" })
    assert.matches("^write .*/x: No such file.*storage", told)
  end)
end)

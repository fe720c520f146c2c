-- make install: what is there afterwards, and that it works without the tree it came from.
local reeve = require "reeve"

describe("make install", function()
  local dest, out, code
  setup(function()
    dest = reeve.folder("dest")
    local build = reeve.bin:match("^(.*)/[^/]+$")
    out, code = reeve.shell(("make --no-print-directory install DESTDIR=%s PREFIX=/opt BUILD=%s 2>&1"):format(
      reeve.quote(dest), reeve.quote(build)))
  end)

  it("puts the program, its data, the manual and completions under DESTDIR and PREFIX", function()
    assert.equal(0, code, out)
    local wanted = { "opt/bin/reeve", "opt/share/bash-completion/completions/reeve", "opt/share/man/man1/reeve.1",
      "opt/share/fish/vendor_completions.d/reeve.fish", "opt/share/zsh/site-functions/_reeve" }
    for path in reeve.shell("find plugins scripts -type f"):gmatch("[^\n]+") do
      wanted[#wanted + 1] = "opt/share/reeve/" .. path
    end
    table.sort(wanted)
    local there = reeve.shell(("cd %s && find . -type f | sed 's|^./||' | LC_ALL=C sort"):format(reeve.quote(dest)))
    assert.equal(table.concat(wanted, "\n") .. "\n", there)
  end)

  it("gives a program that finds the plugins that came with it", function()
    local plugins = reeve.json((reeve.ok { program = dest .. "/opt/bin/reeve", "plugins", "-o", "json",
      cwd = "/", home = reeve.home() }))
    assert.truthy(#plugins > 0)
  end)
end)

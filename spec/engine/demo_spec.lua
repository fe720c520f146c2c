-- make demo: what a newcomer sees first; it must do what it says, on its own, and leave nothing behind.
local reeve = require "reeve"

describe("the demo", function()
  local r, place
  setup(function()
    place = reeve.path("demo")
    r = reeve.run { program = "/bin/sh", "spec/support/demo.sh", reeve.bin:match("^(.*)/"), place }
  end)

  it("goes through to its end without asking", function()
    assert.equal(0, r.code, r.out .. r.err)
    assert.equal("", r.err)
  end)

  it("syncs, shows what changed, holds a run and accepts it", function()
    for _, text in ipairs {
      "run 1 accepted in %d+%.%d s: .*1000 user %(%+1000%)",
      "run 2 accepted in %d+%.%d s: [^+~]-\n",
      "changed  resource  user/",
      "run 4 held .*600 of 1000 user would be removed.*%(exit 6%)",
      "run 4 accepted: .*400 user",
      "label +Connected",
    } do
      assert.matches(text, r.out)
    end
  end)

  it("leaves a home that can be looked into", function()
    local users = reeve.json((reeve.ok { "list", "acme", "user", "-o", "json", home = place .. "/home" }))
    assert.equal(400, #users)
  end)
end)

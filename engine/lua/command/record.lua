-- record: a run's exchanges with the target as a cassette, redacted.
local fail = require "fail"
local mode = require "mode"

local kinds = { { "secret", "secret" }, { "email", "e-mail address", "e-mail addresses" }, { "domain", "domain" },
  { "login", "login" }, { "name", "word of a name", "words of names" }, { "phone", "phone number" },
  { "ip", "IP address", "IP addresses" }, { "other", "other personal value" } }

-- "3 secrets, 12 e-mail addresses"
local function told(counts)
  local text, parts = require "ui.text", {}
  for _, kind in ipairs(kinds) do
    local n = counts[kind[1]]
    if n then parts[#parts + 1] = text.count(n, kind[2], kind[3]) end
  end
  return #parts > 0 and table.concat(parts, ", ") or "nothing"
end

local function write(path, bytes, force)
  local sys = require "host.sys"
  local ok, message, code
  if force then
    ok, message, code = sys.write_file(path, bytes, mode.private_file)
  else
    ok, message, code = sys.create_file(path, bytes, mode.private_file)
  end
  if ok then return end
  if code == "busy" then
    fail("usage", ("record: %s is there already"):format(path), "--force replaces it")
  end
  fail(code, message)
end

return {
  name = "record",
  summary = "A run's requests and answers as a cassette, redacted",
  usage = "NAME -f FILE",
  min = 1,
  max = 1,
  examples = {
    { "reeve record main -f main.cassette.jsonl", "for `reeve test`; nothing is published" },
  },
  flags = {
    { name = "file", short = "f", arg = "FILE", help = "the cassette to write" },
    { name = "force", help = "replace a file that is there" },
  },
  notes = "Everything is fetched afresh into a state that is thrown away. Secrets, names, logins, e-mail and IP\n"
    .. "addresses, phone numbers and tokens become stand-ins, the same everywhere. What else is in the answers\n"
    .. "stays: read the file before you give it away.",
  run = function(ctx, args, flags)
    if not flags.file or flags.file == "" then fail("usage", "record: -f FILE expected") end
    if not flags.force and require("host.sys").stat(flags.file) then write(flags.file, "", false) end
    local connector = require("config.connector").load(ctx.home, args[1])
    local progress = require("ui.progress").start("recording " .. args[1], ctx.flags)
    local ok, made = pcall(require("trial.recording").make, ctx.home, connector, { progress = progress })
    progress:done()
    if not ok then error(made, 0) end
    write(flags.file, made.text, flags.force)
    local text = require "ui.text"
    ctx.out:say(("%s: wrote %s to %s"):format(args[1], text.count(made.exchanges, "exchange"), flags.file))
    ctx.out:say("  replaced: " .. told(made.counts))
    if made.missed > 0 then
      ctx.out:say(("  left out: %s that no whole answer came of"):format(text.count(made.missed, "request")))
    end
    ctx.out:say("  A person must read it before it is given away: what nobody said is personal is still there.")
    return 0
  end,
}

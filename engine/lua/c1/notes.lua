-- notes: what an export cut, escaped or left out: counted, and the first of each kind named.
local M = {}
local Notes = {}
Notes.__index = Notes

local NAMED <const> = 10

--- words: pairs of a short word and the sentence that tells of it, in the order in which they are told.
function M.new(words)
  return setmetatable({ words = words, of = {} }, Notes)
end

--- Counts what became of something.
function Notes:add(how, what)
  local note = self.of[how] or { n = 0 }
  self.of[how] = note
  note.n = note.n + 1
  if note.n <= NAMED then note[note.n] = what end
end

--- A line of the log for each word that was noted, of a connector's export.
function Notes:tell(connector)
  for _, word in ipairs(self.words) do
    local note = self.of[word[1]]
    if note then
      require("log").warn(word[2], { connector = connector, count = note.n,
        what = table.concat(note, ", ") .. (note.n > NAMED and ", …" or "") })
    end
  end
end

return M

-- helper: loaded by busted before any spec. A spec that runs by hand from the repository's root
-- finds spec/support as well, and its temporary files go at the end.
package.path = "spec/support/?.lua;" .. package.path

local reeve = require "reeve"

require("busted").subscribe({ "exit" }, function()
  reeve.clean()
  return nil, true
end)

-- helper: loaded by busted before any spec (test.sh).
-- A spec that runs by hand from the repository's root finds spec/support as well.
package.path = "spec/support/?.lua;" .. package.path

-- machine: what ConductorOne is told about where a connector runs, and with what.
--
-- Every text is there: ConductorOne is said to refuse a connector that leaves one empty. It has at most 256 bytes, and
-- is valid UTF-8 whatever the machine calls itself.
local sys = require "host.sys"
local words = require "ui.text"

local M = {}

local MAX <const> = 256
local FILE_MAX <const> = 64 * 1024

local function text(value, fallback)
  value = tostring(value or ""):gsub("%c", " "):match("^%s*(.-)%s*$")
  return value ~= "" and words.harmless(value, MAX) or fallback
end

--- The members of an os-release file's text (os-release(5)).
function M.os_release(content)
  local found = {}
  for name, value in content:gmatch("([%u_]+)=([^\n]*)") do
    found[name] = value:match('^"(.*)"%s*$') or value:match("^'(.*)'%s*$") or value
  end
  return found
end

local function os_release()
  for _, path in ipairs { "/etc/os-release", "/usr/lib/os-release" } do
    local content = sys.read_file(path, FILE_MAX, "any")
    if content then return M.os_release(content) end
  end
  return {}
end

local function virtualization()
  if sys.stat "/.dockerenv" then return "docker" end
  return sys.stat "/run/.containerenv" and "podman" or "none"
end

--- The OSInfo of a Hello.
function M.os_info()
  local kernel, release = sys.uname(), os_release()
  local system = text(kernel.system:lower(), "linux")
  local platform, version = text(release.ID, system), text(kernel.release, "unknown")
  return {
    hostname = text(sys.hostname(), "unknown"), os = system, platform = platform,
    platform_version = text(release.VERSION_ID, version),
    platform_family = text((release.ID_LIKE or ""):match("%S+"), platform),
    kernel_version = version, kernel_arch = text(kernel.machine, "unknown"),
    virtualization_system = virtualization(),
  }
end

--- The BuildInfo of a Hello.
function M.build_info()
  return { lang_version = "C11, " .. _VERSION, package = "reeve", package_version = require "version" }
end

--- Who takes the tasks: `chosen` where somebody chose, else the machine's name.
function M.host_id(chosen)
  return chosen or text(sys.hostname(), "baton-sdk")
end

return M

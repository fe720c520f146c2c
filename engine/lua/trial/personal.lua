-- personal: which members of an answer are about a person or a secret, by their names. What the plugin's mapping
-- makes a person's name or login is known from the records; this is for the rest.
--
--   personal.kind("givenName", { "users", "name" }) -> "name" | "login" | "phone" | "ip" | "secret" | "other" | nil
local M = {}

local kinds = {
  name = "firstname lastname givenname familyname middlename surname forename displayname fullname realname nickname "
    .. "honorificprefix honorificsuffix nameformatted phoneticname",
  login = "username login userlogin loginname samaccountname screenname userprincipalname handle",
  phone = "phone phonenumber mobile mobilephone telephone telephonenumber fax",
  ip = "ip ipaddress lastip lastloginip clientip remoteip sourceip currentsigninip lastsigninip",
  other = "avatar avatarurl avatarid picture pictureurl photo photourl imageurl gravatar gravatarid gravatarurl "
    .. "birthday birthdate dateofbirth address streetaddress street postalcode ssn bio employeenumber employeeid "
    .. "profileurl",
}
local by_name = {}
for kind, names in pairs(kinds) do
  for name in names:gmatch("%S+") do by_name[name] = kind end
end

-- What stands anywhere below one of these.
local below = { phonenumbers = "phone", phones = "phone", photos = "other", addresses = "other", ims = "other" }
local labels = { type = true, primary = true, country = true, display = false }

local secret_ends = { "token", "secret", "password", "passwd", "apikey", "privatekey", "accesskey", "signingkey",
  "assertion", "authorization", "cookie", "sessionid", "clientkey" }
local cursor_words = { "page", "next", "cursor", "continu", "sync", "previous", "skip", "marker" }

local function plain(name)
  return (name:lower():gsub("[^%w]", ""))
end

local function is_secret(name)
  for _, word in ipairs(cursor_words) do
    if name:find(word, 1, true) then return false end
  end
  for _, word in ipairs(secret_ends) do
    if name:sub(-#word) == word then return true end
  end
  return false
end

--- What the member `name` within `above` holds; nil where its name says nothing.
function M.kind(name, above)
  name = plain(name)
  if by_name[name] then return by_name[name] end
  if is_secret(name) then return "secret" end
  if name == "formatted" and #above > 0 and plain(above[#above]) == "name" then return "name" end
  for _, around in ipairs(above) do
    local kind = below[plain(around)]
    if kind and not labels[name] then return kind end
  end
  return below[name]
end

return M

-- config: a plugin's settings as ConductorOne describes a connector's (c1.config.v1.Configuration).
local M = {}

local AT_LEAST_ONE <const>, MUTUALLY_EXCLUSIVE <const> = 2, 3

local function text_field(spec)
  local field = { default_value = spec.default, rules = spec.required and { is_required = true } or nil }
  if spec.choices then
    field.rules, field.options = field.rules or {}, {}
    field.rules["in"] = spec.choices
    for i, choice in ipairs(spec.choices) do
      field.options[i] = { name = choice, value = choice, display_name = choice }
    end
  end
  return "string_field", field
end

local KINDS <const> = {
  integer = function(spec) return "int_field", { default_value = spec.default } end,
  boolean = function(spec) return "bool_field", { default_value = spec.default } end,
  list = function(spec) return "string_slice_field", { default_value = spec.default } end,
}

local function field_of(spec)
  local field = { name = spec.name, display_name = spec.title or spec.name, description = spec.help,
    is_required = spec.required, is_secret = spec.kind == "secret" }
  local kind, value = (KINDS[spec.kind] or text_field)(spec)
  field[kind] = value
  return field
end

-- Of a group exactly one is given: there are words for "at least" and for "at most" only.
local function constraints(settings)
  local list, groups = {}, {}
  for _, spec in ipairs(settings) do
    local names = groups[spec.one_of]
    if names then
      names[#names + 1] = spec.name
    elseif spec.one_of then
      names = { spec.name }
      groups[spec.one_of] = names
      list[#list + 1] = { kind = AT_LEAST_ONE, field_names = names }
      list[#list + 1] = { kind = MUTUALLY_EXCLUSIVE, field_names = names }
    end
  end
  return list
end

--- The message for a plugin, by its manifest: settings in their order, then what groups of them demand.
function M.of(manifest)
  local fields = {}
  for i, spec in ipairs(manifest.settings) do fields[i] = field_of(spec) end
  return { fields = fields, constraints = constraints(manifest.settings), display_name = manifest.title,
    help_url = manifest.docs }
end

return M

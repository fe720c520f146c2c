-- c1.config.v1: the settings that a connector takes, as ConductorOne's forms ask for them. Of the kinds of
-- settings and of the rules, those that plugins' settings can have.
return {
  Configuration = {
    fields = { 1, ".Field", "repeated" },
    constraints = { 2, ".Constraint", "repeated" },
    display_name = { 3, "string" },
    help_url = { 4, "string" },
  },
  Field = {
    name = { 1, "string" },
    display_name = { 2, "string" },
    description = { 3, "string" },
    placeholder = { 4, "string" },
    is_required = { 5, "bool" },
    is_ops = { 6, "bool" },
    is_secret = { 7, "bool" },
    string_field = { 100, ".StringField", oneof = "field" },
    int_field = { 101, ".IntField", oneof = "field" },
    bool_field = { 102, ".BoolField", oneof = "field" },
    string_slice_field = { 103, ".StringSliceField", oneof = "field" },
  },
  StringField = {
    default_value = { 1, "string" },
    rules = { 2, ".StringRules" },
    options = { 5, ".StringFieldOption", "repeated" },
  },
  StringFieldOption = { name = { 1, "string" }, value = { 2, "string" }, display_name = { 3, "string" } },
  StringRules = { ["in"] = { 10, "string", "repeated" }, is_required = { 27, "bool" } },
  IntField = { default_value = { 1, "int64" } },
  BoolField = { default_value = { 1, "bool" } },
  StringSliceField = { default_value = { 1, "string", "repeated" } },
  Constraint = {
    kind = { 1, "enum" },
    field_names = { 2, "string", "repeated" },
    secondary_field_names = { 3, "string", "repeated" },
    name = { 4, "string" },
    help_text = { 5, "string" },
  },
}

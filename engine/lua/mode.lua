-- mode: who may use the files and folders that we make; the umask takes its part of the shared ones.
local function octal(digits) return tonumber(digits, 8) end

return {
  private_folder = octal "700", private_file = octal "600",
  shared_folder = octal "755", shared_file = octal "644",
}

-- main: the engine's entry; takes argv, returns the exit status.
return function(argv)
  if argv[1] == "version" then
    print("reeve 0.1.0")
    return 0
  end
  io.stderr:write("reeve: no such command\n")
  return 2
end

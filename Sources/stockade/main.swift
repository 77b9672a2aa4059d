import Glibc

exit(CommandList.main(Array(CommandLine.arguments.dropFirst())))

import NRI
import Policy

extension LinuxSeccomp {
  /// The filter in NRI's message. Never empty: an empty policy would make the container unconfined.
  init(_ filter: SeccompFilter) {
    self.init()
    defaultAction = filter.defaultAction
    defaultErrno = filter.defaultErrno
    architectures = filter.architectures
    flags = filter.flags
    syscalls = filter.syscalls.map { rule in
      var syscall = LinuxSyscall()
      syscall.names = rule.names
      syscall.action = rule.action
      syscall.errnoReturn = rule.errnoReturn
      syscall.arguments = rule.arguments.map {
        var argument = LinuxSeccompArgument()
        argument.index = $0.index
        argument.value = $0.value
        argument.valueTwo = $0.valueTwo
        argument.op = $0.op
        return argument
      }
      return syscall
    }
  }
}

import CSystem
import Glibc

/// A process by its pidfd. It is never another process that got the same number. pidfd_open(2).
package struct ProcessHandle: Sendable {
  /// Readable once the process has ended.
  package let file: FileDescriptor

  /// A pidfd that another process handed over.
  package init(_ file: FileDescriptor) { self.file = file }

  /// - Parameter pid: the number of a process, which cannot belong to another process by now: for example a child that
  ///   nobody has waited for.
  package init(pid: pid_t) throws(Errno) {
    file = FileDescriptor(owning: try call("watch process \(pid)") { pidfd_open(pid, 0) })
  }

  package var hasEnded: Bool {
    var polled = pollfd(fd: file.number, events: Int16(POLLIN), revents: 0)
    return poll(&polled, 1, 0) != 0
  }

  /// The process's number, as long as it has not ended. `Pid` of /proc/self/fdinfo.
  ///
  /// - Throws: ESRCH if the process is over, or in another pid namespace.
  package func pid() throws(Errno) -> pid_t {
    let text = try Files.text("/proc/self/fdinfo/\(file.number)")
    guard let pid = ProcFields.values(of: "Pid", in: text).first.flatMap({ pid_t($0) }), pid > 0 else {
      throw Errno(ESRCH, "find a process")
    }
    return pid
  }

  /// If the process has ended, nothing happens. pidfd_send_signal(2).
  package func send(signal number: Int32) { pidfd_send_signal(file.number, number, nil, 0) }
}

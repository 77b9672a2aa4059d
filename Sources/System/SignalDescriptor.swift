import CSystem
import Glibc

/// Signals that are read from a descriptor, so they interrupt nothing halfway. signalfd(2).
package struct SignalDescriptor: Sendable {
  /// Readable once one of the signals has come.
  package let file: FileDescriptor

  /// Blocks the signals in the calling thread, and in the threads that it starts from now on.
  package init(_ signals: [Int32]) throws(Errno) {
    var set = sigset_t()
    sigemptyset(&set)
    for signal in signals { sigaddset(&set, signal) }
    pthread_sigmask(SIG_BLOCK, &set, nil)
    file = FileDescriptor(owning: try call("take signals") { signalfd(-1, &set, Int32(SFD_CLOEXEC)) })
  }

  /// The number of the next signal. This waits for it.
  package func next() throws(Errno) -> Int32 {
    var information = signalfd_siginfo()
    try call("read a signal") { read(file.number, &information, MemoryLayout<signalfd_siginfo>.size) }
    return Int32(information.ssi_signo)
  }
}

import Glibc
import Synchronization
import System

/// SIGTERM and SIGINT, taken by a thread of their own, which ends whatever connection is open.
final class StopSignal: Sendable {
  private struct State {
    var isSet = false
    var socket: FileDescriptor?
  }
  private let state = Mutex(State())
  private let wake: (reader: FileDescriptor, writer: FileDescriptor)

  init() {
    var signals = sigset_t()
    sigemptyset(&signals)
    sigaddset(&signals, SIGTERM)
    sigaddset(&signals, SIGINT)
    // Before any other thread is made, so that all inherit it and only ours waits for them.
    pthread_sigmask(SIG_BLOCK, &signals, nil)
    var ends: [Int32] = [0, 0]
    let made = pipe(&ends)
    precondition(made == 0, "no pipe can be made: the process is at its limit at start")
    wake = (FileDescriptor(owning: ends[0]), FileDescriptor(owning: ends[1]))
    Thread.detached { @Sendable [self] in
      var signals = sigset_t()
      sigemptyset(&signals)
      sigaddset(&signals, SIGTERM)
      sigaddset(&signals, SIGINT)
      var number: Int32 = 0
      sigwait(&signals, &number)
      set()
    }
  }

  var isSet: Bool { state.withLock { $0.isSet } }

  private func set() {
    let socket = state.withLock { state in
      state.isSet = true
      return state.socket
    }
    if let socket { shutdown(socket.number, Int32(SHUT_RDWR)) }
    try? wake.writer.write([0])
  }

  /// Also where the signal came already.
  func shutDownOnSignal(_ socket: FileDescriptor) {
    let isSet = state.withLock { state in
      state.socket = socket
      return state.isSet
    }
    if isSet { shutdown(socket.number, Int32(SHUT_RDWR)) }
  }

  /// Returns early on a signal.
  func wait(milliseconds: Int) {
    var descriptor = pollfd(fd: wake.reader.number, events: Int16(POLLIN), revents: 0)
    _ = poll(&descriptor, 1, Int32(milliseconds))
  }
}

import Glibc

/// Work on a thread of its own that goes on until it is stopped.
package final class Worker: Sendable {
  /// What the work looks at.
  package struct Stop: Sendable {
    fileprivate let wakeup = Wakeup()

    /// Readable once the work is to end, for work that waits in poll(2).
    package var file: FileDescriptor { wakeup.reader }

    /// Waits, unless the work is to end.
    ///
    /// - Returns: whether it goes on.
    package func pause(milliseconds: Int) -> Bool {
      let end = SuspendingClock.now + .milliseconds(milliseconds)
      var (left, polled) = (milliseconds, pollfd(fd: file.number, events: Int16(POLLIN), revents: 0))
      while poll(&polled, 1, Int32(left)) == -1, errno == EINTR {
        left = max(0, Int((end - .now) / .milliseconds(1)))
      }
      return polled.revents == 0
    }

    package var isAsked: Bool { !pause(milliseconds: 0) }
  }

  private let request: Stop
  private let thread: Thread

  /// Starts it. Where the process can have no further thread or descriptor, it ends: a part of it would be missing.
  package init(_ work: @escaping @Sendable (Stop) -> Void) {
    let request = Stop()
    self.request = request
    do throws(Errno) { thread = try Thread { work(request) } } catch { fatalError("\(error)") }
  }

  /// Asks the work to end.
  package func ask() { request.wakeup.wake() }

  /// Asks the work to end, and waits for that, at most so long. Work that goes on then is left.
  ///
  /// - Returns: whether it has ended.
  @discardableResult
  package func stop(milliseconds: Int) -> Bool {
    ask()
    return thread.join(milliseconds: milliseconds)
  }
}

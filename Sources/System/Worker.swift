/// Work on a thread of its own that goes on until it is stopped.
package final class Worker: Sendable {
  /// What the work looks at.
  package final class Stop: Sendable {
    private let isSet = Monitor(false)

    /// Whether the work is to end.
    package var isAsked: Bool { isSet.read { $0 } }

    /// Waits, unless the work is to end.
    ///
    /// - Returns: whether it goes on.
    package func pause(milliseconds: Int) -> Bool { !isSet.wait(milliseconds: milliseconds) { $0 } }

    fileprivate func ask() { isSet.withLock { $0 = true } }
  }

  private let request = Stop()
  private let wakeup: Wakeup?
  private let thread: Thread

  /// Starts it. Where the process can have no further thread, it ends: a part of it would be missing.
  ///
  /// - Parameter wakeup: what work waits for in poll(2), to be woken when it is to end.
  package init(waking wakeup: Wakeup? = nil, _ work: @escaping @Sendable (Stop) -> Void) {
    self.wakeup = wakeup
    do throws(Errno) { thread = try Thread { [request] in work(request) } } catch { fatalError("\(error)") }
  }

  /// Asks the work to end, and waits for that, at most so long. Work that goes on then is left.
  ///
  /// - Returns: whether it has ended.
  @discardableResult
  package func stop(milliseconds: Int) -> Bool {
    request.ask()
    wakeup?.wake()
    return thread.join(milliseconds: milliseconds)
  }
}

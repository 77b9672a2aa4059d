/// Work on a thread of its own that goes on until it is stopped.
package final class Worker: Sendable {
  /// The work looks at this to see whether it must end.
  package final class Stop: Sendable {
    private let isSet = Monitor(false)

    /// Whether the work must end.
    package var isAsked: Bool { isSet.read { $0 } }

    /// Waits, unless the work must end.
    ///
    /// - Returns: whether the work goes on.
    package func pause(milliseconds: Int) -> Bool { !isSet.wait(milliseconds: milliseconds) { $0 } }

    fileprivate func ask() { isSet.withLock { $0 = true } }
  }

  private let request = Stop()
  private let wakeup: Wakeup?
  private let thread: Thread

  /// Starts the work. If the process can have no further thread, it ends, because a part of it would be missing.
  ///
  /// - Parameter wakeup: what the work waits for in poll(2). It is woken when the work must end.
  package init(waking wakeup: Wakeup? = nil, _ work: @escaping @Sendable (Stop) -> Void) {
    self.wakeup = wakeup
    do { thread = try Thread { [request] in work(request) } } catch { endHard(error) }
  }

  /// Asks the work to end, and waits for that, at most this long. Work that still goes on then is left behind.
  ///
  /// - Returns: whether it has ended.
  @discardableResult
  package func stop(milliseconds: Int) -> Bool {
    request.ask()
    wakeup?.wake()
    return thread.join(milliseconds: milliseconds)
  }
}

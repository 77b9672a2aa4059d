/// Work that is done one piece after the other, by a thread that is started with the first piece.
package final class TaskQueue: Sendable {
  private struct State {
    var tasks: [@Sendable () -> Void] = []
    var isStarted = false
    var isStopped = false
  }
  private let state = Monitor(State())
  private let limit: Int

  /// - Parameter limit: how much may wait, beside what is being done.
  package init(limit: Int) { self.limit = limit }

  /// - Returns: false: too much waits already, or no thread could be had.
  package func run(_ task: @escaping @Sendable () -> Void) -> Bool {
    state.withLock { state in
      if state.tasks.count >= limit || state.isStopped { return false }
      if !state.isStarted {
        // Until there is a thread, nobody is told that his work is taken.
        guard (try? Thread { [self] in work() }) != nil else { return false }
        state.isStarted = true
      }
      state.tasks.append(task)
      return true
    }
  }

  private func work() {
    while true {
      let task = state.wait { state -> Task? in
        if state.isStopped { return .end }
        return state.tasks.isEmpty ? nil : .work(state.tasks.removeFirst())
      }
      guard case .work(let body) = task else { return }
      body()
    }
  }

  private enum Task {
    case work(@Sendable () -> Void)
    case end
  }

  /// What waits is dropped. A piece that is being done is not waited for.
  package func stop() { state.withLock { ($0.isStopped, $0.tasks) = (true, []) } }
}

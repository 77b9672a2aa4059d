import CBPF
import CStockade
import Glibc

/// Whether the kernel lets another task run before a program at a tracepoint has ended. The trial runs a program that
/// takes long, beside a task that has more right to its CPU.
enum PreemptionTrial {
  static let map = "preemption_trial"
  /// If a trial finds the other task waiting, it may have been disturbed. If it finds the other task running, it was
  /// not.
  private static let attempts = 3
  /// The limit that also counts trials that came to nothing: on a busy CPU the fork can come when the other task has
  /// given up.
  private static let allAttempts = 10

  /// - Parameter mark: the object that has the program and the map.
  /// - Returns: nil: it could not be found out.
  static func run(_ mark: BPFObject) throws(BPFError) -> Bool? {
    let trial = MapAccess<UInt32, stockade_preemption_trial>(name: map, descriptor: try mark.map(map))
    return try withExtendedLifetime(try mark.attachTracing("try_preemption")) { () throws(BPFError) in
      var waits = 0
      for _ in 0..<allAttempts where waits < attempts {
        // The first fork makes the other task.
        try trial.set(0, stockade_preemption_trial(tid: stockade_thread_id(), forks_before: 1, start_ns: 0, end_ns: 0))
        let rivalRan = forkBesideRival()
        switch isInterrupted(try trial.value(0, zero: stockade_preemption_trial()), rivalRan: rivalRan) {
        case true?: return true
        case false?: waits += 1
        case nil: break
        }
      }
      return waits == attempts ? false : nil
    }
  }

  private static func forkBesideRival() -> ArraySlice<UInt64> {
    var times = [UInt64](repeating: 0, count: Int(STOCKADE_RIVAL_TIMES_MAX))
    let count = stockade_fork_beside_rival(&times)
    return times.prefix(Int(count))
  }

  /// - Parameter rivalRan: the times when the other task got the CPU. If it got the CPU before and after, it wanted the
  ///   CPU all the time.
  private static func isInterrupted(_ trial: stockade_preemption_trial?, rivalRan: ArraySlice<UInt64>) -> Bool? {
    guard let trial, trial.end_ns > 0, let first = rivalRan.first, let last = rivalRan.last, first < trial.start_ns,
      last >= trial.end_ns
    else { return nil }
    return rivalRan.contains { $0 > trial.start_ns && $0 < trial.end_ns }
  }
}

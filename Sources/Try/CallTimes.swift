import NRI

/// Measures what a plugin's own code takes for each call, without the socket and the messages.
final class CallTimes: CallObserver {
  /// The durations of each call, in the order in which the calls first came.
  private var calls: [(name: String, durations: [Duration])] = []

  func during<Result>(_ call: PluginCall, _ body: () throws -> Result) rethrows -> Result {
    let start = ContinuousClock.now
    defer { if let name = Self.name(call) { note(name, ContinuousClock.now - start) } }
    return try body()
  }

  /// nil: the call is not measured.
  private static func name(_ call: PluginCall) -> String? {
    switch call {
    case .configure: Method.configure
    case .synchronize: Method.synchronize
    case .podEvent(let event, _), .containerEvent(let event, _, _): event.method
    case .validate: Event.validateContainerAdjustment.method
    case .shutdown, .unused: nil
    }
  }

  private func note(_ name: String, _ duration: Duration) {
    if let index = calls.firstIndex(where: { $0.name == name }) {
      calls[index].durations.append(duration)
    } else {
      calls.append((name, [duration]))
    }
  }

  /// `CreateContainer: 200 calls, median 120 us, 99 % within 310 us`, a line for each call.
  var summary: [String] {
    calls.map { call in
      let sorted = call.durations.sorted()
      let median = Self.percentile(50, of: sorted).inMicroseconds
      let high = Self.percentile(99, of: sorted).inMicroseconds
      return "\(call.name): \(sorted.count) calls, median \(median) us, 99 % within \(high) us"
    }
  }

  /// The smallest value of `sorted` that `percent` of them do not exceed. `sorted` is not empty.
  static func percentile(_ percent: Int, of sorted: [Duration]) -> Duration {
    sorted[(sorted.count * percent + 99) / 100 - 1]
  }
}

extension Duration {
  fileprivate var inMicroseconds: Int64 { components.seconds * 1_000_000 + components.attoseconds / 1_000_000_000_000 }
}

import BPF

/// What happened in some time, in lines for people. Equal lines become one line with a count, in the order of their
/// first occurrence. What is missing comes last.
package struct EventDigest: Sendable {
  /// The number of different lines that are kept. Lines beyond it are counted.
  package static let linesMax = 10_000

  private let linesMax: Int
  private var lines: [(text: String, count: Int)] = []
  private var positions: [String: Int] = [:]
  private var beyondCount: UInt64 = 0
  private var untoldCount: UInt64 = 0
  private var losses: [KernelCounter: UInt64] = [:]

  package init(linesMax: Int = EventDigest.linesMax) { self.linesMax = linesMax }

  package mutating func add(_ event: Event) {
    switch event {
    case .record(let record): add(record.summary)
    case .tierLowered(let loss): add(loss.summary)
    case .tampered(let tampering): add(tampering.summary)
    case .nodeGate(let record): add(record.summary)
    case .audit(let record): add(record.summary)
    // The log has said it.
    case .idle: break
    case .lost(let lost):
      for loss in lost.counts { losses[loss.counter, default: 0] += loss.count }
      untoldCount += lost.unwritten
    }
  }

  private mutating func add(_ line: String) {
    if let position = positions[line] {
      lines[position].count += 1
    } else if lines.count < linesMax {
      positions[line] = lines.count
      lines.append((line, 1))
    } else {
      beyondCount += 1
    }
  }

  /// `killed exec /bin/id (id): rule process.rules[0] (web.yaml:9) of profile web (312 times)`, and so on.
  package var text: [String] {
    var text = lines.map { $0.count == 1 ? $0.text : "\($0.text) (\($0.count) times)" }
    if beyondCount > 0 {
      text.append("\(EventLosses.Count.notShown(beyondCount)): over \(linesMax) different lines")
    }
    if untoldCount > 0 {
      text.append(
        "\(EventLosses.Count.notShown(untoldCount)): they came faster than they were taken (\(EventLosses.unwrittenName))"
      )
    }
    return text
      + KernelCounter.allCases.compactMap { counter in
        losses[counter].map { EventLosses.Count(counter: counter, count: $0).summary }
      }
  }
}

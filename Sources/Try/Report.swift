import CommandOptions
import Synchronization
import System

/// Reports a run in one of two ways. As text, it writes lines for people to standard error, and only the command uses
/// standard output. As JSON, it writes records to standard output and only it uses standard output. What the command
/// prints then goes to standard error.
///
/// Any thread may use it: no line is written into another line.
final class Report: Sendable {
  let writesRecords: Bool
  /// Set with the last record, so that nothing follows it. The lock is held while a line is written.
  private let isOver = Mutex(false)

  init(writesRecords: Bool) { self.writesRecords = writesRecords }

  /// Where the command's standard output goes.
  var commandOutput: Int32 { writesRecords ? 2 : 1 }

  /// For what is JSON already, such as events; nil: lines for people are wanted.
  var recordWriter: (@Sendable (String) -> Void)? {
    guard writesRecords else { return nil }
    return { [self] record in write(record, to: 1) }
  }

  func message(_ text: String) { tell(text, ReportRecord.message(text)) }

  /// The exit status of the command of an `--exec`.
  func execution(_ command: [String], status: Int32) {
    tell(
      "exec \"\(command.joined(separator: " "))\": exit status \(status)",
      ReportRecord.execution(command, status: status))
  }

  /// The end of one container's life.
  func run(number: Int, status: Int32, error: TryError?) {
    tell(error?.description, ReportRecord.run(number: number, status: status, error: error))
  }

  /// How often each exit status occurred.
  func counts(_ counts: [Int32: Int]) {
    if !writesRecords { message(Self.summary(of: counts)) }
  }

  /// The last report.
  ///
  /// - Parameter failure: what ended the whole series, and not what ended one run.
  func result(_ result: SeriesResult, failure: TryError?) {
    let status = failure?.exitStatus ?? result.status
    tell(
      failure?.description,
      ReportRecord.result(status: status, runs: result.runs, error: failure ?? result.lastError))
    isOver.withLock { $0 = true }
  }

  /// - Parameter text: nil: there is nothing for people.
  private func tell(_ text: String?, _ record: JSON) {
    if writesRecords { return write(record.text, to: 1) }
    if let text { write("stockade try: \(text)", to: 2) }
  }

  /// If nobody listens any more, nothing can be reported either.
  private func write(_ line: String, to descriptor: Int32) {
    isOver.withLock { isOver in
      if !isOver { put(line + "\n", to: descriptor) }
    }
  }

  /// `200 runs: 199 with exit status 137, 1 with exit status 0`, the most frequent first.
  static func summary(of counts: [Int32: Int]) -> String {
    let parts = counts.sorted { ($0.value, $1.key) > ($1.value, $0.key) }
    let total = parts.reduce(0) { $0 + $1.value }
    return "\(total) runs: " + parts.map { "\($0.value) with exit status \($0.key)" }.joined(separator: ", ")
  }
}

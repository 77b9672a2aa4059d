import CBPF
import Synchronization
import System

/// The program on the way back to the user. It finds the execs for which the program at the exec was skipped. The
/// kernel runs it after most switches of tasks, so it is attached only where it is needed.
final class ExecReturns: Sendable {
  static let program = "exec_return"
  /// The program that may be skipped.
  static let skipped = "exec_signal"

  /// nil: execs are never skipped, or the program that would find the skipped ones cannot be had.
  private let object = Mutex<BPFObject?>(nil)
  private let links: ProgramLinks
  private let entrance = Entrance()

  init(links: ProgramLinks) { self.links = links }

  var isLoaded: Bool { object.withLock { $0 != nil } }

  func set(_ object: BPFObject?) { self.object.withLock { $0 = object } }

  /// Called before anybody is bound or held back. Another process may have put its own program in place, or may have
  /// taken the program away when it ended.
  func attach() throws(BPFError) {
    guard let object = object.withLock({ $0 }), try !links.isOwn(Self.program) else { return }
    try links.attach(Self.program, of: object)
  }

  /// Runs `write`, which binds somebody or holds somebody back. The program is in place by then.
  func enter(_ write: () throws(BPFError) -> Void) throws(BPFError) {
    try entrance.enter { () throws(BPFError) in
      try attach()
      try write()
    }
  }

  /// Runs `body` while no entry can be made in the tables.
  func exclusively(_ body: () throws(BPFError) -> Void) throws(BPFError) { try entrance.hold(body) }

  /// Takes the program away if nobody needs it.
  ///
  /// - Parameter isUnused: whether nobody is bound or held back. Nobody waits for the answer.
  func detach(if isUnused: () throws(BPFError) -> Bool) throws(BPFError) {
    guard isLoaded else { return }
    try entrance.clear(if: isUnused) { () throws(BPFError) in try links.detachOwn(Self.program) }
  }

  /// Whether the program runs during `body`. Counting costs each program of the node a little, so it is only for a
  /// moment.
  func run(during body: () throws(BPFError) -> Void) throws(BPFError) -> Bool {
    guard let object = object.withLock({ $0 }) else { return false }
    let statistics = FileDescriptor(
      owning: try bpf("count the runs of programs") { bpf_enable_stats(BPF_STATS_RUN_TIME) })
    return try withExtendedLifetime(statistics) { () throws(BPFError) in
      try body()
      return try ProgramRuns(of: object.program(Self.program), named: Self.program).runs > 0
    }
  }
}

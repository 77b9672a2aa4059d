import BPF
import Glibc
import Logging
import Synchronization
import System

/// What tells, in the kernel, of containers' calls.
package protocol SyscallWatcher: Sendable {
  var way: SyscallPrograms.Way { get }
  var trampolineProblem: String? { get }
  func watch(_ cgroupID: CgroupID, _ watch: SyscallPrograms.Watch) throws(BPFError)
  func leave(_ cgroupID: CgroupID) throws(BPFError)
}

extension SyscallPrograms: SyscallWatcher {}

/// The thread that loads and attaches the programs which tell what seccomp filters deny. Both take the kernel so long
/// that no container may wait for it. The first container that is watched starts the thread.
///
/// The thread compares what is wanted with what it has done. So the order of containers' starts and ends is kept, and
/// nothing piles up while the kernel is slow.
package final class SyscallWatch: Sendable {
  package typealias Load = @Sendable (_ onlyTrampoline: Bool) throws(BPFError) -> any SyscallWatcher

  /// What the programs are to look at.
  package struct Looks: Sendable {
    package var onlyTrampoline: Bool
    package var containers: [CgroupID: SyscallPrograms.Watch]
  }

  static let nothingTold = "what seccomp filters deny is not told"
  /// What failed is not tried again before this. Each load takes a processor some tenth of a second.
  package static let pauseSeconds: Int64 = 60
  /// Longer than any kernel takes that does not hang.
  private static let settleMilliseconds = 30_000

  private let load: Load
  private let log: Logger
  private let now: @Sendable () -> Int64
  /// One piece that waits does the work of all that would come behind it.
  private let queue = TaskQueue(limit: 1)

  private struct State {
    /// What is wanted may not be what is done.
    var isBehind = false
    var isBusy = false
    /// On the monotonic clock, in nanoseconds.
    var nextTry = Int64.min
    var isGivenUp = false
    var isStopped = false
  }
  private let state = Monitor(State())

  /// Only the thread has these.
  private struct Work {
    var programs: (any SyscallWatcher)?
    var done: [CgroupID: SyscallPrograms.Watch] = [:]
    var failureIsTold = false
  }
  private let work = Mutex(Work())

  /// - Parameters:
  ///   - now: the monotonic clock, in nanoseconds.
  ///   - load: called on the thread.
  package init(
    log: Logger, now: @escaping @Sendable () -> Int64 = { Timestamp.now(CLOCK_MONOTONIC) }, load: @escaping Load
  ) {
    (self.log, self.now, self.load) = (log, now, load)
  }

  /// Whether this node cannot tell what the configuration asks for.
  package var isGivenUp: Bool { state.read { $0.isGivenUp } }

  /// Called when other containers are to be watched. Returns at once.
  ///
  /// - Parameter looks: what is wanted when the thread asks.
  package func update(_ looks: @escaping @Sendable () -> Looks) {
    state.withLock { $0.isBehind = true }
    tryAgain(looks)
  }

  /// Called every few seconds: what failed is tried again when its time has come.
  package func tryAgain(_ looks: @escaping @Sendable () -> Looks) {
    let time = now()
    guard state.read({ $0.isBehind && !$0.isGivenUp && time >= $0.nextTry }) else { return }
    // If a piece waits already, it will find the same. If no thread can be had, the next call tries again.
    _ = queue.run { [self] in catchUp(looks) }
  }

  /// Ends the thread. What the kernel is doing just now is not waited for.
  package func stop() {
    queue.stop()
    state.withLock { $0.isStopped = true }
  }

  /// Waits until what is wanted is done, or has failed, or cannot be done.
  package func settle() {
    let time = now()
    state.wait(milliseconds: Self.settleMilliseconds) {
      $0.isStopped || $0.isGivenUp || !$0.isBusy && (!$0.isBehind || time < $0.nextTry)
    }
  }

  // MARK: On the thread

  private func catchUp(_ looks: () -> Looks) {
    let time = now()
    let isDue = state.withLock { state in
      if !state.isBehind || state.isGivenUp || time < state.nextTry { return false }
      (state.isBehind, state.isBusy) = (false, true)
      return true
    }
    guard isDue else { return }
    let wanted = looks()
    let failure = work.withLock { (work) -> Failure? in
      do throws(BPFError) {
        guard let programs = try programs(for: wanted, &work) else { return nil }
        do throws(BPFError) { try Self.bring(&work.done, to: wanted.containers, programs) } catch {
          return Failure(error: error, isFinal: false)
        }
        if work.failureIsTold { log.notice("what seccomp filters deny is told again") }
        work.failureIsTold = false
        return nil
      } catch { return Failure(error: error, isFinal: !error.isPassing) }
    }
    if let failure { note(failure, wanted.onlyTrampoline) }
    state.withLock { state in
      state.isBusy = false
      guard let failure else { return }
      (state.isBehind, state.isGivenUp) = (true, failure.isFinal)
      state.nextTry = now() + Self.pauseSeconds * 1_000_000_000
    }
  }

  private struct Failure {
    var error: BPFError
    var isFinal: Bool
  }

  /// nil: none are needed yet.
  private func programs(for wanted: Looks, _ work: inout Work) throws(BPFError) -> (any SyscallWatcher)? {
    if work.programs == nil, !wanted.containers.isEmpty {
      let loaded = try load(wanted.onlyTrampoline)
      if wanted.onlyTrampoline, loaded.way == .tracepoint { throw .unavailable(loaded.trampolineProblem ?? "") }
      if loaded.way == .tracepoint {
        log.notice(
          "what seccomp filters deny is seen at the end of each system call of the node, which makes all of them slower",
          metadata: ["reason": "\(loaded.trampolineProblem ?? "")"])
      }
      work.programs = loaded
    }
    return work.programs
  }

  /// With the last container the programs are detached, so the ones that come are first.
  private static func bring(
    _ done: inout [CgroupID: SyscallPrograms.Watch], to wanted: [CgroupID: SyscallPrograms.Watch],
    _ programs: any SyscallWatcher
  ) throws(BPFError) {
    var failure: BPFError?
    for (cgroupID, watch) in wanted where done[cgroupID] != watch {
      do throws(BPFError) { try programs.watch(cgroupID, watch) } catch {
        // It may have been done in part.
        try? programs.leave(cgroupID)
        (done[cgroupID], failure) = (nil, error)
        break
      }
      done[cgroupID] = watch
    }
    // Also then: they make room in the kernel's table.
    for cgroupID in done.keys where wanted[cgroupID] == nil {
      try programs.leave(cgroupID)
      done[cgroupID] = nil
    }
    if let failure { throw failure }
  }

  private func note(_ failure: Failure, _ onlyTrampoline: Bool) {
    let isTold = work.withLock { work in
      defer { work.failureIsTold = true }
      return work.failureIsTold
    }
    if isTold { return }
    let reason: Logger.Metadata = ["reason": "\(failure.error)"]
    if !failure.isFinal {
      log.error("\(Self.nothingTold) of some containers, until the kernel has what that needs", metadata: reason)
    } else if onlyTrampoline {
      log.warning("\(Self.nothingTold), as the configuration says", metadata: reason)
    } else {
      log.warning("\(Self.nothingTold)", metadata: reason)
    }
  }
}

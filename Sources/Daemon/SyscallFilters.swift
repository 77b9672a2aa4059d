import BPF
import Enforcement
import Events
import Glibc
import Logging
import Policy
import Seccomp
import Synchronization
import System

/// The seccomp filters of the containers that run, by which events of their calls are judged.
///
/// A container keeps the filter that it was created with, whatever its profile says since. So only those filters are
/// known that this process sent. Of a container that an earlier process confined, what the kernel calls a denial is
/// told, and no rule.
package final class SyscallFilters: Sendable {
  /// nil: there are no BPF programs.
  private let watch: SyscallWatch?
  private let problem: String
  private let architecture: Architecture
  private let log: Logger

  private struct Watched {
    var containerID: String
    /// nil: the filter is not known.
    var filter: SentFilter?
  }
  private struct State {
    var wanted = NodeConfiguration.SeccompEvents.none
    var containers: [CgroupID: Watched] = [:]
    /// Events are read later than they happen.
    var ended = RecentValues<CgroupID, Watched>(limit: SubjectIndex.rememberedMax)
  }
  private let state = Mutex(State())

  /// - Parameter problem: why there are no BPF programs.
  package init(_ watch: SyscallWatch?, problem: String = "", architecture: Architecture? = nil, log: Logger) {
    (self.watch, self.problem, self.log) = (watch, problem, log)
    self.architecture = architecture ?? (try? SeccompEnvironment.thisNode())?.architecture ?? .x86_64
  }

  /// Tells from now on what the configuration asks for. Containers that start before this are not watched.
  package func begin(_ wanted: NodeConfiguration.SeccompEvents) {
    let isFirst = state.withLock { state in
      defer { state.wanted = wanted }
      return state.wanted == .none
    }
    if isFirst, wanted != .none, watch == nil {
      log.warning("\(SyscallWatch.nothingTold)", metadata: ["reason": "\(problem)"])
    }
  }

  // MARK: Containers

  /// Notes the container, and returns at once. What its calls do is told as soon as the kernel's programs look at it.
  ///
  /// - Parameter sent: the filter that this process sent for it, and what the filter was made from; nil: the container
  ///   ran before.
  package func insert(
    _ containerID: String, _ cgroupID: CgroupID, _ sent: (filter: SeccompFilter, of: ResolvedSeccomp)?
  ) {
    if watch?.isGivenUp == true { return }
    let isNew = state.withLock { state in
      if state.wanted == .none || sent == nil && state.containers[cgroupID]?.containerID == containerID { return false }
      // Containers of one profile share what is built of its filter.
      let filter = sent.map { sent in
        state.containers.values.lazy.compactMap(\.filter).first { $0.isOf(sent) } ?? SentFilter(sent)
      }
      state.containers[cgroupID] = Watched(containerID: containerID, filter: filter)
      return true
    }
    if isNew { watch?.update { [self] in looks } }
  }

  /// Forgets the containers that have ended. Their events may still come.
  package func keep(_ isRunning: (_ containerID: String) -> Bool) {
    // `isRunning` waits for a lock of its own.
    let ended = state.withLock({ $0.containers }).filter { !isRunning($0.value.containerID) }
    state.withLock { state in
      for (cgroupID, container) in ended where state.containers[cgroupID]?.containerID == container.containerID {
        state.containers[cgroupID] = nil
        state.ended.insert(container, for: cgroupID)
      }
    }
    if ended.isEmpty { watch?.tryAgain { [self] in looks } } else { watch?.update { [self] in looks } }
  }

  /// What the kernel's programs are to look at.
  private var looks: SyscallWatch.Looks {
    let (wanted, containers) = state.withLock { ($0.wanted, $0.containers) }
    return SyscallWatch.Looks(
      onlyTrampoline: wanted == .trampoline, containers: containers.mapValues { $0.filter?.watch ?? .certain })
  }

  /// Waits until the kernel's programs look at what they should, or cannot.
  package func settle() { watch?.settle() }

  /// The filter that this process sent for a container; nil: it is not known, or cannot be built.
  func filter(of cgroupID: CgroupID) -> ReplayedFilter? {
    state.withLock { $0.containers[cgroupID] }?.filter?.built(architecture, log)
  }

  // MARK: Events

  /// Why a call was stopped; nil: the container's filter lets it pass.
  package func ruling(_ cgroupID: CgroupID, _ call: KernelEvent.Syscall) -> SyscallRuling? {
    guard let container = state.withLock({ $0.containers[cgroupID] ?? $0.ended[cgroupID] }) else { return nil }
    let named = ReplayedFilter.Call(audit: call.architecture, number: call.number)
    var ruling = SyscallRuling(
      name: named.name, architecture: named.architecture, error: call.errno.map(FilterAction.word), rule: nil)
    guard let filter = container.filter?.built(architecture, log) else { return call.isCertain ? ruling : nil }
    guard let found = filter.ruling(audit: call.architecture, number: call.number, arguments: call.arguments),
      !found.isFallback, !Self.isOtherwise(found.action, named.name, call)
    else { return nil }
    ruling.rule = EventRule(found.part)
    ruling.isAudited = found.action == .log
    return ruling
  }

  /// Whether the result of a call says that the filter did not answer it so.
  private static func isOtherwise(_ action: FilterAction, _ name: String?, _ call: KernelEvent.Syscall) -> Bool {
    if call.isCertain { return false }
    switch action {
    // A tracer let the call pass.
    case .trace: return call.errno != ENOSYS
    // The child comes back from the call that its parent made.
    case .log: return call.result == 0 && ["clone", "clone3", "fork", "vfork"].contains(name)
    default: return false
    }
  }
}

/// A filter that was sent. Its program is built when the first event asks for it, by the thread that reads events.
private final class SentFilter: Sendable {
  private let filter: SeccompFilter
  private let resolved: ResolvedSeccomp
  private let replayed = Mutex<Result<ReplayedFilter, SeccompError>?>(nil)

  init(_ sent: (filter: SeccompFilter, of: ResolvedSeccomp)) { (filter, resolved) = sent }

  func isOf(_ sent: (filter: SeccompFilter, of: ResolvedSeccomp)) -> Bool {
    filter == sent.filter && resolved == sent.of
  }

  /// nil: it cannot be built, which the log says once.
  func built(_ architecture: Architecture, _ log: Logger) -> ReplayedFilter? {
    replayed.withLock { replayed in
      if let replayed { return try? replayed.get() }
      let made = Result { () throws(SeccompError) in
        try ReplayedFilter(filter, of: resolved, architecture: architecture)
      }
      if case .failure(let error) = made {
        log.error("cannot tell the rules of a seccomp filter", metadata: ["reason": "\(error)"])
      }
      replayed = made
      return try? made.get()
    }
  }

  var watch: SyscallPrograms.Watch { filter.answersUnseen ? .allResults : .failures }
}

extension EventRule {
  fileprivate init(_ part: ReplayedFilter.Part) {
    self =
      switch part {
      case .rule(let index, let location): .seccomp(.syscalls(index: index), location)
      case .defaultAction(let location): .seccomp(.defaultAction, location)
      case .architectures(let location): .seccomp(.architectures, location)
      case .kernelBlock(let surface): .kernelBlock(surface)
      case .kernelSockets: .kernelSockets
      }
  }
}

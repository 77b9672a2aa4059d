import CBPF
import CStockade
import Glibc
import Synchronization
import System

/// The programs that tell which system calls seccomp filters stop. They decide nothing. Nothing of them is pinned,
/// since what they tell is of use only while somebody reads it: they end with this process.
///
/// They are attached only while a container is watched: each of the node's calls, or each call of a process with a
/// filter, comes by at them.
package final class SyscallPrograms: Sendable {
  /// Where denials are seen.
  package enum Way: String, CaseIterable, Sendable {
    /// At the end of the kernel's function that asks the filters. Only processes with a filter come by.
    case trampoline
    /// At the end of every system call of the node.
    case tracepoint
  }

  /// What is told of a container's calls.
  package enum Watch: Equatable, Sendable {
    /// What may be a denial, by its result.
    case failures
    /// Also calls that succeed, of those that the filter does not let pass whatever their arguments are.
    case allResults
    /// What the kernel itself calls a denial. With the way `tracepoint` that is only what is killed.
    case certain

    fileprivate var flags: UInt32 {
      switch self {
      case .failures: 0
      case .allResults: STOCKADE_SYSCALL_ANY_RESULT.rawValue
      case .certain: STOCKADE_SYSCALL_CERTAIN.rawValue
      }
    }
  }

  static let map = "syscall_filters"

  package let way: Way
  /// Why the better way cannot be had; nil: this is the better one.
  package let trampolineProblem: String?
  private let object: BPFObject
  private let filters: MapAccess<CgroupID, UInt32>
  private struct State {
    var watched: Set<CgroupID> = []
    var links: [FileDescriptor] = []
  }
  private let state = Mutex(State())

  /// Loads the programs, by the better way that the kernel has. That takes the kernel up to some tenths of a second.
  ///
  /// - Parameter onlyTrampoline: loads nothing for the other way.
  init(onlyTrampoline: Bool, shared: SharedMaps) throws(BPFError) {
    var problem: String?
    var loaded: BPFObject?
    do { loaded = try Self.load(.trampoline, shared) } catch {
      // A kernel that was short of something has not said what it can do.
      if error.isPassing { throw error }
      let reason = Self.reason(error)
      if onlyTrampoline { throw .unavailable(reason) }
      problem = reason
    }
    way = loaded == nil ? .tracepoint : .trampoline
    trampolineProblem = problem
    object = if let loaded { loaded } else { try Self.load(.tracepoint, shared) }
    filters = MapAccess(name: Self.map, descriptor: try object.map(Self.map))
  }

  private static func reason(_ error: BPFError) -> String {
    if case .load(_, EPERM, _) = error { return "this kernel lets no programs be attached to its functions" }
    return error.line
  }

  private static func load(_ way: Way, _ shared: SharedMaps) throws(BPFError) -> BPFObject {
    let image = way == .trampoline ? EmbeddedObjects.syscallReturn : EmbeddedObjects.syscallExit
    let object = try BPFObject(object(of: way), image, shared: shared, isShared: PolicyMaps.isShared)
    // A kernel may load what it does not attach.
    if way == .trampoline { _ = try object.attachTracing(program(of: object)) }
    return object
  }

  /// The program that tells denials. The function where it is attached has another name on newer kernels.
  private static func program(of object: BPFObject) throws(BPFError) -> String {
    guard let found = object.programNames.first(where: { $0 != killed }) else {
      throw .unavailable("this kernel has no function by which it asks the filters, as far as Stockade knows")
    }
    return found
  }

  private static let killed = "syscall_killed"

  private static func object(of way: Way) -> String { way == .trampoline ? "syscall_return" : "syscall_exit" }

  /// Tells of the container's calls from now on. With the first container the programs are attached.
  package func watch(_ cgroupID: CgroupID, _ watch: Watch) throws(BPFError) {
    try state.withLock { (state) throws(BPFError) in
      try filters.set(cgroupID, watch.flags)
      state.watched.insert(cgroupID)
      if !state.links.isEmpty { return }
      state.links = [
        try object.attachTracing(Self.killed), try object.attachTracing(Self.program(of: object)),
      ]
    }
  }

  /// Does not tell of the container's calls any more. With the last container the programs are detached.
  package func leave(_ cgroupID: CgroupID) throws(BPFError) {
    try state.withLock { (state) throws(BPFError) in
      guard state.watched.remove(cgroupID) != nil else { return }
      if state.watched.isEmpty { state.links = [] }
      try filters.remove(cgroupID)
    }
  }

  /// How often the kernel skipped one of the programs, since it was running already on that processor.
  package func skipped() throws(BPFError) -> UInt64 { try object.skipped() }

  /// Whether the programs are attached.
  package var isAttached: Bool { state.withLock { !$0.links.isEmpty } }
}

extension PolicyMaps {
  /// Loads the programs that tell which calls seccomp filters stop.
  package func syscallPrograms(onlyTrampoline: Bool = false) throws(BPFError) -> SyscallPrograms {
    try SyscallPrograms(onlyTrampoline: onlyTrampoline, shared: shared)
  }
}

import BPF
import Glibc
import Synchronization
import System

/// Remembers which cgroups have processes, so that not every sweep looks at every cgroup.
///
/// The kernel tells when a cgroup's `cgroup.events` changes. A cgroup that cannot be watched is looked at each time: v1
/// has no such file.
final class CgroupWatch: Sendable {
  private struct State {
    /// nil: none could be had, or none was asked for yet.
    var inotify: Inotify?
    var began: ContinuousClock.Instant?
    /// When a cgroup that is not watched was first seen in use.
    var seen: [CgroupID: ContinuousClock.Instant] = [:]
    /// The watches of the cgroups that had processes at the last look.
    var watches: [CgroupID: Int32] = [:]
    var cgroups: [Int32: CgroupID] = [:]

    mutating func forget(_ watch: Int32) {
      inotify?.end(watch)
      if let cgroup = cgroups.removeValue(forKey: watch) { watches[cgroup] = nil }
    }
  }
  private let state = Mutex(State())

  /// How long a cgroup is in use before it is watched. Of two changes within 10 ms the kernel tells the second one
  /// later, and never if the cgroup is gone by then.
  private let settled: Duration

  init(settled: Duration = .seconds(1)) { self.settled = settled }

  /// After this time every cgroup is looked at once more, in case that an event was lost.
  private static let longestMemory = Duration.seconds(300)

  /// The cgroups that are known to have no process.
  func unused(among cgroups: [Cgroup]) -> Set<CgroupID> {
    state.withLock { state in
      Self.takeEvents(&state)
      return Set(cgroups.filter { !isInUse($0, &state) }.map(\.id))
    }
  }

  func isInUse(_ cgroup: Cgroup) -> Bool { unused(among: [cgroup]).isEmpty }

  private func isInUse(_ cgroup: Cgroup, _ state: inout State) -> Bool {
    if state.watches[cgroup.id] != nil { return true }
    let now = ContinuousClock.now
    let isSettled = state.seen[cgroup.id].map { now - $0 >= settled } ?? false
    // The watch comes first, so no change is missed.
    let watch = isSettled ? try? state.inotify?.watch(Self.events(cgroup), for: UInt32(IN_MODIFY)) : nil
    let isEmpty = try? cgroup.isEmpty()
    if isEmpty == false, let watch {
      state.watches[cgroup.id] = watch
      state.cgroups[watch] = cgroup.id
    } else if let watch {
      state.inotify?.end(watch)
    }
    let isNew = isEmpty == false && watch == nil
    state.seen[cgroup.id] = isNew ? state.seen[cgroup.id] ?? now : nil
    return isEmpty != true
  }

  private static func events(_ cgroup: Cgroup) -> String { cgroup.directory + "/cgroup.events" }

  /// The cgroups that are known to have a process, without a look at them.
  var knownInUse: Set<CgroupID> {
    state.withLock { state in
      Self.takeEvents(&state)
      return Set(state.watches.keys)
    }
  }

  /// Forgets each cgroup that has changed.
  private static func takeEvents(_ state: inout State) {
    let now = ContinuousClock.now
    let events = try? state.inotify?.takeEvents() ?? []
    let isWhole = events?.contains { $0.watch < 0 } == false
    guard let events, isWhole, let began = state.began, now - began < longestMemory else {
      state = State(inotify: try? Inotify(), began: now)
      return
    }
    for event in events { state.forget(event.watch) }
  }
}

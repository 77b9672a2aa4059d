import CBPF
import CStockade
import Glibc
import Synchronization
import System

/// What the kernel counted in a container's recording.
package struct RecordingCounts: Equatable, Sendable {
  /// By the first half of each fact's key, as events have it.
  package var facts: [UInt64: UInt64] = [:]
  package var syscalls: [RecordedSyscall] = []
  /// CAP_*.
  package var capabilities: [UInt32: UInt64] = [:]
  /// How many events were lost.
  package var lost: UInt64 = 0
  /// Execs with other arguments are other facts.
  package var hasArguments = false

  package init() {}
}

/// A call that a recorded container made.
package struct RecordedSyscall: Hashable, Sendable {
  /// AUDIT_ARCH_*.
  package var architecture: UInt32
  /// With bit 30 for x32.
  package var number: UInt32
  package init(architecture: UInt32, number: UInt32) { (self.architecture, self.number) = (architecture, number) }
}

/// The containers that are recorded. The kernel has a map for each, which programs fill. This process holds the maps,
/// so what they have can be read when the container is gone.
package final class Recordings: Sendable {
  /// At once.
  package static let maximum = Int(STOCKADE_RECORDINGS_MAX)
  /// Of one recording.
  package static let factsMaximum = Int(STOCKADE_FACTS_MAX)

  private let recorded: MapAccess<CgroupID, Int32>
  private let shared: SharedMaps
  private struct Held {
    var map: FileDescriptor
    var protected: PassingObjects
  }
  private let held = Mutex<[CgroupID: Held]>([:])

  /// Ends the recordings that an earlier process left.
  init(_ shared: SharedMaps) throws(BPFError) {
    self.shared = shared
    recorded = try PolicyMaps.map("recordings", shared)
    for cgroupID in try recorded.keys(zero: CgroupID(0)) { try recorded.remove(cgroupID) }
  }

  /// Whether this process records the container, or has not yet taken what it recorded.
  package func has(_ cgroupID: CgroupID) -> Bool { held.withLock { $0[cgroupID] != nil } }

  package var all: [CgroupID] { held.withLock { Array($0.keys) } }

  /// Tells each thing that the container does once from now on, if its policy audits it. Begins anew if the container
  /// is recorded already.
  ///
  /// - Parameters:
  ///   - withArguments: execs with other arguments are other facts.
  ///   - limit: how many facts the kernel remembers.
  package func begin(
    _ cgroupID: CgroupID, withArguments: Bool = false, limit: Int = factsMaximum
  ) throws(BPFError) {
    let map = try Self.make(limit, withArguments)
    let protected = try PassingObjects(try shared.remember(maps: [map]), shared)
    try held.withLock { (held) throws(BPFError) in
      if held[cgroupID] == nil, held.count >= Self.maximum {
        throw .unavailable("\(Self.maximum) containers are recorded already, which is the most; end one of these")
      }
      try recorded.set(cgroupID, map.number)
      held[cgroupID] = Held(map: map, protected: protected)
    }
  }

  private static func make(_ limit: Int, _ withArguments: Bool) throws(BPFError) -> FileDescriptor {
    var options = bpf_map_create_opts()
    options.sz = MemoryLayout<bpf_map_create_opts>.size
    options.map_flags = UInt32(BPF_F_NO_PREALLOC)
    let number = bpf_map_create(
      BPF_MAP_TYPE_HASH, "recording", UInt32(MemoryLayout<stockade_fact>.size), 8, UInt32(limit), &options)
    if number < 0 { throw .system(Errno(-number, "make the map of a recording")) }
    let map = FileDescriptor(owning: number)
    // The programs raise this one only if it is there.
    try access(map).set(stockade_fact(hash: (UInt64(STOCKADE_LOST_FACTS.rawValue), 0)), 0)
    if withArguments { try access(map).set(stockade_fact(hash: (UInt64(STOCKADE_WITH_ARGUMENTS.rawValue), 0)), 0) }
    return map
  }

  private static func access(_ map: FileDescriptor) -> MapAccess<stockade_fact, UInt64> {
    MapAccess(name: "recording", descriptor: map)
  }

  /// Nothing more of the container is recorded. What was can still be taken. A container that is not recorded is
  /// success.
  ///
  /// The kernel waits some milliseconds for its programs at each removal, so it is asked for no container in vain.
  package func stop(_ cgroupID: CgroupID) throws(BPFError) { if has(cgroupID) { try recorded.remove(cgroupID) } }

  /// What was recorded, once; nil: the container was not recorded.
  package func take(_ cgroupID: CgroupID) throws(BPFError) -> RecordingCounts? {
    try stop(cgroupID)
    guard let one = held.withLock({ $0.removeValue(forKey: cgroupID) }) else { return nil }
    return RecordingCounts(try Self.access(one.map).elements(zero: (stockade_fact(), 0)))
  }
}

extension RecordingCounts {
  fileprivate init(_ elements: [(key: stockade_fact, value: UInt64)]) {
    for (key, count) in elements {
      let (first, second) = key.hash
      switch first {
      case UInt64(STOCKADE_LOST_FACTS.rawValue): lost = count
      case UInt64(STOCKADE_USES_SYSCALL.rawValue):
        syscalls.append(RecordedSyscall(architecture: UInt32(second >> 32), number: UInt32(truncatingIfNeeded: second)))
      case UInt64(STOCKADE_USES_CAPABILITY.rawValue): capabilities[UInt32(truncatingIfNeeded: second)] = count
      case UInt64(STOCKADE_WITH_ARGUMENTS.rawValue): hasArguments = true
      default: facts[first] = count
      }
    }
  }
}

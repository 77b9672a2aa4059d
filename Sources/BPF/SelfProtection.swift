import CBPF
import CStockade
import Glibc
import System

/// Tells the programs what marked tasks may not touch, whatever their profile says: this process, its BPF objects, and
/// folders of the node. docs/tiers.md says what is refused.
package struct SelfProtection: Sendable {
  /// How a folder is protected, with everything in it.
  package enum Protection: Equatable, Sendable {
    /// Nothing in it can be opened. This is for pins.
    case hidden
    /// Nothing in it can be changed.
    case kept
  }

  private let shared: SharedMaps
  private let objects: MapAccess<stockade_object, UInt32>
  private let inodes: MapAccess<stockade_inode, UInt32>
  private let devices: MapAccess<UInt32, UInt32>
  private let daemon: MapAccess<UInt32, stockade_process>

  /// nil: no programs that protect were loaded, because the tier is `signal` or `none`.
  package init?(shared: SharedMaps) throws(BPFError) {
    guard let objects = try shared.descriptor("own_objects"), let inodes = try shared.descriptor("protected_inodes"),
      let devices = try shared.descriptor("protected_devices"), let daemon = try shared.descriptor("daemon")
    else { return nil }
    self.shared = shared
    self.objects = MapAccess(name: "own_objects", descriptor: objects)
    self.inodes = MapAccess(name: "protected_inodes", descriptor: inodes)
    self.devices = MapAccess(name: "protected_devices", descriptor: devices)
    self.daemon = MapAccess(name: "daemon", descriptor: daemon)
  }

  /// Protects this process, all BPF objects that it has loaded so far, and those of the folders that exist. What an
  /// earlier process protected beside them is no longer protected. Call it when all programs are loaded.
  package func start(folders: [String: Protection]) throws(BPFError) {
    let places: ProtectedPlaces
    let ticks: UInt64
    do {
      places = try ProtectedPlaces(folders: folders, mountInfo: try Files.text("/proc/self/mountinfo"))
      ticks = try ProcessStat.startTicks(in: "/proc/self")
    } catch { throw .system(error) }
    try replace(objects, with: shared.objects.map { ($0, 1) }, zero: stockade_object()) {
      [UInt64($0.kind), UInt64($0.id)]
    }
    try replace(inodes, with: places.inodes, zero: stockade_inode()) { [$0.number, UInt64($0.device)] }
    try replace(devices, with: places.devices, zero: 0) { [UInt64($0)] }
    try daemon.set(0, ProcessIdentity(pid: UInt32(getpid()), startTicks: ticks).value)
  }

  /// Protects the objects that were loaded since as well, and changes nothing else.
  package func addObjects() throws(BPFError) { try add(shared.objects) }

  fileprivate func add(_ objects: [stockade_object]) throws(BPFError) {
    for object in objects { try self.objects.set(object, 1) }
  }

  fileprivate func remove(_ objects: [stockade_object]) throws(BPFError) {
    for object in objects { try self.objects.remove(object) }
  }

  /// New elements are written first, so what stays protected is protected all the time.
  private func replace<Key>(
    _ map: MapAccess<Key, UInt32>, with elements: [(Key, UInt32)], zero: Key, by identity: (Key) -> [UInt64]
  ) throws(BPFError) {
    for (key, value) in elements { try map.set(key, value) }
    let wanted = Set(elements.map { identity($0.0) })
    for key in try map.keys(zero: zero) where !wanted.contains(identity(key)) { try map.remove(key) }
  }
}

/// Maps and programs that end before this process does. They are protected as long as this value is there.
final class PassingObjects: Sendable {
  private let shared: SharedMaps
  private let objects: [stockade_object]

  /// - Parameter objects: `shared` remembers them.
  init(_ objects: [stockade_object], _ shared: SharedMaps) throws(BPFError) {
    (self.objects, self.shared) = (objects, shared)
    try SelfProtection(shared: shared)?.add(objects)
  }

  deinit {
    let gone = shared.forget(objects)
    try? SelfProtection(shared: shared)?.remove(gone)
  }
}

import CBPF
import CStockade
import Glibc
import Synchronization
import System

/// The maps that several BPF objects share, by name. The first object that is loaded makes a map, and the others reuse
/// it. If there is a folder, the maps are pinned there, and an earlier process's maps are reused.
package final class SharedMaps: Sendable {
  /// A folder on a bpf file system; nil: nothing is pinned, and the maps go with the process.
  package let folder: String?
  /// The `cgroup.procs` of a cgroup without a limit, from which `growing` maps are made; nil: there is no such cgroup.
  private let makers: String?
  private let problem = Mutex<String?>(nil)
  private let descriptors = Mutex<[String: FileDescriptor]>([:])
  private let loaded = Mutex<[stockade_object]>([])
  /// Names of maps that have a marker.
  private let marked = Mutex<Set<String>>([])
  private let seen = Mutex(SeenFolder())

  /// What containers do makes these maps take more memory. The kernel charges it to the cgroup from which the map was
  /// made. If that were the daemon's cgroup, and it had a limit, one container could use up the memory for all.
  private static let growing: Set = ["marks", "script_rules", "connections"]

  package init(folder: String?, makers: String? = nil) {
    self.folder = folder
    self.makers = makers
  }

  /// nil: no object that has this map was loaded, and none is pinned.
  package func descriptor(_ name: String) throws(BPFError) -> FileDescriptor? {
    if let known = descriptors.withLock({ $0[name] }) { return known }
    guard let folder else { return nil }
    let path = "\(folder)/\(name)"
    if !Files.exists(path) { return nil }
    let pinned = FileDescriptor(owning: try bpf("open the pinned map \(path)") { bpf_obj_get(path) })
    descriptors.withLock { $0[name] = pinned }
    return pinned
  }

  /// Keeps a map that was just made, and pins it.
  func add(_ name: String, _ descriptor: FileDescriptor) throws(BPFError) {
    if name == hashKeysMap { try fillHashKeys(descriptor) }
    if let folder {
      try bpf("pin the map \(name) at \(folder)/\(name)") { bpf_obj_pin(descriptor.number, "\(folder)/\(name)") }
    }
    descriptors.withLock { $0[name] = descriptor }
  }

  /// Does the same. But if one of the `growing` maps does not exist, it is made from the cgroup without a limit. If
  /// that fails, `makingProblem` says why, and the object's load makes the map like any other.
  ///
  /// - Parameters:
  ///   - map: a map of `object`, which is not loaded yet.
  func descriptor(
    _ name: String, making map: OpaquePointer, of object: OpaquePointer
  ) throws(BPFError) -> FileDescriptor? {
    if let known = try descriptor(name) {
      noteMaker(of: name)
      return known
    }
    guard let makers, Self.growing.contains(name) else { return nil }
    // A process that was killed between the two steps left this marker.
    if let marker = marker(of: name) { rmdir(marker) }
    let made = stockade_make_map_in(makers, object, map)
    guard made >= 0 else {
      problem.withLock { $0 = "\(Errno(-made, "make the map \(name) by way of \(makers)"))" }
      return nil
    }
    let descriptor = FileDescriptor(owning: made)
    // The mark comes before the pin: without it, the pinned map would be taken for another's for ever.
    try mark(name)
    try add(name, descriptor)
    return descriptor
  }

  /// A folder beside the pin of a map that was made from the cgroup without a limit. It is needed because the kernel
  /// does not tell that.
  private func marker(of name: String) -> String? { folder.map { "\($0)/\(name)_of_root" } }

  private func mark(_ name: String) throws(BPFError) {
    guard let marker = marker(of: name) else { return }
    if mkdir(marker, 0o700) == -1, errno != EEXIST { throw .system(Errno(errno, "make the folder \(marker)")) }
    marked.withLock { _ = $0.insert(name) }
  }

  private func noteMaker(of name: String) {
    guard Self.growing.contains(name), let marker = marker(of: name) else { return }
    if Files.exists(marker) {
      marked.withLock { _ = $0.insert(name) }
    } else if makers != nil {
      problem.withLock { $0 = $0 ?? "an earlier Stockade made the map \(name), which is charged to where that was" }
    }
  }

  /// Pins again what is not pinned. This process holds the maps themselves.
  func check(_ check: PinCheck) -> Damage {
    var damage = Damage(.maps)
    guard let folder, seen.withLock({ $0.mayHaveChanged(folder) }) else { return damage }
    for (name, map) in descriptors.withLock({ $0 }).sorted(by: { $0.key < $1.key }) {
      do { try checkPin(of: map, name, in: folder, check, &damage) } catch { damage.note(error) }
    }
    for name in marked.withLock({ $0 }) where !Files.exists(marker(of: name)!) {
      damage.gone.append("\(name)_of_root")
      if check == .mend { do { try mark(name) } catch { damage.note(error) } }
    }
    if !damage.isNone { seen.withLock { $0.forget() } }
    return damage
  }

  private func checkPin(
    of map: FileDescriptor, _ name: String, in folder: String, _ check: PinCheck, _ damage: inout Damage
  ) throws(BPFError) {
    let path = "\(folder)/\(name)"
    if let pin = try Pin.open(path) {
      if try KernelObject(map: pin, named: name) == KernelObject(map: map, named: name) { return }
      damage.replaced.append(name)
    } else {
      damage.gone.append(name)
    }
    if check == .mend { try Pin.put(map, at: path) }
  }

  /// Why a map that grows with what containers do is charged where there is a limit; nil: no such map is.
  package var makingProblem: String? { problem.withLock { $0 } }

  /// Remembers maps and programs that were loaded, and says what the kernel calls them.
  @discardableResult
  func remember(
    maps: some Sequence<FileDescriptor>, programs: some Sequence<FileDescriptor> = []
  ) throws(BPFError) -> [stockade_object] {
    var found: [stockade_object] = []
    for map in maps {
      var info = bpf_map_info()
      var size = UInt32(MemoryLayout<bpf_map_info>.size)
      try bpf("inspect a map") { bpf_obj_get_info_by_fd(map.number, &info, &size) }
      found.append(stockade_object(kind: STOCKADE_OBJECT_MAP.rawValue, id: info.id))
    }
    for program in programs {
      var info = bpf_prog_info()
      var size = UInt32(MemoryLayout<bpf_prog_info>.size)
      try bpf("inspect a program") { bpf_obj_get_info_by_fd(program.number, &info, &size) }
      found.append(stockade_object(kind: STOCKADE_OBJECT_PROGRAM.rawValue, id: info.id))
    }
    loaded.withLock { $0 += found }
    return found
  }

  /// Forgets what was remembered once, and returns those that nothing else remembers.
  func forget(_ objects: [stockade_object]) -> [stockade_object] {
    loaded.withLock { loaded in
      for object in objects { loaded.firstIndex { $0.isSame(as: object) }.map { _ = loaded.remove(at: $0) } }
      return objects.filter { object in !loaded.contains { $0.isSame(as: object) } }
    }
  }

  /// The maps and programs of all objects that were loaded with these maps. A shared map is in it several times.
  package var objects: [stockade_object] { loaded.withLock { $0 } }

  /// Names of the maps that were made or found so far.
  package var names: [String] { descriptors.withLock { $0.keys.sorted() } }
}

extension stockade_object {
  fileprivate func isSame(as other: Self) -> Bool { kind == other.kind && id == other.id }
}

import CBPF
import CStockade
import Glibc
import Synchronization
import System

/// The maps that several BPF objects share, by name: the first object that is loaded makes one, the others reuse it.
/// With a folder they are pinned there, and an earlier process's are reused.
package final class SharedMaps: Sendable {
  /// On a bpf file system; nil: nothing is pinned, and the maps go with the process.
  package let folder: String?
  /// The `cgroup.procs` of a cgroup without a limit, which `growing` maps are made from; nil: there is none.
  private let makers: String?
  private let problem = Mutex<String?>(nil)
  private let descriptors = Mutex<[String: FileDescriptor]>([:])
  private let loaded = Mutex<[stockade_object]>([])
  /// Names of maps that have a marker.
  private let marked = Mutex<Set<String>>([])
  private let seen = Mutex(SeenFolder())

  /// What containers do makes these take more memory, and the kernel charges it to the cgroup that the map was made
  /// from: were that the daemon's, and had it a limit, one container could use it up for all.
  private static let growing: Set = ["marks", "connections"]

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

  /// The same, and one of `growing` that there is none of is made from the cgroup without a limit. Where that fails,
  /// `makingProblem` says why, and the object's load makes it as any other.
  ///
  /// - Parameters:
  ///   - map: of `object`, which is not loaded yet.
  func descriptor(
    _ name: String, making map: OpaquePointer, of object: OpaquePointer
  ) throws(BPFError) -> FileDescriptor? {
    if let known = try descriptor(name) {
      noteMaker(of: name)
      return known
    }
    guard let makers, Self.growing.contains(name) else { return nil }
    // Of a process that was killed between the two.
    if let marker = marker(of: name) { rmdir(marker) }
    let made = stockade_make_map_in(makers, object, map)
    guard made >= 0 else {
      problem.withLock { $0 = "\(Errno(-made, "make the map \(name) by way of \(makers)"))" }
      return nil
    }
    let descriptor = FileDescriptor(owning: made)
    // Before the pin: without it what is pinned would be taken for another's for ever.
    try mark(name)
    try add(name, descriptor)
    return descriptor
  }

  /// A folder beside the pin of a map that was made from the cgroup without a limit: the kernel does not tell.
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

  /// Pins again what is not pinned: the maps themselves are held by this process.
  func check(_ check: PinCheck) -> Damage {
    var damage = Damage(.maps)
    guard let folder, seen.withLock({ $0.mayHaveChanged(folder) }) else { return damage }
    for (name, map) in descriptors.withLock({ $0 }).sorted(by: { $0.key < $1.key }) {
      do throws(BPFError) { try checkPin(of: map, name, in: folder, check, &damage) } catch { damage.note(error) }
    }
    for name in marked.withLock({ $0 }) where !Files.exists(marker(of: name)!) {
      damage.gone.append("\(name)_of_root")
      if check == .mend { do throws(BPFError) { try mark(name) } catch { damage.note(error) } }
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

  /// Why a map that grows with what containers do is not charged where it has no limit; nil: none is.
  package var makingProblem: String? { problem.withLock { $0 } }

  /// Remembers the maps and programs of an object that was loaded.
  func remember(maps: some Sequence<FileDescriptor>, programs: some Sequence<FileDescriptor>) throws(BPFError) {
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
  }

  /// The maps and programs of all objects that were loaded with these maps; a shared one several times.
  package var objects: [stockade_object] { loaded.withLock { $0 } }

  /// Names of the maps that were made or found so far.
  package var names: [String] { descriptors.withLock { $0.keys.sorted() } }
}

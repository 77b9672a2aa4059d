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
  private let descriptors = Mutex<[String: FileDescriptor]>([:])
  private let loaded = Mutex<[stockade_object]>([])

  package init(folder: String?) { self.folder = folder }

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

import CBPF
import Glibc
import Synchronization
import System

/// The maps that several BPF objects share, by name: the first object that is loaded makes one, the others reuse it.
/// With a folder they are pinned there, and an earlier process's are reused.
package final class SharedMaps: Sendable {
  /// On a bpf file system; nil: nothing is pinned, and the maps go with the process.
  package let folder: String?
  private let descriptors = Mutex<[String: FileDescriptor]>([:])

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

  /// Names of the maps that were made or found so far.
  package var names: [String] { descriptors.withLock { $0.keys.sorted() } }
}

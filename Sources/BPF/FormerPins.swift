import CBPF
import Glibc
import System

/// What an earlier Stockade of another layout pinned, while this one takes its place.
///
/// The layout of the pins has a number. It is in the name of the folder `layout_NUMBER` beside the pins. If there is no
/// such folder, the layout is the one before there were numbers. The number is raised before anything else is touched,
/// so a Stockade that does not know the new layout never takes over half of it. The maps' shapes tell what has to
/// change. So if a take-over is cut short, the next start goes on with it.
///
/// Meanwhile `former/` has the maps of earlier shapes, and `former/links/` has the programs that write these maps. They
/// go on beside the new ones until everything that reads the old maps is replaced. No process and no cgroup is ever
/// without a program.
package final class FormerPins: Sendable {
  /// Raised with the shape of a pinned map, and with the meaning of what earlier programs read there.
  package static let layout = 2
  private static let prefix = "layout_"
  /// Shapes of earlier layouts, whose maps are of no use as they are. In other maps, this version's programs read what
  /// earlier versions wrote.
  static let shapes: [String: MapShape] = [
    // The values were cgroup ids.
    "strays": MapShape(type: BPF_MAP_TYPE_HASH, key: 4, value: 8, elements: 8192),
    // There was one table for all containers.
    "flows": MapShape(type: BPF_MAP_TYPE_LRU_HASH, key: 32, value: 24, elements: 65536),
    "counters": MapShape(type: BPF_MAP_TYPE_PERCPU_ARRAY, key: 4, value: 8, elements: 6),
  ]
  static let remedy =
    "this Stockade takes over the layouts of version 0.1.0 and later up to its own; drain the node, stop Stockade, "
    + "and remove the folder, which detaches everything (docs/upgrade.md)"

  private let folder: String
  /// Two processes that take over at once would move each other's links.
  private let lock: FolderLock
  private var former: String { "\(folder)/former" }

  private init(_ folder: String, _ lock: FolderLock) { (self.folder, self.lock) = (folder, lock) }

  // MARK: What is there

  /// Puts aside what belongs to an earlier layout. It goes on there.
  ///
  /// - Returns: nil: everything has this version's layout.
  /// - Throws: `.layout` and `.newerLayout`, before anything is touched.
  static func setAside(in folder: String) throws(BPFError) -> FormerPins? {
    let lock: FolderLock
    do {
      lock = try FolderLock(on: folder)
      try lock.takeAlone()
    } catch { throw .system(error) }
    let maps = try formerMaps(in: folder)
    try raiseLayout(of: folder)
    let found = FormerPins(folder, lock)
    if !maps.isEmpty { try found.setAside(maps) }
    return Files.exists(found.former) ? found : nil
  }

  /// Names of the maps of earlier shapes.
  private static func formerMaps(in folder: String) throws(BPFError) -> [String] {
    try checkLayout(of: folder)
    let names = try names(in: folder)
    var former: [String] = []
    // This is a first start, so this version's shapes need not be read.
    if names.allSatisfy({ $0 == "links" || $0.hasPrefix(prefix) }) { return former }
    for (name, shape) in try currentShapes() where names.contains(name) {
      let found = try MapShape(of: openPin("\(folder)/\(name)"), named: name)
      if found == shape { continue }
      guard found == shapes[name] else {
        throw .layout(map: name, path: "\(folder)/\(name)", expected: shape, found: found)
      }
      former.append(name)
    }
    return former
  }

  /// - Throws: `.newerLayout` if a newer version made the pins.
  static func checkLayout(of folder: String) throws(BPFError) {
    if let found = layouts(try names(in: folder)).max(), found > layout {
      throw .newerLayout(folder: folder, found: found)
    }
  }

  private static func layouts(_ names: [String]) -> [Int] {
    names.compactMap { $0.hasPrefix(prefix) ? Int($0.dropFirst(prefix.count)) : nil }
  }

  /// The shapes of all maps that may be pinned, by name.
  static func currentShapes() throws(BPFError) -> [String: MapShape] { try embeddedShapes.get() }

  private static let embeddedShapes = Result { () throws(BPFError) in
    var found: [String: MapShape] = [:]
    for (name, image) in EmbeddedObjects.all { found.merge(try BPFObject.shapes(name, image)) { $1 } }
    return found
  }

  // MARK: What is done

  /// Says that the pins have this version's layout.
  static func markLayout(of folder: String) throws(BPFError) {
    let marker = "\(folder)/\(prefix)\(layout)"
    if mkdir(marker, 0o700) == -1, errno != EEXIST { throw .system(Errno(errno, "make the folder \(marker)")) }
  }

  private static func raiseLayout(of folder: String) throws(BPFError) {
    try markLayout(of: folder)
    for older in layouts(try names(in: folder)) where older < layout {
      let path = "\(folder)/\(prefix)\(older)"
      if rmdir(path) == -1, errno != ENOENT { throw .system(Errno(errno, "remove the folder \(path)")) }
    }
  }

  /// The links are moved first: while a map is in its old place, no link beside it belongs to a newer Stockade.
  private func setAside(_ maps: [String]) throws(BPFError) {
    for path in [former, "\(former)/links"] where mkdir(path, 0o700) == -1 && errno != EEXIST {
      throw .system(Errno(errno, "make the folder \(path)"))
    }
    for name in try Self.names(in: "\(folder)/links") where name.hasPrefix("mark_") { try setAside("links/\(name)") }
    for name in maps { try setAside(name) }
  }

  private func setAside(_ name: String) throws(BPFError) {
    let (from, to) = ("\(folder)/\(name)", "\(former)/\(name)")
    if rename(from, to) == -1 { throw .system(Errno(errno, "rename \(from) to \(to)")) }
  }

  /// nil: the earlier layout had no such map, or the map has this version's shape.
  func map(_ name: String) throws(BPFError) -> FileDescriptor? {
    let path = "\(former)/\(name)"
    return Files.exists(path) ? try Self.openPin(path) : nil
  }

  /// Takes away what was put aside: this version's programs and maps have taken its place.
  func remove() throws(BPFError) {
    do { try PolicyMaps.removePins(former) } catch { throw .system(error) }
  }

  private static func openPin(_ path: String) throws(BPFError) -> FileDescriptor {
    FileDescriptor(owning: try bpf("open the pin \(path)") { bpf_obj_get(path) })
  }

  private static func names(in folder: String) throws(BPFError) -> [String] {
    do { return try Files.names(in: folder) } catch { throw .system(error) }
  }
}

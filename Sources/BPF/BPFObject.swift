import CBPF
import Glibc
import System

/// A loaded BPF object: descriptors of its programs and maps. libbpf's own memory is given back after the load.
package final class BPFObject: Sendable {
  private let name: String
  private let programs: [String: FileDescriptor]
  private let maps: [String: FileDescriptor]

  /// - Parameters:
  ///   - constants: values of the object's `const volatile` variables.
  ///   - shared: maps that the object has and `isShared` names are taken from here, or added.
  package init(
    _ name: String, _ image: StaticString, constants: [String: UInt64] = [:], shared: SharedMaps,
    isShared: (String) -> Bool
  ) throws(BPFError) {
    self.name = name
    stockade_log_start()
    let bytes = decodeBase64(image)
    let object = bytes.withUnsafeBytes { bpf_object__open_mem($0.baseAddress, $0.count, nil) }
    guard let object else { throw Self.loadError(name, errno) }
    defer { bpf_object__close(object) }
    for (constant, value) in constants where stockade_set_constant(object, constant, value) != 0 {
      throw .missing(object: name, what: "constant \(constant)")
    }
    let optional = stockade_enable_optional(object)
    if optional < 0 { throw .system(Errno(-optional, "read the kernel's BTF")) }
    let made = try Self.reuse(shared, in: object, name, isShared)
    let result = bpf_object__load(object)
    if result < 0 { throw Self.loadError(name, -result) }
    maps = try Self.maps(of: object)
    programs = try Self.programs(of: object)
    for map in made { if let descriptor = maps[map] { try shared.add(map, descriptor) } }
    try shared.remember(maps: maps.values, programs: programs.values)
  }

  /// Gives back what loads took beside what is loaded: for each, libbpf parses all types of the kernel.
  package static func freeLoadMemory() { stockade_trim_memory() }

  package func program(_ program: String) throws(BPFError) -> FileDescriptor {
    guard let found = programs[program] else { throw .missing(object: name, what: "program \(program)") }
    return found
  }

  package func map(_ map: String) throws(BPFError) -> FileDescriptor {
    guard let found = maps[map] else { throw .missing(object: name, what: "map \(map)") }
    return found
  }

  /// Names of the programs that were loaded: all but optional ones whose hook the kernel lacks.
  package var programNames: [String] { programs.keys.sorted() }

  /// Attaches a `tp_btf`, `lsm` or `fmod_ret` program to what its section names, until the link is closed.
  /// BPF_RAW_TRACEPOINT_OPEN.
  package func attachTracing(_ program: String) throws(BPFError) -> FileDescriptor {
    let descriptor = try self.program(program)
    return FileDescriptor(
      owning: try bpf("attach the BPF program \(program)") { bpf_raw_tracepoint_open(nil, descriptor.number) })
  }

  /// Gives the object the shared maps that exist; returns the names of those that its load will make.
  private static func reuse(
    _ shared: SharedMaps, in object: OpaquePointer, _ name: String, _ isShared: (String) -> Bool
  ) throws(BPFError) -> [String] {
    var made: [String] = []
    var map = bpf_object__next_map(object, nil)
    while let current = map {
      let mapName = String(cString: bpf_map__name(current))
      if isShared(mapName) {
        if let descriptor = try shared.descriptor(mapName) {
          try checkLayout(of: current, mapName, descriptor, in: shared.folder)
          let result = bpf_map__reuse_fd(current, descriptor.number)
          if result < 0 { throw loadError(name, -result) }
        } else {
          made.append(mapName)
        }
      }
      map = bpf_object__next_map(object, current)
    }
    return made
  }

  private static func checkLayout(
    of map: OpaquePointer, _ name: String, _ descriptor: FileDescriptor, in folder: String?
  ) throws(BPFError) {
    var found = bpf_map_info()
    var size = UInt32(MemoryLayout<bpf_map_info>.size)
    try bpf("inspect the map \(name)") { bpf_obj_get_info_by_fd(descriptor.number, &found, &size) }
    func text(_ type: UInt32, _ key: UInt32, _ value: UInt32, _ entries: UInt32) -> String {
      "type \(type), key of \(key) bytes, value of \(value), \(entries) entries"
    }
    let here = text(
      bpf_map__type(map).rawValue, bpf_map__key_size(map), bpf_map__value_size(map), bpf_map__max_entries(map))
    let there = text(found.type, found.key_size, found.value_size, found.max_entries)
    if here != there { throw .layout(map: name, path: "\(folder ?? "-")/\(name)", expected: here, found: there) }
  }

  private static func maps(of object: OpaquePointer) throws(BPFError) -> [String: FileDescriptor] {
    var found: [String: FileDescriptor] = [:]
    var map = bpf_object__next_map(object, nil)
    while let current = map {
      found[String(cString: bpf_map__name(current))] = try duplicate(bpf_map__fd(current))
      map = bpf_object__next_map(object, current)
    }
    return found
  }

  private static func programs(of object: OpaquePointer) throws(BPFError) -> [String: FileDescriptor] {
    var found: [String: FileDescriptor] = [:]
    var program = bpf_object__next_program(object, nil)
    while let current = program {
      if bpf_program__autoload(current) {
        found[String(cString: bpf_program__name(current))] = try duplicate(bpf_program__fd(current))
      }
      program = bpf_object__next_program(object, current)
    }
    return found
  }

  private static func duplicate(_ number: Int32) throws(BPFError) -> FileDescriptor {
    FileDescriptor(owning: try bpf("duplicate a BPF descriptor") { fcntl(number, F_DUPFD_CLOEXEC, 3) })
  }

  private static func loadError(_ name: String, _ code: Int32) -> BPFError {
    var log = String(cString: stockade_log_text())
    while log.last?.isNewline == true { log.removeLast() }
    return .load(object: name, code: code, log: log)
  }
}

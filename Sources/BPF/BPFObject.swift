import CBPF
import CStockade
import Glibc
import System

/// A loaded BPF object: descriptors of its programs and maps. libbpf's own memory is given back after the load.
package final class BPFObject: Sendable {
  private let name: String
  private let programs: [String: FileDescriptor]
  private let maps: [String: FileDescriptor]
  /// What the kernel calls its programs and maps.
  let kernelObjects: [stockade_object]

  /// - Parameters:
  ///   - constants: values of the object's `const volatile` variables.
  ///   - shared: the maps that the object has and that `isShared` names are taken from here, or added here.
  package init(
    _ name: String, _ image: StaticString, constants: [String: UInt64] = [:], shared: SharedMaps,
    isShared: (String) -> Bool
  ) throws(BPFError) {
    self.name = name
    let object = try Self.open(name, image)
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
    kernelObjects = try shared.remember(maps: maps.values, programs: programs.values)
  }

  /// The caller must close it.
  private static func open(_ name: String, _ image: StaticString) throws(BPFError) -> OpaquePointer {
    stockade_log_start()
    let bytes = EmbeddedImage.bytes(of: image)
    let object = bytes.withUnsafeBytes { bpf_object__open_mem($0.baseAddress, $0.count, nil) }
    guard let object else { throw loadError(name, errno) }
    return object
  }

  /// Gives back the memory that loads took beside what is loaded: for each load, libbpf parses all types of the kernel.
  package static func freeLoadMemory() { Memory.giveBack() }

  package func program(_ program: String) throws(BPFError) -> FileDescriptor {
    guard let found = programs[program] else { throw .missing(object: name, what: "program \(program)") }
    return found
  }

  package func map(_ map: String) throws(BPFError) -> FileDescriptor {
    guard let found = maps[map] else { throw .missing(object: name, what: "map \(map)") }
    return found
  }

  /// Names of the programs that were loaded. Only optional programs whose hook the kernel lacks are missing.
  package var programNames: [String] { programs.keys.sorted() }

  /// How often the kernel skipped one of the programs, since it was running already on that processor.
  func skipped() throws(BPFError) -> UInt64 {
    var sum: UInt64 = 0
    for (name, program) in programs { sum += try ProgramRuns(of: program, named: name).skipped }
    return sum
  }

  /// Attaches a `tp_btf`, `lsm` or `fmod_ret` program to what its section names, until the link is closed.
  /// BPF_RAW_TRACEPOINT_OPEN.
  package func attachTracing(_ program: String) throws(BPFError) -> FileDescriptor {
    try Self.attachTracing(try self.program(program), named: program)
  }

  static func attachTracing(_ program: FileDescriptor, named name: String) throws(BPFError) -> FileDescriptor {
    FileDescriptor(
      owning: try bpf("attach the BPF program \(name)") { bpf_raw_tracepoint_open(nil, program.number) })
  }

  /// Gives the object the shared maps that exist. Returns the names of the maps that its load will make.
  private static func reuse(
    _ shared: SharedMaps, in object: OpaquePointer, _ name: String, _ isShared: (String) -> Bool
  ) throws(BPFError) -> [String] {
    var made: [String] = []
    var map = bpf_object__next_map(object, nil)
    while let current = map {
      let mapName = String(cString: bpf_map__name(current))
      if isShared(mapName) {
        if let descriptor = try shared.descriptor(mapName, making: current, of: object) {
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
    let (here, there) = (MapShape(declared: map), try MapShape(of: descriptor, named: name))
    if here != there { throw .layout(map: name, path: "\(folder ?? "-")/\(name)", expected: here, found: there) }
  }

  /// The maps that an object would make or reuse, by name. Nothing is loaded.
  static func shapes(_ name: String, _ image: StaticString) throws(BPFError) -> [String: MapShape] {
    let object = try open(name, image)
    defer { bpf_object__close(object) }
    var found: [String: MapShape] = [:]
    var map = bpf_object__next_map(object, nil)
    while let current = map {
      found[String(cString: bpf_map__name(current))] = MapShape(declared: current)
      map = bpf_object__next_map(object, current)
    }
    return found
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

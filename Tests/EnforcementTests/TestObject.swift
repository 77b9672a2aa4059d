import CBPF
import CStockade
import Glibc
import System

/// A BPF object of Tests/EnforcementTests/BPF, which runs functions of bpf/ on demand.
enum TestObject {
  private static let folder = "\(#filePath)".replacingLast("TestObject.swift", "BPF")
  private static let programs = "\(#filePath)".replacingLast("Tests/EnforcementTests/TestObject.swift", "bpf")

  /// - Parameter name: `file_decision` of BPF/file_decision.bpf.c.
  static func compiled(_ name: String) throws -> [UInt8] {
    let path = "/tmp/stockade-test-\(getpid())-\(name).o"
    defer { unlink(path) }
    let words =
      ["clang", "-target", "bpf", "-mcpu=v3", "-O2", "-g", "-I", programs, "-I", "\(programs)/include"]
      + ["-c", "\(folder)/\(name).bpf.c", "-o", path]
    var arguments = words.map { strdup($0) } + [nil]
    defer { arguments.forEach { free($0) } }
    var compiler: pid_t = 0
    let code = posix_spawnp(&compiler, words[0], nil, nil, &arguments, environ)
    if code != 0 { throw Errno(code, "start clang") }
    var status: Int32 = 0
    try call("wait for clang") { waitpid(compiler, &status, 0) }
    return try Files.read(path)
  }

  /// - Parameter maps: by name; those that the object does not have are passed over.
  static func load(_ image: [UInt8], sharing maps: [String], of descriptor: (String) throws -> Int32) throws
    -> OpaquePointer
  {
    let opened = image.withUnsafeBytes { bpf_object__open_mem($0.baseAddress, $0.count, nil) }
    guard let opened else { throw Errno(errno, "open a test object") }
    for map in maps {
      guard let found = bpf_object__find_map_by_name(opened, map) else { continue }
      let number = try descriptor(map)
      try call("share \(map)") { bpf_map__reuse_fd(found, number) }
    }
    // libbpf returns the negative errno.
    let code = bpf_object__load(opened)
    if code != 0 { throw Errno(-code, "load a test object") }
    return opened
  }

  /// `flags` of a container. Programs that take them do not ask the clock.
  static func flags(inAudit: Bool) -> UInt64 { inAudit ? 1 << UInt64(STOCKADE_AUDIT_SHIFT.rawValue) : 0 }

  /// Runs a raw_tp program with these numbers as its context.
  static func run(_ program: Int32, _ numbers: [UInt64]) throws -> UInt32 {
    try numbers.withUnsafeBytes { context in
      var options = bpf_test_run_opts()
      options.sz = MemoryLayout<bpf_test_run_opts>.size
      options.ctx_in = context.baseAddress
      options.ctx_size_in = UInt32(context.count)
      let code = bpf_prog_test_run_opts(program, &options)
      if code != 0 { throw Errno(-code, "run a test program") }
      return options.retval
    }
  }
}

extension String {
  /// Of a path that ends in `suffix`.
  fileprivate func replacingLast(_ suffix: String, _ other: String) -> String { dropLast(suffix.count) + other }
}

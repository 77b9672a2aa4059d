import BPF
import CBPF
import CStockade
import Enforcement
import Glibc
import Policy
import System
import Testing

/// The file hooks' decision as a program that judges open files of this process. LSM programs cannot be run on demand.
final class FileProgram {
  /// nil: a file that no rule is about.
  typealias Answer = (action: Action, reason: UInt32, rule: UInt16)?

  private static let source = "\(#filePath)".replacingLast("FileProgram.swift", "BPF/file_decision.bpf.c")
  private static let programs = "\(#filePath)".replacingLast("Tests/EnforcementTests/FileProgram.swift", "bpf")

  private static let image = Result { try compiled() }

  private let bench: ExecBench
  private let object: OpaquePointer
  private let program: Int32
  private var revision: UInt64 = 0

  init() throws {
    let bench = try ExecBench.shared()
    self.bench = bench
    let opened = try Self.image.get().withUnsafeBytes { bpf_object__open_mem($0.baseAddress, $0.count, nil) }
    guard let opened else { throw Errno(errno, "open the file decision") }
    object = opened
    for map in ["policies", "path_rules", "path_hash_keys", "arguments", "counters", "events", "rate"] {
      guard let found = bpf_object__find_map_by_name(object, map) else { continue }
      try call("share \(map)") { bpf_map__reuse_fd(found, try! bench.policy.shared.descriptor(map)!.number) }
    }
    try call("load the file decision") { bpf_object__load(opened) }
    program = bpf_program__fd(bpf_object__find_program_by_name(object, "file_decision"))
  }

  deinit {
    try? bench.policy.removePolicy(revision)
    bpf_object__close(object)
  }

  private static func compiled() throws -> [UInt8] {
    let path = "/tmp/stockade-test-\(getpid())-file-decision.o"
    defer { unlink(path) }
    let words =
      ["clang", "-target", "bpf", "-mcpu=v3", "-O2", "-g", "-I", programs, "-I", "\(programs)/include"]
      + ["-c", source, "-o", path]
    var arguments = words.map { strdup($0) } + [nil]
    defer { arguments.forEach { free($0) } }
    var compiler: pid_t = 0
    let code = posix_spawnp(&compiler, words[0], nil, nil, &arguments, environ)
    if code != 0 { throw Errno(code, "start clang") }
    var status: Int32 = 0
    try call("wait for clang") { waitpid(compiler, &status, 0) }
    return try Files.read(path)
  }

  func apply(_ section: FileSection, mode: Mode = .enforce) throws {
    var profile = Profile(name: "test", file: "test.yaml")
    profile.fileAccess = section
    profile.mode = mode
    try? bench.policy.removePolicy(revision)
    revision = bench.nextRevision()
    try bench.policy.install(
      PolicyCompiler.compile(profile, tier: .lsm, hasNetwork: false, withoutNewExecutables: false), revision: revision)
  }

  /// What the kernel says of an access to this open file.
  func judge(_ file: borrowing FileDescriptor, _ access: Set<Access>, _ reach: FileReach) throws -> Answer {
    let bits = access.reduce(UInt64(0)) {
      $0 | UInt64($1 == .read ? STOCKADE_READ.rawValue : STOCKADE_WRITE.rawValue)
    }
    let numbers = [UInt64(file.number), revision, bits, UInt64(FileReach.allCases.firstIndex(of: reach)!)]
    let answer = try numbers.withUnsafeBytes { try run($0) }
    guard answer != .max, let action = Action(rawValue: UInt8(answer & 0xff)) else { return nil }
    return (action, answer >> 8 & 0xff, UInt16(answer >> 16))
  }

  private func run(_ context: UnsafeRawBufferPointer) throws -> UInt32 {
    var options = bpf_test_run_opts()
    options.sz = MemoryLayout<bpf_test_run_opts>.size
    options.ctx_in = context.baseAddress
    options.ctx_size_in = UInt32(context.count)
    try call("run the file decision") { bpf_prog_test_run_opts(program, &options) }
    return options.retval
  }
}

extension String {
  /// Of a path that ends in `suffix`.
  fileprivate func replacingLast(_ suffix: String, _ other: String) -> String { dropLast(suffix.count) + other }
}

import CSeccomp
import Glibc
import Policy
import System

/// A filter as the kernel runs it: classic BPF over `struct seccomp_data`.
package struct FilterProgram: Sendable {
  /// The kernel's BPF_MAXINSNS less what runc puts before the filter (its ENOSYS stub: at most 15 instructions).
  package static let instructionsMax = 4096 - 32

  let instructions: [sock_filter]

  package var count: Int { instructions.count }

  static func check(length: Int, at location: Location) throws(SeccompError) {
    guard length <= instructionsMax else { throw .tooLong(location, instructions: length) }
  }

  /// Builds the program with libseccomp, from the same calls that runc makes.
  package init(
    _ filter: SeccompFilter, architecture: Architecture, at location: Location
  ) throws(SeccompError) {
    let action = try FilterAction(word: filter.defaultAction, errnoReturn: filter.defaultErrno, at: location)
    let context = try FilterContext(defaultAction: action, at: location)
    try context.setArchitectures(filter.architectures, native: architecture)
    for flag in filter.flags { try context.set(flag: flag) }
    if filter.syscalls.reduce(0, { $0 + $1.names.count }) > FilterContext.rulesWithoutTree { try context.useTree() }
    for rule in filter.syscalls { try context.add(rule, defaultAction: action) }
    instructions = try context.instructions()
  }
}

/// Owns a libseccomp filter.
private final class FilterContext {
  /// runc asks for a binary tree above as many rules; smaller programs are not worth it.
  static let rulesWithoutTree = 32

  private let context: scmp_filter_ctx
  private let location: Location

  /// seccomp_init
  init(defaultAction: FilterAction, at location: Location) throws(SeccompError) {
    guard let context = seccomp_init(defaultAction.value) else {
      throw .libseccomp(location, doing: "make a filter with the default action", reason: "invalid argument")
    }
    self.context = context
    self.location = location
  }

  deinit { seccomp_release(context) }

  /// seccomp_arch_add, seccomp_arch_remove
  func setArchitectures(_ words: [String], native: Architecture) throws(SeccompError) {
    for word in words + [native.ociName] {
      let token = try FilterWords.token(of: word, at: location)
      guard seccomp_arch_exist(context, token) != 0 else { continue }
      try check(seccomp_arch_add(context, token), "add architecture \(word)", at: location)
    }
    let machine = seccomp_arch_native()
    if machine != (try FilterWords.token(of: native.ociName, at: location)) {
      try check(seccomp_arch_remove(context, machine), "make a filter for \(native.ociName)", at: location)
    }
  }

  /// seccomp_attr_set
  func set(flag: String) throws(SeccompError) {
    let attribute: scmp_filter_attr
    switch flag {
    case "SECCOMP_FILTER_FLAG_LOG": attribute = SCMP_FLTATR_CTL_LOG
    case "SECCOMP_FILTER_FLAG_SPEC_ALLOW": attribute = SCMP_FLTATR_CTL_SSB
    default: return
    }
    try check(seccomp_attr_set(context, attribute, 1), "set \(flag)", at: location)
  }

  func useTree() throws(SeccompError) {
    try check(seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, 2), "sort the rules", at: location)
  }

  /// Like runc: a rule that does what the default does is left out, and so is a name that libseccomp does not know.
  func add(_ rule: SeccompFilter.Rule, defaultAction: FilterAction) throws(SeccompError) {
    let place = rule.location ?? location
    let action = try FilterAction(word: rule.action, errnoReturn: rule.errnoReturn, at: place)
    guard action != defaultAction else { return }
    var conditions: [scmp_arg_cmp] = []
    for argument in rule.arguments {
      conditions.append(
        scmp_arg_cmp(
          arg: argument.index, op: try FilterWords.comparison(argument.op, at: place), datum_a: argument.value,
          datum_b: argument.valueTwo))
    }
    for name in rule.names {
      guard let number = SyscallNames.number(of: name) else { continue }
      let result = seccomp_rule_add_array(context, action.value, number, UInt32(conditions.count), conditions)
      // The same conditions with another action: which of the two is meant, nobody can tell.
      if result == -EEXIST {
        throw .refused(
          place, "another rule with the same conditions has another action for \"\(name)\"; remove one")
      }
      try check(result, "add the rule for \"\(name)\"", at: place)
    }
  }

  /// seccomp_export_bpf
  func instructions() throws(SeccompError) -> [sock_filter] {
    let bytes: [UInt8]
    do throws(Errno) { bytes = try exported() } catch { throw .unreadable(location, error) }
    let size = MemoryLayout<sock_filter>.stride
    return bytes.withUnsafeBytes { raw in
      (0..<bytes.count / size).map { raw.loadUnaligned(fromByteOffset: $0 * size, as: sock_filter.self) }
    }
  }

  private func exported() throws(Errno) -> [UInt8] {
    let file = FileDescriptor(owning: try call("make a file in memory") { stockade_memory_file() })
    let result = seccomp_export_bpf(context, file.number)
    guard result == 0 else { throw Errno(-result, "build the BPF program of the filter") }
    try call("rewind the BPF program") { lseek(file.number, 0, SEEK_SET) }
    var bytes: [UInt8] = []
    while true {
      let part = try file.read(atMost: 65536)
      if part.isEmpty { return bytes }
      bytes += part
    }
  }

  private func check(_ result: Int32, _ doing: String, at place: Location) throws(SeccompError) {
    guard result != 0 else { return }
    throw .libseccomp(place, doing: doing, reason: Errno(-result, doing).reason)
  }
}

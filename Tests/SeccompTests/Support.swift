import Glibc
import Policy
import System

@testable import Seccomp

/// A folder that goes away with its owner.
final class Folder {
  let path: String

  init() throws {
    var template = Array("/tmp/stockade-seccomp-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw Errno(errno, "make a temporary folder") }
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  deinit {
    for name in (try? Files.names(in: path)) ?? [] { unlink(path + "/" + name) }
    rmdir(path)
  }

  func write(_ text: String, to name: String) throws { try Files.write(text, to: path + "/" + name) }
}

let here = Location(file: "profiles/web.yaml", line: 7)

let intel = SeccompEnvironment(architecture: .x86_64, kernel: KernelVersion(6, 1))

func environment(
  _ capabilities: [String] = [], architecture: Architecture = .x86_64, kernel: KernelVersion = KernelVersion(6, 1)
) -> SeccompEnvironment {
  SeccompEnvironment(
    capabilities: SeccompEnvironment.defaultCapabilities.union(capabilities), architecture: architecture, kernel: kernel
  )
}

/// A rule in few words. `line` is where it stands in `profiles/web.yaml`.
func rule(
  _ names: String..., action: String = "SCMP_ACT_ALLOW", errno: UInt32? = nil,
  if arguments: [SeccompFilter.Argument] = [], line: Int = 9
) -> SeccompFilter.Rule {
  var rule = SeccompFilter.Rule(names: names, action: action)
  rule.errnoReturn = errno
  rule.arguments = arguments
  rule.location = Location(file: here.file, line: line)
  return rule
}

func argument(_ index: UInt32, _ op: String, _ value: UInt64, _ second: UInt64 = 0) -> SeccompFilter.Argument {
  SeccompFilter.Argument(index: index, value: value, valueTwo: second, op: "SCMP_CMP_" + op)
}

func filter(
  default action: String = "SCMP_ACT_ERRNO", architectures: [String] = [], flags: [String] = [],
  _ rules: SeccompFilter.Rule...
) -> SeccompFilter {
  var filter = SeccompFilter(defaultAction: action)
  filter.architectures = architectures
  filter.flags = flags
  filter.syscalls = rules
  return filter
}

/// The inline filter, resolved.
func resolved(
  _ filter: SeccompFilter, mode: Mode = .enforce, environment: SeccompEnvironment = intel
) throws(SeccompError) -> ResolvedSeccomp {
  try resolve(
    SeccompSection(source: .inline(filter), location: here), profilesFolder: "/nonexistent", mode: mode,
    environment: environment)
}

func runtimeDefault(_ environment: SeccompEnvironment) throws(SeccompError) -> ResolvedSeccomp {
  try resolve(
    SeccompSection(source: .runtimeDefault, location: here), profilesFolder: "/nonexistent", mode: .enforce,
    environment: environment)
}

/// The program that runc makes of it with the newest runtime.
func program(_ resolved: ResolvedSeccomp, _ architecture: Architecture = .x86_64) throws -> FilterProgram {
  try FilterProgram(try adapt(resolved, to: .full).filter, architecture: architecture, at: here)
}

/// The message of the error that `body` throws; empty if it throws none.
func message(_ body: () throws -> Void) -> String {
  do {
    try body()
    return ""
  } catch { return "\(error)" }
}

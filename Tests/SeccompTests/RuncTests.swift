import Glibc
import Policy
import System
import Testing

@testable import Seccomp

/// Files like those that people have; each is a file of `Shapes`.
private let shapes = (try? Files.names(in: shapesFolder)) ?? []
private let shapesFolder = testFolder + "/Shapes"
private let testFolder = "/" + #filePath.split(separator: "/").dropLast().joined(separator: "/")

/// What hack/fetch-filters unpacked.
private let podmanFilters = ["bookworm", "trixie"].map { cache + "/filters-\($0)/usr/share/containers/seccomp.json" }
private let cache =
  variable("STOCKADE_CACHE") ?? (variable("XDG_CACHE_HOME") ?? (variable("HOME") ?? "") + "/.cache") + "/stockade"

private func variable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

private let canRunRunc =
  getuid() == 0 && ["/usr/sbin/runc", "/usr/bin/runc"].contains { (path: String) in access(path, X_OK) == 0 }

/// The programs that plain runc loads for files; nil: it starts no container.
private func loaded(_ files: [String], added: [String] = []) throws -> [FilterProgram?] {
  let script = testFolder + "/Runc/loaded-filters"
  let run = try ProgramRun(
    script, arguments: ["loaded-filters"] + added.flatMap { ["--add", $0] } + files, seconds: 120)
  try #require(run.status == 0, "\(run.error)")
  return run.output.split(separator: "\n").map { line in
    line.hasPrefix("refused: ") ? nil : FilterProgram(bytes: bytes(of: line))
  }
}

private func bytes(of digits: Substring) -> [UInt8] {
  let digits = Array(digits.utf8)
  return stride(from: 0, to: digits.count - 1, by: 2).compactMap {
    UInt8(String(decoding: digits[$0..<$0 + 2], as: UTF8.self), radix: 16)
  }
}

extension SeccompFilter {
  /// As the runtime's specification has it.
  fileprivate var json: JSON {
    [
      "defaultAction": .string(defaultAction), "architectures": .array(architectures.map { .string($0) }),
      "syscalls": .array(syscalls.map(\.json)),
    ]
  }
}

extension SeccompFilter.Rule {
  fileprivate var json: JSON {
    [
      "names": .array(names.map { .string($0) }), "action": .string(action),
      "errnoRet": errnoReturn.map { .unsigned(UInt64($0)) } ?? .null,
      "args": .array(
        arguments.map {
          [
            "index": .unsigned(UInt64($0.index)), "value": .unsigned($0.value), "valueTwo": .unsigned($0.valueTwo),
            "op": .string($0.op),
          ]
        }),
    ]
  }
}

/// A file that plain runc and Stockade both make a filter of. runc loads both.
private struct Comparison {
  let resolved: ResolvedSeccomp
  let plain: FilterProgram?
  let ours: FilterProgram
  let architectures: [String]

  init(_ file: String, added: [String] = []) throws {
    var section = SeccompSection(
      source: .localhost(String(file.split(separator: "/").last ?? "")), location: here)
    section.addedCapabilities = added
    let environment = try SeccompEnvironment.thisNode()
    resolved = try resolve(
      section, profilesFolder: Files.folder(of: file), mode: .enforce, environment: environment)
    let sent = try adapt(resolved, to: .full).filter
    let folder = try Folder()
    try folder.write(sent.json.text, to: "sent.json")
    let programs = try loaded([file, folder.path + "/sent.json"], added: added)
    plain = programs[0]
    ours = try #require(programs[1], "runc starts no container with what is sent")
    architectures = Set(sent.architectures + [environment.architecture.ociName]).sorted()
  }

  /// The calls that the two programs answer in different ways, less those that are added for runc's init.
  var differences: [String] {
    guard let plain else { return ["runc starts nothing"] }
    let added = Set(RuntimeInit.always + RuntimeInit.withoutNoNewPrivileges + ["clone", "clone3"])
    return SyscallNames.names(on: architectures).filter { name in
      architectures.contains { architecture in
        probes(of: name).contains { arguments in
          let (theirs, mine) = (
            plain.decide(name, on: architecture, arguments: arguments),
            ours.decide(name, on: architecture, arguments: arguments)
          )
          return theirs != mine && !(added.contains(name) && theirs?.denies == true)
        }
      }
    }
  }

  /// Every combination of the values at the edges of the conditions.
  private func probes(of name: String) -> [[UInt64]] {
    var values: [UInt32: Set<UInt64>] = [:]
    for argument in resolved.filter.syscalls.filter({ $0.names.contains(name) }).flatMap(\.arguments) {
      values[argument.index, default: []].formUnion(argument.edges)
    }
    return values.reduce([[UInt64](repeating: 0, count: 6)]) { probes, more in
      probes.flatMap { probe in
        more.value.map { value in
          var probe = probe
          probe[Int(more.key)] = value
          return probe
        }
      }
    }
  }
}

@Suite("files as plain runc loads them", .enabled(if: canRunRunc, "needs root and runc"))
struct RuncTests {
  @Test(
    "the default of Podman, Buildah and CRI-O loads, and each call has runc's answer",
    .enabled(if: podmanFilters.allSatisfy { (path: String) in access(path, R_OK) == 0 }, "needs hack/fetch-filters"),
    arguments: podmanFilters, [[], ["CAP_SYS_ADMIN", "CAP_BPF"]])
  func podman(file: String, added: [String]) throws {
    let comparison = try Comparison(file, added: added)
    #expect(comparison.differences == [])
    #expect(comparison.ours.decide("listen", on: "SCMP_ARCH_X86_64") == .allow)
    #expect(comparison.ours.decide("swapon", on: "SCMP_ARCH_X86_64") == .errno(1))
    #expect(comparison.ours.decide("personality", on: "SCMP_ARCH_X86_64", arguments: [5]) == .errno(38))
    #expect(!comparison.resolved.notes.contains { $0.text.hasPrefix("added for the runtime's init") })
  }

  /// runc starts no container with the first; the last needs a listener.
  private static let startedOnlyHere = ["violation.json"]
  private static let refused = ["notify.json"]

  @Test("there are more than 20 files") func number() { #expect(shapes.count > 20) }

  @Test("a file loads as it does in plain runc, and each call has runc's answer", arguments: shapes)
  func shape(name: String) throws {
    let file = shapesFolder + "/" + name
    guard !Self.refused.contains(name) else {
      #expect(try loaded([file]).allSatisfy { $0 == nil })
      #expect(throws: SeccompError.self) { try Comparison(file) }
      return
    }
    let comparison = try Comparison(file)
    #expect((comparison.plain == nil) == Self.startedOnlyHere.contains(name))
    if comparison.plain != nil { #expect(comparison.differences == []) }
  }

  @Test("with the capabilities that a profile adds, each call has runc's answer for a container that has them")
  func added() throws {
    for capabilities in [
      ["CAP_SYS_ADMIN"], ["CAP_SYS_ADMIN", "CAP_SYS_TIME"], ["CAP_SYS_RAWIO", "CAP_SYS_TTY_CONFIG"],
    ] {
      let comparison = try Comparison(shapesFolder + "/capabilities.json", added: capabilities)
      #expect(comparison.differences == [], "\(capabilities)")
    }
  }
}

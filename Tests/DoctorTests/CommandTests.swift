import Glibc
import System
import Testing

@testable import Doctor

/// The program as it was built beside the tests.
private let program: String? = {
  guard let tests = try? Files.link(at: "/proc/self/exe"), let slash = tests.lastIndex(of: "/") else { return nil }
  let program = tests[..<slash] + "/stockade"
  return Files.exists(String(program)) ? String(program) : nil
}()

/// `stockade doctor`, as it is built, on this machine.
@Suite(.enabled(if: geteuid() == 0, "needs root"), .enabled(if: program != nil, "needs the built program"))
struct DoctorCommandTests {
  private struct Line {
    var level: Substring
    var text: Substring
    var hasAdvice: Bool
  }

  /// One run of each kind for all tests: each loads all programs, while other tests take the processors.
  private struct Runs {
    var hadPins: Bool
    var table: ProgramRun
    var json: ProgramRun
    var hasPins: Bool
  }

  private static let runs = Result { () throws in
    let hadPins = pinsExist
    return Runs(hadPins: hadPins, table: try run(), json: try run("-o", "json"), hasPins: pinsExist)
  }

  private static var pinsExist: Bool { Files.exists("/sys/fs/bpf/stockade") }

  private static func run(_ arguments: String...) throws -> ProgramRun {
    try ProgramRun(try #require(program), arguments: ["stockade", "doctor"] + arguments, seconds: 300)
  }

  /// The table's lines: level, subject and what was found; a line that starts with -> belongs to the one before.
  private func lines() throws -> [Line] {
    let result = try Self.runs.get().table
    var lines: [Line] = []
    for line in result.output.split(separator: "\n") {
      if line.drop(while: { $0 == " " }).hasPrefix("-> ") {
        lines[lines.count - 1].hasAdvice = true
      } else {
        let level = line.prefix { $0 != " " }
        lines.append(Line(level: level, text: line.dropFirst(level.count).drop { $0 == " " }, hasAdvice: false))
      }
    }
    #expect(result.status == (lines.contains { $0.level == "missing" || $0.level == "unknown" } ? 1 : 0))
    return lines
  }

  @Test("the tier is one that was proved; one that is not lsm says why")
  func tier() throws {
    let tier = try #require(try lines().first { $0.text.hasPrefix("tier ") })
    #expect(tier.text.contains("proved by"))
    #expect(tier.text.contains(tier.level == "ok" ? "lsm, proved" : "lsm: "))
    #expect(tier.hasAdvice == (tier.level != "ok"))
  }

  @Test("where all is well there is no advice")
  func advice() throws {
    for line in try lines() where line.level == "ok" { #expect(!line.hasAdvice, "\(line)") }
  }

  @Test("nothing is left: no pin, no cgroup of a process that is over")
  func nothingLeft() throws {
    let runs = try Self.runs.get()
    #expect(runs.hasPins == runs.hadPins)
    for hierarchy in ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"] where Files.exists(hierarchy) {
      let probes = try Files.names(in: hierarchy).compactMap { name in
        name.hasPrefix("stockade-probe-") ? name.split(separator: "-").last.flatMap { pid_t($0) } : nil
      }
      // Other tests prove tiers at the same time.
      #expect(probes.allSatisfy { kill($0, 0) == 0 })
    }
  }

  @Test("for programs it is JSON, a finding an object")
  func json() throws {
    let output = try Self.runs.get().json.output
    #expect(output.hasPrefix("[{\"subject\":\"kernel\",\"level\":\"ok\""))
    for subject in [
      "kernel", "cgroups", "tier", "memory", "network rules", "containerd", "instances", "configuration", "profiles",
    ] {
      #expect(output.contains("{\"subject\":\"\(subject)\",\"level\":\""), "\(subject)")
    }
  }
}

import Glibc
import System
import Testing

/// `stockade doctor`, as it is built.
@Suite(.enabled(if: geteuid() == 0, "needs root"), .enabled(if: builtProgram != nil, "needs the built program"))
struct DoctorTests {
  private struct Finding {
    var level: Substring
    var text: Substring
    var hasAdvice: Bool
  }

  /// The table's lines: level, subject and what was found; a line that starts with -> belongs to the one before.
  private func findings() throws -> [Finding] {
    let result = try Finished([], command: "doctor")
    var findings: [Finding] = []
    for line in result.output.split(separator: "\n") {
      if line.drop(while: { $0 == " " }).hasPrefix("-> ") {
        findings[findings.count - 1].hasAdvice = true
      } else {
        let level = line.prefix { $0 != " " }
        findings.append(
          Finding(level: level, text: line.dropFirst(level.count).drop { $0 == " " }, hasAdvice: false))
      }
    }
    #expect(result.status == (findings.contains { $0.level == "missing" } ? 1 : 0))
    return findings
  }

  @Test("the tier is one that was proved; one that is not lsm says why")
  func tier() throws {
    let tier = try #require(try findings().first { $0.text.hasPrefix("tier ") })
    #expect(tier.text.contains("proved by"))
    #expect(tier.text.contains(tier.level == "ok" ? "lsm, proved" : "lsm: "))
  }

  @Test("where something is not as it should be there is advice, and only there")
  func advice() throws {
    for finding in try findings() where finding.level != "missing" {
      #expect(finding.hasAdvice == (finding.level != "ok"), "\(finding)")
    }
  }

  @Test("nothing is left: no pin, no cgroup of a process that is over")
  func nothingLeft() throws {
    let hadPins = Files.exists("/sys/fs/bpf/stockade")
    _ = try findings()
    #expect(Files.exists("/sys/fs/bpf/stockade") == hadPins)
    for hierarchy in ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"] where Files.exists(hierarchy) {
      let probes = try Files.names(in: hierarchy).compactMap { name in
        name.hasPrefix("stockade-probe-") ? pid_t(name.dropFirst("stockade-probe-".count)) : nil
      }
      // Other tests prove tiers at the same time.
      #expect(probes.allSatisfy { kill($0, 0) == 0 })
    }
  }

  @Test("for programs it is JSON, a finding an object")
  func json() throws {
    let result = try Finished(["-o", "json"], command: "doctor")
    #expect(result.output.hasPrefix("[{\"subject\":\"kernel\",\"level\":\"ok\""))
    #expect(result.output.split(separator: "\"subject\"").count - 1 == (try findings().count))
  }
}

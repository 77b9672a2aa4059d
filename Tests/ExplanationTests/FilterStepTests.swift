import Policy
import Seccomp
import Testing

@testable import Explanation

@Suite("what an explanation says of the system call filter")
struct FilterStepTests {
  private let explainer: Explainer

  init() throws {
    var filter = SeccompFilter(defaultAction: "SCMP_ACT_ALLOW")
    filter.architectures = [SeccompEnvironment.native.ociName]
    var unshare = SeccompFilter.Rule(names: ["unshare"], action: "SCMP_ACT_ERRNO")
    unshare.errnoReturn = 38
    unshare.arguments = [.init(index: 0, value: 0x1000_0000, valueTwo: 0x1000_0000, op: "SCMP_CMP_MASKED_EQ")]
    (unshare.index, unshare.location) = (0, Location(file: "web.yaml", line: 9))
    var kill = SeccompFilter.Rule(names: ["mount"], action: "SCMP_ACT_KILL_PROCESS")
    (kill.index, kill.location) = (1, Location(file: "web.yaml", line: 11))
    filter.syscalls = [unshare, kill]
    let section = SeccompSection(source: .inline(filter), location: Location(file: "web.yaml", line: 5))
    let environment = try SeccompEnvironment.thisNode()
    var profile = Profile(name: "web", file: "web.yaml")
    (profile.seccomp, profile.kernelBlock) = (section, [.mount, .userNamespaces])
    let resolved = try resolve(section, profilesFolder: "/", mode: .enforce, environment: environment)
    let replayed = try ReplayedFilter(
      try adapt(resolved, to: .full).filter, of: resolved, architecture: environment.architecture)
    explainer = Explainer(profile, filter: .known(replayed), node: NodeCapabilities(tier: .lsm))
  }

  private func steps(_ words: String...) throws -> [Explanation.Step] { explainer.explain(try Operation(words)).steps }

  @Test("names the rule, its line and what the caller sees")
  func rules() throws {
    let denied = try steps("syscall", "unshare", "0x10000000")
    #expect(denied.map(\.decider) == ["seccomp.syscalls[0] SCMP_ACT_ERRNO"])
    #expect(denied.map(\.effect) == ["ENOSYS"] && denied[0].location?.line == 9 && denied[0].action == .block)
    let passed = try steps("syscall", "unshare", "0")
    #expect(passed.map(\.decider) == ["seccomp.defaultAction SCMP_ACT_ALLOW"] && passed[0].action == .allow)
    #expect(passed[0].why == "no rule that names the call has conditions that hold")
    #expect(passed[0].near.map(\.remark) == ["its conditions on arguments do not hold"])
    #expect(try steps("syscall", "getpid")[0].why == "no rule names the call")
  }

  @Test("comes before what the kernel hooks say, and only if it stops the call")
  func order() throws {
    #expect(try steps("mount").map(\.subject) == ["call of mount", "use of mount"])
    #expect(try steps("mount").first?.effect == "SIGSYS kills the process")
    #expect(try steps("userNamespaces").map(\.effect) == ["ENOSYS", "EPERM"])
    #expect(try steps("ptrace").map(\.subject) == ["use of ptrace"])
  }

  @Test("no temporary audit changes")
  func audits() throws {
    var audited = explainer
    audited.auditedUntilNanoseconds = 0
    let explanation = audited.explain(try Operation(["mount"]))
    #expect(explanation.steps.map(\.action) == [.block, .audit] && explanation.isStopped)
  }
}

extension SeccompEnvironment {
  fileprivate static var native: Architecture { (try? thisNode())?.architecture ?? .x86_64 }
}

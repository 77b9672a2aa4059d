import BPF
import Events
import Policy
import Testing

/// What is told of a recorded container beside its recording: what its own profile says.
@Suite struct ProfileStatementTests {
  private static let location = Location(file: "web.yaml", line: 1)

  private static func rule(_ action: Action, arguments: [Action] = []) -> PathRule {
    var rule = PathRule(path: "/bin/a", isDirectory: false, action: action, location: location)
    rule.arguments = arguments.map { ArgumentRule(kind: .equals, text: "x", index: nil, action: $0) }
    return rule
  }

  private static var profile: Profile {
    var profile = Profile(name: "web", file: "web.yaml")
    var process = ProcessSection()
    (process.defaultAction, process.allowEntrypoint) = (.audit, true)
    (process.newExecutables, process.fileless) = (.allow, .allow)
    process.rules = [rule(.allow, arguments: [.audit, .allow]), rule(.audit)]
    var file = FileSection()
    file.rules = [rule(.audit), rule(.allow)]
    (profile.process, profile.fileAccess) = (process, file)
    var egress = NetworkDirection()
    egress.rules = [NetworkRule(action: .audit, location: location), NetworkRule(action: .allow, location: location)]
    profile.network.egress = egress
    var ingress = NetworkDirection()
    ingress.defaultAction = .audit
    profile.network.ingress = ingress
    profile.network.bind = BindList(ports: [PortRule(transport: .tcp, first: 80, last: 80)], location: location)
    profile.kernelBlock = [.mount]
    profile.socketFamilies = [.unix]
    return profile
  }

  struct Case: Sendable {
    var kind: KernelEvent.Kind
    var reason: EventReason
    var rule: Int?
    var isTold: Bool
    var change: @Sendable (inout KernelEvent) -> Void = { _ in }
  }

  private static func port(_ port: UInt16) -> KernelEvent.Peer {
    .init(address: [0, 0, 0, 0], localPort: port, protocolNumber: 6)
  }

  static let cases = [
    Case(kind: .exec, reason: .defaultAction, isTold: true),
    Case(kind: .exec, reason: .defaultAction, isTold: false) { $0.isOfEntrypoint = true },
    Case(kind: .exec, reason: .rule, rule: 0, isTold: false),
    Case(kind: .exec, reason: .rule, rule: 1, isTold: true),
    Case(kind: .exec, reason: .rule, rule: 9, isTold: true),
    Case(kind: .exec, reason: .argument, rule: 0, isTold: true),
    Case(kind: .exec, reason: .argument, rule: 0, isTold: false) { $0.argument = 1 },
    Case(kind: .exec, reason: .fileless, isTold: false),
    Case(kind: .map, reason: .newExecutables, isTold: false) { $0.isNew = true },
    Case(kind: .map, reason: .rule, rule: 0, isTold: true),
    Case(kind: .file, reason: .rule, rule: 0, isTold: true),
    Case(kind: .file, reason: .rule, rule: 1, isTold: false),
    Case(kind: .file, reason: .defaultAction, isTold: false),
    Case(kind: .file, reason: .unknownPath, isTold: true),
    Case(kind: .connect, reason: .rule, rule: 0, isTold: true),
    Case(kind: .egress, reason: .rule, rule: 1, isTold: false),
    Case(kind: .sendmsg, reason: .defaultAction, isTold: false),
    Case(kind: .ingress, reason: .defaultAction, isTold: true),
    Case(kind: .bind, reason: .defaultAction, isTold: false) { $0.peer = port(80) },
    Case(kind: .bind, reason: .defaultAction, isTold: true) { $0.peer = port(81) },
    Case(kind: .kernel, reason: .rule, isTold: true) { $0.surface = .mount },
    Case(kind: .kernel, reason: .rule, isTold: false) { $0.surface = .bpf },
    Case(kind: .kernel, reason: .rule, isTold: false) { $0.socketFamily = .unix },
    Case(kind: .kernel, reason: .rule, isTold: true) { $0.socketFamily = .inet },
  ]

  @Test("an event is told if the profile itself denies or audits it", arguments: cases)
  func told(_ one: Case) {
    var event = KernelEvent(cgroupID: CgroupID(1), kind: one.kind, effect: .audited, reason: one.reason, rule: one.rule)
    one.change(&event)
    #expect(Self.profile.isTold(event) == one.isTold, "\(one.kind) \(one.reason) \(one.rule ?? -1)")
  }

  @Test("newness is told where newExecutables says so, though everything is audited")
  func newness() {
    var profile = Profile(name: "web", file: "web.yaml")
    var process = ProcessSection()
    process.newExecutables = .audit
    profile.process = process
    var event = KernelEvent(cgroupID: CgroupID(1), kind: .exec, effect: .audited, reason: .defaultAction)
    #expect(!profile.isTold(event))
    event.isNew = true
    #expect(profile.isTold(event))
  }

  @Test("a profile without sections tells nothing")
  func empty() {
    let event = KernelEvent(cgroupID: CgroupID(1), kind: .file, effect: .audited, reason: .defaultAction)
    #expect(!Profile.ofUnconfined.isTold(event))
  }
}

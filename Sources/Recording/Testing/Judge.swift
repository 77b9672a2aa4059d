import Policy
import Seccomp

/// Judges what a recording says by a profile: by the model of the kernel's decisions, and by the filter itself.
struct Judge {
  /// With its mode applied.
  let profile: Profile
  let filter: ReplayedFilter?
  /// The families of sockets that were made, by which calls are judged that have them as their argument.
  let families: Set<SocketFamily>

  func judgement(of operation: Operation) -> Judgement {
    switch operation {
    case .exec(let exec): judged(exec)
    case .mapping(let file):
      judged(
        profile.process?.decideMapping(path: file.path, isNew: file.isNew, isFileless: file.isFileless),
        ProfilePart.processRule, "process")
    case .file(let use):
      judged(profile.decideFile(path: use.path, access: [use.access]), ProfilePart.fileRule, "file")
    case .connection(let connection): judged(connection)
    case .bind(let port): judged(port)
    case .surface(let surface): judged(surface)
    case .socket(let family): judged(family)
    case .syscall(let architecture, let name): judged(architecture, name)
    }
  }

  private func judged(_ exec: Recording.Exec) -> Judgement {
    let found = judged(profile.decision(of: exec), ProfilePart.processRule, "process")
    guard exec.arguments == nil, case .processRule(let index)? = found.rule, let possible = outcomes(exec, index)
    else { return found }
    var judgement = Judgement(
      nil, .processRule(index), "the rule looks at arguments, which the recording does not have")
    judgement.possible = possible
    return judgement
  }

  /// What may become of an exec whose arguments are not known, by the rule that is about it; nil: they change nothing.
  private func outcomes(_ exec: Recording.Exec, _ rule: Int) -> ClosedRange<Action>? {
    guard let written = profile.process?.rules[rule], !written.arguments.isEmpty else { return nil }
    var plain = profile
    plain.process?.rules[rule].arguments = []
    let outcomes = Set([written.action] + written.arguments.map(\.action)).map { action in
      plain.process?.rules[rule].action = action
      return plain.decision(of: exec).action
    }
    guard let mildest = outcomes.min(), let strictest = outcomes.max(), mildest < strictest else { return nil }
    return mildest...strictest
  }

  private func judged(_ connection: Recording.Connection) -> Judgement {
    let (address, port) = (connection.address, connection.port)
    return switch connection.direction {
    case .egress:
      judged(
        profile.decideEgress(address: address, port: port.port, transport: port.transport), ProfilePart.egressRule,
        "network.egress")
    case .ingress:
      judged(
        profile.decideIngress(address: address, port: port.port, transport: port.transport), ProfilePart.ingressRule,
        "network.ingress")
    }
  }

  private func judged(_ port: Recording.Port) -> Judgement {
    // Port 0 leaves the choice to the kernel, and only these protocols have a hook.
    guard port.port > 0, port.transport == .tcp || port.transport == .udp else { return .allowed }
    let decision = profile.decideBind(port: port.port, transport: port.transport)
    return Judgement(decision.action, .setting("network.ingress and network.bind"), Self.reason(decision.reason))
  }

  private func judged(_ surface: KernelSurface) -> Judgement {
    guard profile.kernelBlock.contains(surface) else { return .allowed }
    return Judgement(profile.mode == .audit ? .audit : .block, .kernelBlock(surface), "kernel.block lists it")
  }

  private func judged(_ family: SocketFamily) -> Judgement {
    guard let families = profile.socketFamilies else { return .allowed }
    if families.contains(family) { return Judgement(.allow, .socketFamily(family), "kernel.sockets lists it") }
    return Judgement(
      profile.mode == .audit ? .audit : .block, .setting("kernel.sockets"), "kernel.sockets does not list it")
  }

  private func judged(_ architecture: String, _ name: String) -> Judgement {
    guard let filter else { return .allowed }
    let samples = SampleArguments.of(name, families: families)
    return switch filter.answer(to: name, on: architecture, samples: samples) {
    case .passes: .allowed
    case .depends: Judgement(nil, .setting("seccomp"), "the filter looks at arguments, which no recording has")
    case .stops(let ruling):
      Judgement(
        ruling.action == .log ? .audit : .block, .setting(ruling.part.text), "the filter answers \(ruling.action.text)")
    }
  }

  private func judged(_ decision: Decision?, _ part: (Int) -> ProfilePart, _ section: String) -> Judgement {
    guard let decision, decision.reason != .noSection else { return .allowed }
    let decides: ProfilePart =
      switch decision.reason {
      case .rule, .argument, .overLongArguments: decision.rule.map(part) ?? .setting("\(section).rules")
      case .entrypoint: .allowEntrypoint
      case .newExecutables: decision.rule.map(part) ?? .newExecutables
      case .fileless: .fileless
      case .defaultAction, .noSection: .setting("\(section).defaultAction")
      case .overLongPath: .setting("\(section).rules")
      }
    var judgement = Judgement(decision.action, decides, Self.reason(decision.reason))
    if decision.reason == .newExecutables { judgement.part = .newExecutables }
    judgement.rule = decision.rule.map(part)
    return judgement
  }

  private static func reason(_ reason: Decision.Reason) -> String {
    switch reason {
    case .noSection: "the profile does not speak of it"
    case .rule: "the rule says so"
    case .defaultAction: "no rule is about it"
    case .entrypoint: "it is the entrypoint"
    case .newExecutables: "the file is not of the image"
    case .fileless: "the program lies in no file"
    case .overLongPath: "the path is too long to be looked up"
    case .argument: "an argument rule says so"
    case .overLongArguments: "the arguments are too long to be looked at"
    }
  }
}

extension Profile {
  fileprivate func decision(of exec: Recording.Exec) -> Decision {
    decideExec(
      path: exec.file.path, isNew: exec.file.isNew, isFileless: exec.file.isFileless, isEntrypoint: exec.isEntrypoint,
      arguments: exec.arguments ?? [])
  }
}

/// What a profile says of one operation.
struct Judgement: Equatable {
  /// nil: that cannot be told.
  let action: Action?
  /// From the mildest to the strictest that it may say; nil: that cannot be told either.
  var possible: ClosedRange<Action>?
  /// What decides.
  var part: ProfilePart
  var reason: String
  /// The rule that is about it, though something else may decide.
  var rule: ProfilePart?

  init(_ action: Action?, _ part: ProfilePart, _ reason: String) {
    (self.action, self.part, self.reason) = (action, part, reason)
    possible = action.map { $0...$0 }
  }

  static let allowed = Judgement(.allow, .setting(""), "the profile does not refuse it")
}

/// Arguments with which a call is tried that filters judge by its arguments.
private enum SampleArguments {
  /// SIGCHLD alone, as fork(3), and the flags of a thread of glibc.
  private static let clone: [[UInt64]] = [[17], [0x3d0f00]]

  static func of(_ name: String, families: Set<SocketFamily>) -> [[UInt64]] {
    switch name {
    case "clone": clone
    // SOCK_STREAM, SOCK_DGRAM
    case "socket", "socketpair": families.flatMap { family in [1, 2].map { [UInt64(family.rawValue), $0, 0] } }
    default: []
    }
  }
}

extension FilterAction {
  fileprivate var text: String {
    if case .errno(let number) = self { "errno \(number)" } else { "\(self)" }
  }
}

extension ReplayedFilter.Part {
  var text: String {
    switch self {
    case .rule(let index, let location): "seccomp.syscalls\(index.map { "[\($0)]" } ?? "") (\(location))"
    case .defaultAction(let location): "seccomp.defaultAction (\(location))"
    case .architectures(let location): "seccomp.architectures (\(location))"
    case .kernelBlock(let surface): "kernel.block \(surface.rawValue)"
    case .kernelSockets: "kernel.sockets"
    }
  }
}

import Glibc
import Policy
import Seccomp

extension Explainer {
  /// What the system call filter says of the calls that the operation needs. Unless a call is asked for, only what the
  /// filter stops or logs is told.
  func filterSteps(_ operation: Operation) -> [Explanation.Step] {
    let isAsked = if case .syscall = operation { true } else { false }
    switch filter {
    case .unknown(let why): return isAsked ? [unknownFilter(operation.calls[0], why)] : []
    case .known(let filter):
      return operation.calls.compactMap { call in
        let ruling = filter.ruling(call)
        return ruling == nil && !isAsked ? nil : filterStep(call, ruling, filter)
      }
    }
  }

  private func unknownFilter(_ call: NamedCall, _ why: String) -> Explanation.Step {
    var step = noSection("call of \(call.name)", "seccomp")
    (step.why, step.coverage, step.effect) = (why, .unknown, "it is not known")
    return step
  }

  private func filterStep(
    _ call: NamedCall, _ ruling: ReplayedFilter.Ruling?, _ filter: ReplayedFilter
  ) -> Explanation.Step {
    var step = Explanation.Step()
    step.subject = "call of \(call.name)"
    step.action = ruling?.action.profileAction ?? .allow
    step.effect = ruling?.action.effect ?? "it goes on"
    step.enforcer = "the seccomp filter"
    (step.decider, step.location, step.why) = decider(of: call, ruling, filter)
    for (rule, matches) in filter.rules(about: call) {
      let candidate = Explanation.Candidate(
        rule.name, rule.location, matches ? "matches" : "its conditions on arguments do not hold")
      if matches { step.candidates.append(candidate) } else { step.near.append(candidate) }
    }
    (step.candidates, step.near) = (Explanation.cut(step.candidates), Explanation.cut(step.near))
    if let gap = assessment?.gaps.first(where: { $0.subject == "seccomp" }), step.action != .allow {
      (step.coverage, step.gap, step.enforcer) = (.none, "\(gap.why); \(gap.remedy)", "")
    }
    return step
  }

  private func decider(
    of call: NamedCall, _ ruling: ReplayedFilter.Ruling?, _ filter: ReplayedFilter
  ) -> (String, Location?, String) {
    let rule = filter.decidingRule(about: call)
    switch ruling?.part {
    case .kernelBlock(let surface):
      return ("kernel.block \(surface.rawValue)", nil, "the filter enforces a part of it")
    case .kernelSockets: return ("kernel.sockets", nil, "the filter denies what it does not list")
    case .architectures(let location):
      return ("seccomp.architectures", location, "the call's architecture is not listed")
    case .rule(_, let location):
      return (rule?.name ?? "seccomp.syscalls", location, "the rule names the call, and its conditions hold")
    case .defaultAction(let location):
      return ("seccomp.defaultAction \(filter.defaultAction)", location, whyDefault(call, filter))
    case nil:
      if let rule { return (rule.name, rule.location, "the rule names the call, and its conditions hold") }
      return ("seccomp.defaultAction \(filter.defaultAction)", filter.place, whyDefault(call, filter))
    }
  }

  private func whyDefault(_ call: NamedCall, _ filter: ReplayedFilter) -> String {
    filter.rules(about: call).isEmpty
      ? "no rule names the call" : "no rule that names the call has conditions that hold"
  }
}

extension SeccompFilter.Rule {
  /// `seccomp.syscalls[3] SCMP_ACT_ERRNO`
  fileprivate var name: String { "seccomp.syscalls\(index.map { "[\($0)]" } ?? "") \(action)" }
}

extension FilterAction {
  /// What it is in a profile's words.
  package var profileAction: Action {
    switch self {
    case .allow: .allow
    case .log: .audit
    default: .block
    }
  }

  /// What the caller sees.
  package var effect: String {
    switch self {
    case .allow: "it goes on"
    case .log: "it goes on, and the kernel logs it"
    case .errno(let number): Self.word(ofErrno: Int32(number))
    case .trap: "the signal SIGSYS"
    case .killThread: "SIGSYS kills the thread"
    case .killProcess: "SIGSYS kills the process"
    case .trace: "ENOSYS, unless a tracer answers"
    }
  }
}

extension Operation {
  /// The calls that it needs, with the arguments that filters look at.
  fileprivate var calls: [NamedCall] {
    switch self {
    case .exec: [NamedCall("execve")]
    case .map: [NamedCall("mmap", [0, 4096, UInt64(PROT_READ | PROT_EXEC), UInt64(MAP_PRIVATE), 3])]
    case .open(_, let access): [NamedCall("openat", [UInt64(bitPattern: -100), 0, UInt64(access.flags)])]
    case .connect(let endpoint):
      [NamedCall("socket", endpoint.port.socketArguments(endpoint.address)), NamedCall("connect")]
    case .accept(let peer, let port): [NamedCall("socket", port.socketArguments(peer)), NamedCall("accept4")]
    case .bind: [NamedCall("bind")]
    case .syscall(let name, let arguments): [NamedCall(name, arguments)]
    case .surface(let surface): surface.calls
    case .socket(let family): [NamedCall("socket", [UInt64(family.rawValue), UInt64(SOCK_STREAM.rawValue), 0])]
    }
  }
}

extension Set<Access> {
  fileprivate var flags: Int32 { self == [.read] ? O_RDONLY : self == [.write] ? O_WRONLY : O_RDWR }
}

extension Operation.Port {
  fileprivate func socketArguments(_ address: [UInt8]) -> [UInt64] {
    let family = UInt64((address.count == 4 ? SocketFamily.inet : .inet6).rawValue)
    let type =
      switch transport {
      case .tcp: SOCK_STREAM
      case .udp: SOCK_DGRAM
      case .sctp: SOCK_SEQPACKET
      case nil: SOCK_RAW
      }
    return [family, UInt64(type.rawValue), transport.map { UInt64($0.number) } ?? 1]
  }
}

extension KernelSurface {
  /// CLONE_NEWUSER of include/uapi/linux/sched.h.
  private static let newUserNamespace: UInt64 = 0x1000_0000

  /// A usual way to it. There are others.
  fileprivate var calls: [NamedCall] {
    switch self {
    case .mount: [NamedCall("mount")]
    case .ptrace: [NamedCall("ptrace", [16])]
    case .userNamespaces: [NamedCall("unshare", [Self.newUserNamespace])]
    case .bpf: [NamedCall("bpf")]
    case .ioUring: [NamedCall("io_uring_setup", [1])]
    case .packetSockets:
      [NamedCall("socket", [UInt64(SocketFamily.packet.rawValue), UInt64(SOCK_RAW.rawValue), 0x300])]
    case .moduleLoad: [NamedCall("finit_module")]
    case .keyrings: [NamedCall("add_key")]
    case .perfEvents: [NamedCall("perf_event_open")]
    case .executableMemory:
      [NamedCall("mmap", [0, 4096, UInt64(PROT_READ | PROT_WRITE | PROT_EXEC), UInt64(MAP_PRIVATE | MAP_ANONYMOUS)])]
    }
  }
}

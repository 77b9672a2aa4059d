import Glibc
import Policy

extension Explainer {
  /// A socket can be one that `kernel.block` speaks of.
  func socketSteps(_ family: SocketFamily) -> [Explanation.Step] {
    let isPacket = [.packet, .xdp].contains(family) && profile.kernelBlock.contains(.packetSockets)
    return isPacket ? [surfaceStep(.packetSockets)] : []
  }

  func surfaceStep(_ surface: KernelSurface) -> Explanation.Step {
    let isBlocked = profile.kernelBlock.contains(surface)
    return step(
      "use of \(surface.rawValue)", isBlocked ? softened : .allow,
      Decider("\(isBlocked ? "" : "no ")kernel.block \(surface.rawValue)"),
      why: isBlocked ? "kernel.block lists it" : "kernel.block does not list it", effect: "EPERM", enforcer: tierName)
  }

  /// What `kernel.sockets` says of the sockets that the operation needs.
  func familySteps(_ operation: Operation) -> [Explanation.Step] {
    let isAsked = if case .socket = operation { true } else { false }
    guard let family = operation.family else { return [] }
    let subject = "socket of family \(family.name)"
    guard let families = profile.socketFamilies else { return isAsked ? [noSection(subject, "kernel.sockets")] : [] }
    let isListed = families.contains(family)
    // What is asked for by itself is told in any case.
    if isListed, !isAsked { return [] }
    return [
      step(
        subject, isListed ? .allow : softened, Decider("kernel.sockets"),
        why: isListed ? "kernel.sockets lists it" : "kernel.sockets does not list it", effect: "EPERM",
        enforcer: node.map { $0.tier >= .fmodRet ? tierName : "the seccomp filter" } ?? "")
    ]
  }

  private var softened: Action { profile.mode == .audit ? .audit : .block }
}

extension Operation {
  /// The family of the socket that it needs; nil: it needs none.
  fileprivate var family: SocketFamily? {
    switch self {
    case .connect(let endpoint): endpoint.address.count == 4 ? .inet : .inet6
    case .accept(let peer, _): peer.count == 4 ? .inet : .inet6
    case .socket(let family): family
    default: nil
    }
  }
}

import Policy

/// Something that is asked of a profile, and of the kernel under that profile.
enum PropertyCase {
  case exec(Image, arguments: [[UInt8]])
  case map(Image)
  case file(path: [UInt8], Set<Access>, FileReach)
  case egress(Peer)
  case ingress(Peer)
  case bind(port: UInt16, PortRule.TransportProtocol)
  case kernel([KernelSurface])
  case family(UInt8)

  struct Image {
    var path: [UInt8]
    var isNew = false
    var isFileless = false
    var isEntrypoint = false
    var isRunByEnv = false
  }

  struct Peer {
    var address: [UInt8]
    var port: UInt16
    var transport: PortRule.TransportProtocol?
  }
}

/// A case, and what holds around it.
struct PropertyQuestion {
  var what: PropertyCase
  var inAudit = false
}

/// What was decided, as far as kernel and model both tell it.
struct PropertyVerdict: Equatable {
  var action: Action
  /// Of what is allowed, nothing more is told.
  var reason: Decision.Reason?
  var rule: Int?
  var argument: Int?

  init(_ action: Action) { self.action = action }

  init(_ decision: Decision) {
    action = decision.action
    guard action != .allow else { return }
    (reason, rule, argument) = (decision.reason, decision.rule, decision.argument)
  }

  var text: String {
    let parts = [reason?.rawValue, rule.map { "rule \($0)" }, argument.map { "argument \($0)" }].compactMap(\.self)
    return ([action.name] + parts).joined(separator: ", ")
  }

  func softened(_ isSoftened: Bool) -> PropertyVerdict {
    var verdict = self
    if isSoftened { verdict.action = min(action, .audit) }
    return verdict
  }
}

extension Profile {
  /// What the reference model says.
  func verdict(on question: PropertyQuestion) -> PropertyVerdict {
    applyingMode().verdictInForce(on: question.what).softened(question.inAudit)
  }

  private func verdictInForce(on what: PropertyCase) -> PropertyVerdict {
    switch what {
    case .exec(let image, let arguments):
      PropertyVerdict(
        decideExec(
          path: image.path, isNew: image.isNew, isFileless: image.isFileless, isEntrypoint: image.isEntrypoint,
          isRunByEnv: image.isRunByEnv, arguments: arguments))
    case .map(let image):
      PropertyVerdict(
        decideMapping(
          path: String(decoding: image.path, as: UTF8.self), isNew: image.isNew, isFileless: image.isFileless))
    case .file(let path, let access, let reach): PropertyVerdict(decideFile(path: path, access: access, reach: reach))
    case .egress(let peer):
      PropertyVerdict(decideEgress(address: peer.address, port: peer.port, transport: peer.transport))
    case .ingress(let peer):
      PropertyVerdict(decideIngress(address: peer.address, port: peer.port, transport: peer.transport))
    case .bind(let port, let transport): PropertyVerdict(decideBind(port: port, transport: transport).action)
    case .kernel(let surfaces):
      PropertyVerdict(surfaces.contains(where: kernelBlock.contains) ? blocked : .allow)
    case .family(let number):
      PropertyVerdict(
        socketFamilies.map { families in SocketFamily(rawValue: number).map(families.contains) ?? false } ?? true
          ? .allow : blocked)
    }
  }

  /// `kernel` has no actions of its own.
  private var blocked: Action { mode == .audit ? .audit : .block }
}

extension PropertyQuestion: CustomStringConvertible {
  var description: String {
    let words =
      switch what {
      case .exec(let image, let arguments): ["exec", image.text] + arguments.map(Self.text)
      case .map(let image): ["map", image.text]
      case .file(let path, let access, let reach): ["\(reach)", "\(access)", Self.text(path)]
      case .egress(let peer): ["to", peer.text]
      case .ingress(let peer): ["from", peer.text]
      case .bind(let port, let transport): ["bind", "\(port)", transport.rawValue]
      case .kernel(let surfaces): surfaces.map(\.rawValue)
      case .family(let number): ["family", "\(number)"]
      }
    return (words + (inAudit ? ["in a temporary audit"] : [])).joined(separator: " ")
  }

  /// Long ones are cut.
  fileprivate static func text(_ bytes: [UInt8]) -> String {
    let text = String(decoding: bytes.prefix(40), as: UTF8.self)
    return "'\(text)'" + (bytes.count > 40 ? "… of \(bytes.count) bytes" : "")
  }
}

extension PropertyCase.Image {
  fileprivate var text: String {
    let known = [(isNew, "new"), (isFileless, "fileless"), (isEntrypoint, "entrypoint"), (isRunByEnv, "run by env")]
    return ([PropertyQuestion.text(path)] + known.filter(\.0).map(\.1)).joined(separator: " ")
  }
}

extension PropertyCase.Peer {
  fileprivate var text: String { "\(address) \(port) \(transport?.rawValue ?? "without ports")" }
}

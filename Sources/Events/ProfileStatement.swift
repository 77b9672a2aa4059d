import BPF
import Policy

extension Profile {
  /// Whether the profile itself denies or audits what the kernel told because the container is recorded.
  package func isTold(_ event: KernelEvent) -> Bool { !event.isRecordedOnly && action(on: event) != .allow }

  /// What this profile says where it is enforced. `mode: Audit` makes no difference to whether it is told.
  private func action(on event: KernelEvent) -> Action {
    switch event.kind {
    case .exec: return process?.action(onExec: event) ?? .allow
    case .map: return process?.action(onMapping: event) ?? .allow
    case .file: return fileAccess?.action(on: event) ?? .allow
    case .connect, .sendmsg, .egress: return network.egress?.action(on: event) ?? .allow
    case .ingress: return network.ingress?.action(on: event) ?? .allow
    case .bind: return network.action(onBind: event)
    case .kernel: return action(onKernel: event)
    case .socket, .left, .trace, .protected, .syscall: return .audit
    }
  }

  private func action(onKernel event: KernelEvent) -> Action {
    if let surface = event.surface { return kernelBlock.contains(surface) ? .block : .allow }
    guard let socketFamilies else { return .allow }
    return event.socketFamily.map(socketFamilies.contains) == true ? .allow : .block
  }
}

extension ProcessSection {
  fileprivate func action(onExec event: KernelEvent) -> Action {
    let byRule = rules.element(event.rule)
    let action: Action =
      switch event.reason {
      case .fileless: fileless
      case .newExecutables: newExecutables
      case .overLongPath: overLong
      case .unknownPath: unknownPath
      case .overLongArguments: byRule?.strictest ?? defaultAction
      case .argument: byRule?.arguments.element(event.argument)?.action ?? defaultAction
      case .rule: byRule?.action ?? defaultAction
      default: event.isOfEntrypoint && allowEntrypoint ? .allow : defaultAction
      }
    return Swift.max(action, ofNewness(event, byRule))
  }

  fileprivate func action(onMapping event: KernelEvent) -> Action {
    let byRule = rules.element(event.rule)
    let action: Action =
      switch event.reason {
      case .fileless: fileless
      case .newExecutables: newExecutables
      case .overLongPath: overLong
      case .unknownPath: unknownMappedPath
      default: byRule?.strictest ?? .allow
      }
    return Swift.max(action, ofNewness(event, byRule))
  }

  /// Where everything is audited, newness is never the reason.
  private func ofNewness(_ event: KernelEvent, _ rule: PathRule?) -> Action {
    event.isNew && event.reason != .fileless && rule?.allowNew != true ? newExecutables : .allow
  }
}

extension FileSection {
  fileprivate func action(on event: KernelEvent) -> Action {
    event.action(by: rules.element(event.rule)?.action, defaultAction, else: strictest)
  }
}

extension NetworkDirection {
  fileprivate func action(on event: KernelEvent) -> Action {
    event.action(by: rules.element(event.rule)?.action, defaultAction, else: strictest)
  }
}

extension KernelEvent {
  /// What a section says that has no more than rules and a default.
  fileprivate func action(by rule: Action?, _ defaultAction: Action, else strictest: Action) -> Action {
    switch reason {
    case .rule: rule ?? strictest
    case .defaultAction: defaultAction
    default: strictest
    }
  }
}

extension Array {
  /// A rule that an event names by its number; nil: the text has no such rule.
  func element(_ index: Int?) -> Element? { index.flatMap { indices.contains($0) ? self[$0] : nil } }
}

extension NetworkSection {
  fileprivate func action(onBind event: KernelEvent) -> Action {
    guard let ingress else { return .allow }
    let transport = event.peer.flatMap { PortRule.TransportProtocol(number: $0.protocolNumber) }
    let isListed = transport != nil && bind?.ports.contains { $0.holds(event.peer?.localPort ?? 0, transport) } == true
    return isListed ? .allow : ingress.action(on: event)
  }
}

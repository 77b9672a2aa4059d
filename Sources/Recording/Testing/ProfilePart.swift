import Policy

/// A part of a profile that can decide, or be taken away.
package enum ProfilePart: Hashable, Sendable {
  case processRule(Int), fileRule(Int), egressRule(Int), ingressRule(Int), bindPort(Int)
  case kernelBlock(KernelSurface)
  case socketFamily(SocketFamily)
  case allowEntrypoint, newExecutables, fileless
  /// A name of a rule of the filter.
  case syscall(rule: Int, name: String)
  /// What decides where no part of these does: `process.defaultAction`.
  case setting(String)
}

extension Profile {
  /// The part as messages name it, and where it stands.
  package func named(_ part: ProfilePart) -> (text: String, location: Location?) {
    switch part {
    case .processRule(let index): named("process", process?.rules ?? [], index)
    case .fileRule(let index): named("file", fileAccess?.rules ?? [], index)
    case .egressRule(let index): named("egress", network.egress?.rules ?? [], index)
    case .ingressRule(let index): named("ingress", network.ingress?.rules ?? [], index)
    case .bindPort(let index):
      ("network.bind[\(index)] \(network.bind?.ports[index].text ?? "")", network.bind?.location)
    case .kernelBlock(let surface): ("kernel.block \(surface.rawValue)", nil)
    case .socketFamily(let family): ("kernel.sockets \(family.name)", nil)
    case .allowEntrypoint: ("process.allowEntrypoint", nil)
    case .newExecutables: ("process.newExecutables \((process?.newExecutables ?? .allow).name)", nil)
    case .fileless: ("process.fileless \((process?.fileless ?? .allow).name)", nil)
    case .syscall(let rule, let name): ("seccomp.syscalls[\(rule)] \(name)", inlineFilter?.syscalls[rule].location)
    case .setting(let text): (text, nil)
    }
  }

  private func named(_ section: String, _ rules: [PathRule], _ index: Int) -> (text: String, location: Location?) {
    let rule = rules[index]
    let extent = rule.isDirectory ? (rule.recursive ? "/**" : "/*") : ""
    let access = section == "file" ? " " + rule.access.map(\.rawValue).sorted().joined(separator: "+") : ""
    return ("\(section).rules[\(index)] \(rule.action.name)\(access) \(rule.path)\(extent)", rule.location)
  }

  private func named(_ direction: String, _ rules: [NetworkRule], _ index: Int) -> (text: String, location: Location?) {
    let rule = rules[index]
    let what = (rule.cidr.map { ["\($0)"] } ?? []) + rule.ports.map(\.text)
    return (
      "network.\(direction).rules[\(index)] \(rule.action.name) \(what.joined(separator: ", "))", rule.location
    )
  }

  var inlineFilter: SeccompFilter? {
    if case .inline(let filter) = seccomp?.source { filter } else { nil }
  }
}

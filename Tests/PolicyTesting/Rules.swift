import Glibc
import Policy

/// Rules in a line each.

extension ProcessSection {
  /// New files are allowed unless told otherwise: what tests run is nowhere of an image.
  package static func section(
    _ defaultAction: Action, _ rules: PathRule..., new: Action? = .allow, fileless: Action? = nil,
    allowEntrypoint: Bool = false
  ) -> Self {
    var section = Self()
    section.defaultAction = defaultAction
    section.rules = rules
    if let new { section.newExecutables = new }
    if let fileless { section.fileless = fileless }
    section.allowEntrypoint = allowEntrypoint
    return section
  }
}

extension PathRule {
  package static func path(_ path: String, _ action: Action, new: Bool = false, _ arguments: ArgumentRule...) -> Self {
    var rule = Self(path: path, isDirectory: false, action: action, location: Location(file: "test.yaml", line: 1))
    rule.allowNew = new
    rule.arguments = arguments
    return rule
  }

  package static func directory(_ path: String, _ action: Action, recursive: Bool = false, new: Bool = false) -> Self {
    var rule = Self(path: path, isDirectory: true, action: action, location: Location(file: "test.yaml", line: 1))
    rule.recursive = recursive
    rule.allowNew = new
    return rule
  }
}

extension NetworkDirection {
  /// `.section(.block, .allow("10.9.0.2/32", tcp: 80...80))`
  package static func section(_ defaultAction: Action, _ rules: NetworkRule...) -> Self {
    section(defaultAction, rules)
  }

  package static func section(_ defaultAction: Action, _ rules: [NetworkRule]) -> Self {
    var section = Self()
    section.defaultAction = defaultAction
    section.rules = rules
    return section
  }
}

extension NetworkRule {
  package static func rule(
    _ action: Action, _ cidr: String?, except: [String] = [], tcp: ClosedRange<UInt16>? = nil,
    udp: ClosedRange<UInt16>? = nil
  ) -> Self {
    var rule = Self(action: action, location: Location(file: "test.yaml", line: 1))
    rule.cidr = cidr.map(prefix)
    rule.except = except.map(prefix)
    if let tcp { rule.ports.append(PortRule(transport: .tcp, first: tcp.lowerBound, last: tcp.upperBound)) }
    if let udp { rule.ports.append(PortRule(transport: .udp, first: udp.lowerBound, last: udp.upperBound)) }
    return rule
  }
}

/// Of a text like 10.0.0.0/8 or fd00::/8.
package func prefix(_ text: String) -> CIDR {
  let parts = text.split(separator: "/")
  let isIPv4 = text.contains(".")
  var bytes = [UInt8](repeating: 0, count: isIPv4 ? 4 : 16)
  precondition(inet_pton(isIPv4 ? AF_INET : AF_INET6, String(parts[0]), &bytes) == 1)
  return CIDR(bytes: bytes, prefixLength: Int(parts[1])!)
}

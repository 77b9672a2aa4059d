import Policy

/// The part of a profile that decided.
package enum EventRule: Equatable, Sendable {
  /// A list of rules in a profile; the raw value is its place there.
  package enum Section: String, CaseIterable, Sendable {
    case process, file
    case egress = "network.egress"
    case ingress = "network.ingress"
  }

  /// A key of the section `seccomp`.
  package enum SeccompKey: Equatable, Sendable {
    /// - Parameter index: nil: the filter is Stockade's own, whose rules have no numbers.
    case syscalls(index: Int?)
    case defaultAction, architectures

    var text: String {
      switch self {
      case .syscalls(let index): "syscalls" + (index.map { "[\($0)]" } ?? "")
      case .defaultAction: "defaultAction"
      case .architectures: "architectures"
      }
    }
  }

  /// - Parameters:
  ///   - index: the rule's index in its section.
  ///   - argument: index among the rule's arguments; nil: the path decided.
  ///   - location: nil: the text of the profile is not known any more.
  case rule(Section, index: Int, argument: Int?, location: Location?)
  /// A word of `kernel.block`.
  case kernelBlock(KernelSurface)
  /// The list of families that sockets may have.
  case kernelSockets
  /// A part of the seccomp filter.
  case seccomp(SeccompKey, Location)

  /// The rule's name in messages: `process.rules[2] (profiles/web.yaml:14).arguments[0]`.
  package var text: String {
    switch self {
    case .kernelBlock(let surface): "kernel.block \(surface.rawValue)"
    case .kernelSockets: "kernel.sockets"
    case .seccomp(let key, let location): "seccomp.\(key.text) (\(location))"
    case .rule(let section, let index, let argument, let location):
      "\(section.rawValue).rules[\(index)]" + (location.map { " (\($0))" } ?? "")
        + (argument.map { ".arguments[\($0)]" } ?? "")
    }
  }
}

import Policy

/// The part of a profile that decided.
package enum EventRule: Equatable, Sendable {
  /// A list of rules in a profile; the raw value is its place there.
  package enum Section: String, CaseIterable, Sendable {
    case process, file
    case egress = "network.egress"
    case ingress = "network.ingress"
  }

  /// - Parameters:
  ///   - index: the rule's index in its section.
  ///   - argument: index among the rule's arguments; nil: the path decided.
  ///   - location: nil: the text of the profile is not known any more.
  case rule(Section, index: Int, argument: Int?, location: Location?)
  /// A word of `kernel.block`.
  case kernelBlock(KernelSurface)

  /// The rule's name in messages: `process.rules[2] (profiles/web.yaml:14).arguments[0]`.
  package var text: String {
    switch self {
    case .kernelBlock(let surface): "kernel.block \(surface.rawValue)"
    case .rule(let section, let index, let argument, let location):
      "\(section.rawValue).rules[\(index)]" + (location.map { " (\($0))" } ?? "")
        + (argument.map { ".arguments[\($0)]" } ?? "")
    }
  }
}

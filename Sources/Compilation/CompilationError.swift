import Policy

/// Why a profile's network rules do not fit the kernel's tables.
package enum CompilationError: Error, Equatable, CustomStringConvertible {
  /// `section` names `count` different prefixes.
  case prefixes(section: String, count: Int, at: Location)
  /// `count` port entries of `section` would apply to one prefix.
  case entries(section: String, prefix: String, count: Int, at: Location)
  /// Ingress blocks `count` separate port ranges for every peer.
  case binds(count: Int, at: Location)

  package var problem: Problem {
    switch self {
    case .prefixes(_, _, let location), .entries(_, _, _, let location), .binds(_, let location):
      Problem(location, message)
    }
  }

  package var description: String { problem.description }

  private var message: String {
    switch self {
    case .prefixes(let section, let count, _):
      "\(section) names \(count) prefixes; at most \(CompiledPolicy.prefixesMax) fit, so join some"
    case .entries(let section, let prefix, let count, _):
      "\(count) port ranges of \(section) apply to \(prefix); at most \(CompiledPolicy.entriesMax) fit, so join some "
        + "into ranges with endPort, or use fewer rules for it"
    case .binds(let count, _):
      "spec.network.ingress blocks \(count) separate port ranges for every peer; at most \(CompiledPolicy.bindsMax) fit, "
        + "so join some into ranges with endPort"
    }
  }
}

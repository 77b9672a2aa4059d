import Policy

/// Everything for which the kernel's tables are too small, on whatever node.
package struct CompilationError: Error, Equatable, CustomStringConvertible {
  let misfits: [Misfit]

  package var problems: [Problem] { misfits.map(\.problem) }
  package var description: String { problems.map(\.description).joined(separator: "\n") }
}

/// Why a section of a profile's network rules does not fit the kernel's tables.
enum Misfit: Error, Equatable {
  /// `section` names `count` different prefixes.
  case prefixes(section: String, count: Int, at: Location)
  /// `count` port entries of `section` would apply to one prefix.
  case entries(section: String, prefix: String, count: Int, at: Location)
  /// Ingress blocks `count` separate port ranges for every peer, or does so with those of `bind`.
  case binds(count: Int, withList: Bool, at: Location)

  var problem: Problem {
    switch self {
    case .prefixes(_, _, let location), .entries(_, _, _, let location), .binds(_, _, let location):
      Problem(location, message)
    }
  }

  private var message: String {
    switch self {
    case .prefixes(let section, let count, _):
      "\(section) names \(count) prefixes; at most \(CompiledPolicy.prefixesMax) fit, so join some"
    case .entries(let section, let prefix, let count, _):
      "\(count) port ranges of \(section) apply to \(prefix); at most \(CompiledPolicy.entriesMax) fit, so join some "
        + "into ranges with endPort, or use fewer rules for it"
    case .binds(let count, let withList, _):
      (withList
        ? "the ports of spec.network.bind and those that spec.network.ingress blocks for every peer are \(count) ranges"
        : "spec.network.ingress blocks \(count) separate port ranges for every peer")
        + "; at most \(CompiledPolicy.bindsMax) fit, so join some into ranges with endPort"
    }
  }
}

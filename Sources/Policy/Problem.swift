import System
import YAML

/// One thing that is wrong in a file: what was found, and what to do.
package struct Problem: Equatable, Sendable, CustomStringConvertible {
  package var location: Location
  package var message: String

  package init(_ location: Location, _ message: String) {
    self.location = location
    self.message = message
  }

  package var description: String { "\(location): \(message)" }
}

/// Why a profile or the node's configuration cannot be used.
package enum PolicyError: Error, Equatable, Sendable, CustomStringConvertible {
  /// Never empty, in the order of the lines.
  case invalid([Problem])
  case unreadable(Errno)
  /// `hints`: broken files in which it may be.
  case noSuchProfile(name: String, lookedIn: String, hints: [String])

  package var description: String {
    switch self {
    case .invalid(let problems): return problems.map(\.description).joined(separator: "\n")
    case .unreadable(let error): return error.description
    case .noSuchProfile(let name, let place, let hints):
      let hint = hints.isEmpty ? "; add it or choose another" : "; it may be in a file that has errors: \(hints[0])"
      return "profile \(quoted(name)) does not exist: looked in \(place)\(hint)"
    }
  }
}

/// Collects what is wrong with one file, so that one look at it tells all.
package final class Problems {
  package let file: String
  private var found: [Problem] = []

  package init(file: String) { self.file = file }

  package func add(_ line: Int, _ message: String) {
    found.append(Problem(Location(file: file, line: line), message))
  }

  /// Throws all that was added, if anything.
  package func check() throws(PolicyError) {
    guard !found.isEmpty else { return }
    // Stable, so that two problems of one line stay in the order in which they were found.
    let sorted = found.enumerated().sorted {
      ($0.element.location.line, $0.offset) < ($1.element.location.line, $1.offset)
    }
    throw .invalid(sorted.map(\.element))
  }

  /// The one document of a file; an error of the text itself is its only problem.
  package func parse(_ bytes: [UInt8]) throws(PolicyError) -> Node? {
    do throws(YAMLError) { return try Node.parse(bytes, file: file) } catch {
      throw .invalid([Problem(Location(file: file, line: error.line), error.problem)])
    }
  }
}

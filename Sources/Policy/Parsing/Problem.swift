import System
import YAML

/// One thing that is wrong in a file: what was found, and what to do.
package struct Problem: Hashable, Sendable, CustomStringConvertible {
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
  /// `advice`: where the profile may be, or what to do. It stands behind a semicolon.
  case noSuchProfile(name: String, lookedIn: String, advice: String)

  package var description: String {
    switch self {
    case .invalid(let problems): return problems.map(\.description).joined(separator: "\n")
    case .unreadable(let error): return error.description
    case .noSuchProfile(let name, let place, let advice):
      return "profile \(quoted(name)) does not exist: looked in \(place)\(advice)"
    }
  }
}

extension PolicyError {
  /// The line for use in another message.
  var firstLine: String { description.split(separator: "\n").first.map(String.init) ?? description }

  /// One line for a reader who cannot mend the file: the first problem, and how many more there are.
  package var summary: String {
    guard case .invalid(let problems) = self, problems.count > 1 else { return description }
    return "\(firstLine) (and \(problems.count - 1) more, in the log)"
  }
}

/// Collects what is wrong with one file, so that one look at it reports everything.
package final class Problems {
  /// The most problems of one file that are reported. Problems beyond it are counted.
  package static let problemsMax = 100

  package let file: String
  private var found: [Problem] = []
  private var beyondCount = 0

  package init(file: String) { self.file = file }

  package func add(_ line: Int, _ message: @autoclosure () -> String) {
    guard found.count < Self.problemsMax else { return beyondCount += 1 }
    found.append(Problem(Location(file: file, line: line), message()))
  }

  package var isEmpty: Bool { found.isEmpty }

  /// How many problems were added. It shows whether reading a part added one.
  var count: Int { found.count + beyondCount }

  /// The problems that were added, in the order of the lines.
  package var sorted: [Problem] {
    let told = found.ordered(of: file)
    guard beyondCount > 0, let last = told.last else { return told }
    return told + [Problem(last.location, "\(beyondCount) more problems are not told; mend these first")]
  }

  /// Throws everything that was added, if anything was.
  package func check() throws(PolicyError) {
    if !found.isEmpty { throw .invalid(sorted) }
  }

  /// The one document of a file. If the text itself has an error, that is its only problem.
  package func parse(_ bytes: [UInt8]) throws(PolicyError) -> Node? {
    do { return try Node.parse(bytes, file: file) } catch {
      throw .invalid([Problem(Location(file: file, line: error.line), error.problem)])
    }
  }
}

extension [Problem] {
  /// Each problem once: first the file's own, then those of other files, in the order of the lines.
  package func ordered(of file: String) -> [Problem] {
    func rank(_ problem: Problem) -> (Int, String) {
      ExactText(problem.location.file) == ExactText(file) ? (0, "") : (1, problem.location.file)
    }
    // The sort is stable, so two problems of one line stay in the order in which they were found.
    let sorted = enumerated().sorted { a, b in
      if rank(a.element) != rank(b.element) { return rank(a.element) < rank(b.element) }
      return (a.element.location.line, a.offset) < (b.element.location.line, b.offset)
    }
    var seen: Set<Problem> = []
    return sorted.map(\.element).filter { seen.insert($0).inserted }
  }
}

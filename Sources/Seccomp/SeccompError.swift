import Policy
import System
import YAML

/// Why a filter is not accepted, or cannot be given to this runtime.
package enum SeccompError: Error, Equatable, Sendable, CustomStringConvertible {
  /// A word that is not in OCI's, the kernel's or libseccomp's vocabulary. `advice`: what to write instead, after a
  /// semicolon.
  case unknown(Location, what: String, word: String, advice: String)
  /// The filter was understood and not accepted. The text says why, and what to do.
  case refused(Location, String)
  /// A file of the profiles folder that cannot be read.
  case unreadable(Location, Errno)
  case malformed(YAMLError)
  /// libseccomp does not take the filter; it would fail at container start.
  case libseccomp(Location, doing: String, reason: String)
  case tooLong(Location, instructions: Int)
  /// Filters cannot be made for this node.
  case unsupportedNode(String)
  /// The runtime cannot carry this filter.
  case runtime(Location, String)
  /// More than one of the errors above, each by itself.
  indirect case several([SeccompError])

  package var description: String {
    switch self {
    case .unknown(let location, let what, let word, let advice): "\(location): unknown \(what) \"\(word)\"\(advice)"
    case .refused(let location, let text), .runtime(let location, let text): "\(location): \(text)"
    case .unreadable(let location, let errno): "\(location): \(errno)"
    case .malformed(let error): error.description
    case .libseccomp(let location, let doing, let reason): "\(location): libseccomp cannot \(doing): \(reason)"
    case .tooLong(let location, let instructions):
      "\(location): the filter has \(instructions) BPF instructions, the kernel takes "
        + "\(FilterProgram.instructionsMax); use fewer rules with conditions, or fewer architectures"
    case .unsupportedNode(let text): text
    case .several(let errors): errors.map(\.description).joined(separator: "\n")
    }
  }

  /// Each error with its place. `elsewhere`: the place of an error that has none.
  package func problems(elsewhere: Location) -> [Problem] {
    switch self {
    case .several(let errors): return errors.flatMap { $0.problems(elsewhere: elsewhere) }
    case .malformed(.tooLarge(let file, _, _)):
      return [Problem(Location(file: file, line: 1), text(without: "\(file):1: "))]
    case .malformed(.malformed(let file, let line, let problem)):
      return [Problem(Location(file: file, line: line), problem)]
    case .unsupportedNode(let text): return [Problem(elsewhere, text)]
    case .unknown(let location, _, _, _), .refused(let location, _), .unreadable(let location, _),
      .libseccomp(let location, _, _), .tooLong(let location, _), .runtime(let location, _):
      return [Problem(location, text(without: "\(location): "))]
    }
  }

  private func text(without place: String) -> String { String(description.dropFirst(place.count)) }
}

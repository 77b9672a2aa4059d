import Policy
import System
import YAML

/// Why a filter is not accepted, or cannot be given to this runtime.
package enum SeccompError: Error, Equatable, Sendable, CustomStringConvertible {
  /// A word that is not in OCI's, the kernel's or libseccomp's vocabulary. `advice`: what to write instead, after a
  /// semicolon.
  case unknown(Location, what: String, word: String, advice: String)
  /// Understood and not accepted; the text says why and what to do.
  case refused(Location, String)
  /// A file of the profiles folder that cannot be read.
  case unreadable(Location, Errno)
  case malformed(YAMLError)
  /// libseccomp does not take the filter; it would fail at container start.
  case libseccomp(Location, doing: String, reason: String)
  case tooLong(Location, instructions: Int)
  /// The node is none that filters can be made for.
  case unsupportedNode(String)
  /// The runtime cannot carry this filter.
  case runtime(Location, String)

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
    }
  }
}

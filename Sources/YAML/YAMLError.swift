/// Why a text cannot be read as YAML or JSON.
package enum YAMLError: Error, Equatable, Sendable, CustomStringConvertible {
  case tooLarge(file: String, bytes: Int)
  case malformed(file: String, line: Int, problem: String)

  package var description: String {
    switch self {
    case .tooLarge(let file, let bytes):
      "\(file):1: the file has \(bytes) bytes; it may have \(Node.fileMaxBytes)"
    case .malformed(let file, let line, let problem):
      "\(file):\(line): \(problem)"
    }
  }

  package var line: Int {
    switch self {
    case .tooLarge: 1
    case .malformed(_, let line, _): line
    }
  }

  /// What is wrong, without the place.
  package var problem: String {
    switch self {
    case .tooLarge(_, let bytes): "the file has \(bytes) bytes; it may have \(Node.fileMaxBytes)"
    case .malformed(_, _, let problem): problem
    }
  }
}

/// Why a text cannot be read as YAML or JSON.
package enum YAMLError: Error, Equatable, Sendable, CustomStringConvertible {
  case tooLarge(file: String, bytes: Int, limit: Int = Node.fileMaxBytes)
  case malformed(file: String, line: Int, problem: String)

  package var description: String {
    switch self {
    case .tooLarge(let file, _, _): "\(file):1: \(problem)"
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
    case .tooLarge(_, let bytes, let limit): "the file has \(bytes) bytes; it may have \(limit)"
    case .malformed(_, _, let problem): problem
    }
  }
}

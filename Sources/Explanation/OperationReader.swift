import Policy
import Seccomp
import YAML

/// Why words are no operation.
package struct OperationError: Error, Equatable, CustomStringConvertible {
  package let description: String
  init(_ description: String) { self.description = description }
}

/// Reads an operation: options, a verb, and what the verb is about. Behind the verb no word is an option.
///
/// `--new exec /tmp/x -c y`, `--write open /etc/passwd`, `connect 10.1.2.3:443/tcp`, `mount`
struct OperationReader {
  /// The longest operation, with a byte for each word.
  static let bytesMax = 65_536
  /// Words of arguments. Only their number and bytes cost anything.
  static let wordsMax = 4096

  static let options = ["--new", "--fileless", "--entrypoint", "--run-by-env", "--interpreter", "--read", "--write"]
  static let verbs = ["exec", "map", "open", "connect", "accept", "bind", "syscall", "socket"]

  private var flags: Set<String> = []
  private var interpreter: String?

  static func read(_ words: [String]) throws(OperationError) -> Operation {
    let bytes = words.reduce(0) { $0 + $1.utf8.count + 1 }
    guard words.count <= wordsMax, bytes <= bytesMax else {
      throw OperationError(
        "the operation has \(words.count) words and \(bytes) bytes; it may have \(wordsMax) and \(bytesMax)")
    }
    var reader = OperationReader()
    var rest = words[...]
    while let word = rest.first, word.hasPrefix("-") {
      rest.removeFirst()
      try reader.take(option: word, &rest)
    }
    guard let verb = rest.popFirst() else {
      throw OperationError("no operation; name one, for example exec /bin/sh")
    }
    let operation = try reader.operation(verb, Array(rest))
    try reader.refuseOthers(than: operation.options, verb)
    return operation
  }

  private mutating func take(option: String, _ rest: inout ArraySlice<String>) throws(OperationError) {
    guard Self.options.contains(option) else {
      throw OperationError(
        "unknown option \(quoted(option))"
          + Suggestion.advice(for: option, among: Self.options, otherwise: "see --help"))
    }
    guard flags.insert(option).inserted else { throw OperationError("\(option) is given twice") }
    guard option == "--interpreter" else { return }
    guard let path = rest.popFirst() else { throw OperationError("--interpreter needs a path") }
    interpreter = try Self.path(path)
  }

  private func refuseOthers(than known: [String], _ verb: String) throws(OperationError) {
    guard let other = flags.subtracting(known).min() else { return }
    throw OperationError("\(other) says nothing about \(verb)")
  }

  private func operation(_ verb: String, _ operands: [String]) throws(OperationError) -> Operation {
    switch verb {
    case "exec":
      guard let path = operands.first else { throw Self.missing(verb, "PATH [ARGUMENT...]") }
      return .exec(try program(path), arguments: Array(operands.dropFirst()))
    case "map": return .map(try program(try Self.only(operands, verb, "PATH")))
    case "open": return .open(path: try Self.path(try Self.only(operands, verb, "PATH")), access: access)
    case "connect": return .connect(try Self.endpoint(try Self.only(operands, verb, "ADDRESS:PORT/PROTOCOL")))
    case "accept":
      guard operands.count == 2 else { throw Self.missing(verb, "PEER PORT/PROTOCOL") }
      return .accept(peer: try Self.address(operands[0]), try Self.port(operands[1]))
    case "bind": return .bind(try Self.port(try Self.only(operands, verb, "PORT/PROTOCOL")))
    case "syscall": return try Self.syscall(operands)
    case "socket": return .socket(try Self.family(try Self.only(operands, verb, "FAMILY")))
    default: return try Self.surface(verb, operands)
    }
  }

  private func program(_ path: String) throws(OperationError) -> Operation.Program {
    var program = Operation.Program(path: try Self.path(path))
    program.isNew = flags.contains("--new")
    program.isFileless = flags.contains("--fileless")
    program.isEntrypoint = flags.contains("--entrypoint")
    program.isRunByEnv = flags.contains("--run-by-env")
    program.interpreter = interpreter
    return program
  }

  private var access: Set<Access> {
    let chosen = Set(Access.allCases.filter { flags.contains("--\($0.rawValue.lowercased())") })
    return chosen.isEmpty ? [.read] : chosen
  }

  private static func only(_ operands: [String], _ verb: String, _ usage: String) throws(OperationError) -> String {
    guard operands.count == 1 else { throw missing(verb, usage) }
    return operands[0]
  }

  private static func missing(_ verb: String, _ usage: String) -> OperationError {
    OperationError("\(verb) takes \(usage)")
  }
}

extension Operation {
  /// The options that say something about it.
  fileprivate var options: [String] {
    switch self {
    case .exec: OperationReader.options.filter { !["--read", "--write"].contains($0) }
    case .map: ["--new", "--fileless"]
    case .open: ["--read", "--write"]
    default: []
    }
  }

  /// - Parameter words: as the command line has them: options, a verb and its operands.
  package init(_ words: [String]) throws(OperationError) { self = try OperationReader.read(words) }

  /// What the first word can be.
  package static var verbs: [String] { OperationReader.verbs + KernelSurface.allCases.map(\.rawValue) }

  package static var options: [String] { OperationReader.options }
}

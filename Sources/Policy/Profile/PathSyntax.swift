import YAML

/// Checks the paths of rules. It works on bytes, as the kernel does.
package enum PathSyntax {
  /// The longest path that a rule may name, with a directory's trailing slash (bpf/include/stockade.h).
  package static let maxBytes = 512

  private static let slash = UInt8(ascii: "/")

  /// The path without a directory's trailing slash; nil: a problem was reported.
  static func parse(_ text: String, _ fields: Fields, isDirectory: Bool) -> String? {
    let key = isDirectory ? "directory" : "path"
    guard let problem = problem(Array(text.utf8), isDirectory: isDirectory) else {
      return isDirectory && text != "/" && text.utf8.last == slash ? String(text.utf8.dropLast())! : text
    }
    fields.problems.add(fields.line(of: key), "\(fields.path(key)) \(quoted(text)) \(problem)")
    return nil
  }

  /// Why no rule can have the path; nil: one can.
  package static func problem(_ path: String, isDirectory: Bool) -> String? {
    problem(Array(path.utf8), isDirectory: isDirectory)
  }

  private static func problem(_ bytes: [UInt8], isDirectory: Bool) -> String? {
    guard bytes.first == slash else { return "is relative; write it from the container's root, with a leading /" }
    let endsInSlash = bytes.last == slash
    if !isDirectory, endsInSlash { return "ends in /; write directory for a folder's contents" }
    let length = bytes.count + (isDirectory && !endsInSlash ? 1 : 0)
    if length > maxBytes {
      return "has \(length) bytes\(isDirectory ? " with its slash" : ""); it may have \(maxBytes)"
    }
    if bytes.contains(where: { $0 < 0x20 || $0 == 0x7f }) { return "has a control character; remove it" }
    if bytes.contains(UInt8(ascii: "*")) {
      return "has a *, and patterns are not known here; write directory with recursive: true"
    }
    return componentProblem(bytes)
  }

  /// Why no file has such a path, though it begins with a slash; nil: one can have it. A trailing slash is no problem.
  package static func componentProblem(_ bytes: [UInt8]) -> String? {
    var parts = bytes.dropFirst().split(separator: slash, omittingEmptySubsequences: false)
    if parts.last?.isEmpty == true { parts.removeLast() }
    for part in parts {
      if part.isEmpty { return "has //; write one slash" }
      if part.elementsEqual(".".utf8) { return "has the component . ; remove it" }
      if part.elementsEqual("..".utf8) { return "has the component ..; write the path that it leads to" }
    }
    return nil
  }
}

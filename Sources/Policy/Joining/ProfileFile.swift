import Glibc
import System
import YAML

/// One profile file as it was read: what of it can be used, and everything that is wrong with it.
package struct ProfileFile: Sendable {
  /// The most names that a file with errors may be taken for.
  private static let namesMax = 16

  package let path: String
  /// Without problems, the whole file. With problems, what `ProfileLayer.read` leaves. nil: nothing can be used.
  package private(set) var layer: ProfileLayer?
  /// In the order of the lines.
  package private(set) var problems: [Problem] = []
  /// nil: the file could be read.
  package private(set) var unreadable: Errno?
  /// The profile's name. If the file has no name or an impossible one, the names that stand in its text, and the file's
  /// own name.
  package private(set) var names: Set<String>

  /// Reads the file. It must be a regular file: reading a pipe would block the caller.
  package init(_ path: String) {
    do {
      self.init(path, bytes: try Files.readRegular(path, limit: Node.fileMaxBytes))
    } catch { self.init(path, unreadable: error) }
  }

  private init(_ path: String, unreadable: Errno) {
    (self.path, self.unreadable, names) = (path, unreadable, [Self.stem(path)])
  }

  /// - Parameter path: for messages.
  package init(_ path: String, bytes: [UInt8]) {
    self.path = path
    let (layer, problems) = ProfileLayer.read(bytes, file: path)
    (self.layer, self.problems) = (layer, problems)
    if let name = layer?.name, ProfileName.isValid(name) {
      names = [name]
    } else {
      names = Self.names(in: String(decoding: bytes, as: UTF8.self)).union([Self.stem(path)])
    }
  }

  /// nil: the whole file can be used.
  package var error: PolicyError? {
    if let unreadable { return .unreadable(unreadable) }
    return problems.isEmpty ? nil : .invalid(problems)
  }

  mutating func add(_ problem: Problem) { problems = (problems + [problem]).ordered(of: path) }

  /// `web` of `profiles/web.yaml`
  static func stem(_ path: String) -> String {
    let name = path.split(separator: "/").last ?? ""
    return String(name.prefix { $0 != "." })
  }

  /// What follows `name:` in a text that is no YAML.
  private static func names(in text: String) -> Set<String> {
    var names: Set<String> = []
    for part in text.split(separator: "name:").dropFirst().prefix(namesMax) {
      let word = part.drop { " \"'".contains($0) }.prefix { !" \"',}\r\n".contains($0) }
      if ProfileName.isValid(String(word)) { names.insert(String(word)) }
    }
    return names
  }
}

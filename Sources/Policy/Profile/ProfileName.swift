import YAML

/// Names of profiles: `metadata.name`, `extends`, annotations, the node's configuration.
package enum ProfileName {
  /// Kubernetes' limit for the names of objects.
  package static let maxBytes = 253
  /// Stands for "no profile"; never a profile's own name.
  package static let unconfined = "unconfined"

  /// Lower-case letters, digits, `-` and `.`. The first and the last are a letter or digit. So a name is never a path.
  package static func isValid(_ name: String) -> Bool {
    let bytes = Array(name.utf8)
    guard let first = bytes.first, let last = bytes.last, bytes.count <= maxBytes else { return false }
    return isAlphanumeric(first) && isAlphanumeric(last)
      && bytes.allSatisfy { isAlphanumeric($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".") }
  }

  /// Reports a name that no profile can have.
  ///
  /// - Parameter allowUnconfined: whether the reserved name has a meaning here.
  static func check(_ name: String, at line: Int, _ place: String, allowUnconfined: Bool, _ problems: Problems) {
    if !isValid(name) {
      problems.add(
        line,
        "\(place) is \(quoted(name)); write at most \(maxBytes) lower-case letters, digits, - and ., "
          + "the first and last a letter or digit")
    } else if name == unconfined, !allowUnconfined {
      problems.add(line, "\(place) is \"\(unconfined)\", which stands for no profile; choose another name")
    }
  }

  private static func isAlphanumeric(_ byte: UInt8) -> Bool {
    byte >= UInt8(ascii: "a") && byte <= UInt8(ascii: "z") || byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")
  }
}

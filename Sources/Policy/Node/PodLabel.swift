/// A label of a pod that events repeat.
package struct PodLabel: Equatable, Sendable {
  /// The limits of Kubernetes.
  package static let valueMaxBytes = 63
  private static let nameMaxBytes = 63
  private static let prefixMaxBytes = 253

  package var name: String
  package var value: String

  package init(name: String, value: String) { (self.name, self.value) = (name, value) }

  /// Those of a pod's labels that the names choose. Each is kept for every container and written with every event, so a
  /// value that is longer than Kubernetes takes is left out.
  package static func chosen(_ names: [String], of labels: [String: String]) -> [PodLabel] {
    names.compactMap { name in
      guard let value = labels[name], value.utf8.count <= valueMaxBytes else { return nil }
      return PodLabel(name: name, value: value)
    }
  }

  /// Whether a pod can have a label of this name and value.
  static func isPossible(_ name: String, _ value: String) -> Bool {
    isName(name) && value.utf8.count <= valueMaxBytes && (value.isEmpty || isKubernetesWord(value, also: "-_."))
  }

  /// `app`, or `app.kubernetes.io/name`.
  static func isName(_ text: String) -> Bool {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    guard let name = parts.last, name.utf8.count <= nameMaxBytes, isKubernetesWord(name, also: "-_.") else {
      return false
    }
    return parts.count == 1
      || parts.count == 2 && parts[0].utf8.count <= prefixMaxBytes
        && isKubernetesWord(parts[0], also: "-.", capitals: false)
  }
}

/// Letters, digits and some others between a letter or digit at either end.
func isKubernetesWord(_ text: String, also others: String, capitals: Bool = true) -> Bool {
  func isLetter(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x61...0x7a).contains(byte) || (capitals && (0x41...0x5a).contains(byte))
  }
  guard let first = text.utf8.first, let last = text.utf8.last else { return false }
  return isLetter(first) && isLetter(last) && text.utf8.allSatisfy { isLetter($0) || others.utf8.contains($0) }
}

import System
import YAML

/// Which pods a policy is for. A profile does not say that: a binding of the node's configuration does, or the pods'
/// annotations.
struct PodChoice {
  var namespaces: [String] = []
  var labels: [(key: String, value: String)] = []
  /// Empty: all containers of the pods.
  var containers: [String] = []

  var isEmpty: Bool { namespaces.isEmpty && labels.isEmpty && containers.isEmpty }

  /// What to write so that these pods get the profile.
  func advice(profile: String) -> String {
    guard containers.isEmpty else {
      let lines = containers.map { YAMLWriter.brackets(["profile.stockade.dev/container.\($0)": .string(profile)]) }
      return "a profile names no pods; annotate \(pods) with \(lines.joined(separator: " and "))"
    }
    var binding: [(String, JSON)] = []
    if !namespaces.isEmpty { binding.append(("namespaces", .array(namespaces.map { .string($0) }))) }
    if !labels.isEmpty { binding.append(("podLabels", .object(labels.map { ($0.key, .string($0.value)) }))) }
    binding.append(("profile", .string(profile)))
    return
      "a profile names no pods; write in the node's configuration: bindings: [\(YAMLWriter.brackets(.object(binding)))]"
  }

  private var pods: String {
    let parts = namespaces.map { "namespace \($0)" } + labels.map { "label \($0.key)=\($0.value)" }
    return parts.isEmpty ? "the pods" : "the pods (\(parts.joined(separator: ", ")))"
  }
}

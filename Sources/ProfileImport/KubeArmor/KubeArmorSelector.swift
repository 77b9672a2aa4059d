import Policy
import YAML

/// `selector` and the namespace.
extension KubeArmorImport {
  /// The label by which a policy names containers: `"[web,sidecar]"`.
  private static let containerLabel = "kubearmor.io/container.name"

  func readSelector(_ spec: SourceMapping, _ head: ObjectHead) {
    var choice = PodChoice()
    if let namespace = head.namespace { choice.namespaces = [namespace] }
    let selector = spec.mapping("selector")
    for (key, value) in selector?.pairs("matchLabels") ?? [] {
      if key == Self.containerLabel {
        choice.containers = value.split { "[], ".contains($0) }.map(String.init)
      } else {
        choice.labels.append((key, value))
      }
    }
    for expression in selector?.mappings("matchExpressions") ?? [] { read(expression, &choice) }
    selector?.finish()
    guard !choice.isEmpty else { return }
    notes.tell(
      selector?.line ?? head.line, selector == nil ? "metadata.namespace" : "spec.selector",
      choice.advice(profile: head.name))
  }

  private func read(_ expression: SourceMapping, _ choice: inout PodChoice) {
    let (key, operation) = (expression.text("key"), expression.text("operator"))
    let values = expression.texts("values").map(\.text)
    expression.finish()
    switch (key, operation) {
    case ("namespace", "In"): choice.namespaces += values
    case ("label", "In") where values.count == 1 && values[0].contains("="):
      let parts = values[0].split(separator: "=", maxSplits: 1).map(String.init)
      choice.labels.append((parts[0], parts.count > 1 ? parts[1] : ""))
    default:
      notes.lost(
        expression.line, expression.place,
        "bindings name namespaces and labels, and have no \(quoted(operation ?? "")) for \(quoted(key ?? "")); write a "
          + "binding for each namespace or label that is meant")
    }
  }
}

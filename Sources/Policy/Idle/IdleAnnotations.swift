import YAML

extension PodContext {
  /// Annotations that choose nothing for any container of the pod.
  package var idleAnnotations: [IdlePart] {
    guard annotations[Annotation.all] != nil, annotations[Annotation.pod] != nil else { return [] }
    return [
      IdlePart(
        "annotation \(Annotation.all)", IdlePart.doesNothing, "\(Annotation.pod) stands beside it and counts",
        "remove one of them")
    ]
  }

  /// The containers that annotations name. Their number is limited, since whoever makes pods chooses it.
  package var annotatedContainers: Set<String> {
    let names = annotations.keys.filter { $0.utf8.starts(with: Annotation.container.utf8) }.sorted()
    return Set(names.prefix(Self.annotatedMax).map { String($0.dropFirst(Annotation.container.count)) })
  }

  /// The limit for one pod. No more names are remembered.
  package static let annotatedMax = 64

  /// A container that starts without an annotation of its own, although an annotation names something like it.
  package func misspelt(for container: String) -> IdlePart? {
    let named = annotatedContainers
    guard !named.contains(container),
      let near = named.sorted().first(where: { Suggestion.nearest(to: $0, among: [container]) != nil })
    else { return nil }
    return IdlePart(
      "annotation \(quoted(Annotation.container + near))", "does not name container \(quoted(container))",
      "the names differ", "if no other container is meant, write \(Annotation.container)\(container)")
  }

  /// An annotation for a container that the pod never had.
  package static func neverCame(_ name: String) -> IdlePart {
    IdlePart(
      "annotation \(quoted(Annotation.container + name))", IdlePart.matchesNothing,
      "the pod had no container of that name from its beginning to its end", "mend the name in the pod")
  }
}

extension Choice {
  /// An annotation that a required binding overrides.
  package func idleAnnotation(of pod: PodContext, for container: String) -> IdlePart? {
    guard case .profile(let name, let because) = self, because.hasPrefix("required by") else { return nil }
    let keys = [Annotation.container + container, Annotation.pod, Annotation.all]
    guard let key = keys.first(where: { pod.annotations[$0] != nil }), pod.annotations[key] != name else { return nil }
    return IdlePart(
      "annotation \(key)", IdlePart.doesNothing, "profile \(quoted(name)) is \(because)",
      "remove the annotation, or ask the node's administrator")
  }
}

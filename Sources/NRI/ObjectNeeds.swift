/// Which parts of the pods and containers in Synchronize are looked at. The rest is dropped while it comes in: whoever
/// may make pods decides how much that is.
package struct ObjectNeeds: Equatable, Sendable {
  /// For pods: annotations of these names, and below them: `a.dev` takes `a.dev/b` too. nil: everything of a message is
  /// kept, of containers too.
  package var annotations: Set<String>?
  /// For containers: annotations of exactly these names.
  package var containerAnnotations: Set<String>
  /// Labels of pods.
  package var labels: Set<String>

  package static let everything = ObjectNeeds(annotations: nil, labels: [])
  /// What a pod or container gets instead of its annotations if those that are needed are over the limit.
  package var substitute = ""
  /// The limit for the needed annotations of one pod or container.
  package static let annotationsMaximumBytes = 16 << 10

  package init(
    annotations: Set<String>?, containerAnnotations: Set<String> = [], labels: Set<String>, substitute: String = ""
  ) {
    (self.annotations, self.containerAnnotations) = (annotations, containerAnnotations)
    (self.labels, self.substitute) = (labels, substitute)
  }

  func takesAnnotation(_ key: ArraySlice<UInt8>, of kind: ObjectReader.Kind) -> Bool {
    guard let annotations else { return true }
    // Bytes are compared: Swift's own comparison takes different bytes for the same text.
    if kind == .container { return containerAnnotations.contains { key.elementsEqual($0.utf8) } }
    return annotations.contains { key.elementsEqual($0.utf8) || key.starts(with: "\($0)/".utf8) }
  }

  func takesLabel(_ key: ArraySlice<UInt8>) -> Bool {
    annotations == nil || labels.contains { key.elementsEqual($0.utf8) }
  }
}

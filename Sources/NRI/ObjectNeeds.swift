/// What of the pods and containers in Synchronize is looked at. The rest is let go while it comes in: whoever may make
/// pods decides how much that is.
package struct ObjectNeeds: Equatable, Sendable {
  /// Of pods: annotations of these names, and below them: `a.dev` takes `a.dev/b` too; nil: everything of a message is
  /// kept, of containers too.
  package var annotations: Set<String>?
  /// Of containers: annotations of just these names.
  package var containerAnnotations: Set<String>
  /// Labels of pods.
  package var labels: Set<String>

  package static let everything = ObjectNeeds(annotations: nil, labels: [])
  /// What a pod or container has instead of its annotations where those that are needed are over the limit.
  package var substitute = ""
  /// Of the annotations of one that are needed.
  package static let annotationsMaximumBytes = 16 << 10

  package init(
    annotations: Set<String>?, containerAnnotations: Set<String> = [], labels: Set<String>, substitute: String = ""
  ) {
    (self.annotations, self.containerAnnotations) = (annotations, containerAnnotations)
    (self.labels, self.substitute) = (labels, substitute)
  }

  func takesAnnotation(_ key: ArraySlice<UInt8>, of kind: ObjectReader.Kind) -> Bool {
    guard let annotations else { return true }
    // By bytes: Swift's comparison takes different bytes for the same text.
    if kind == .container { return containerAnnotations.contains { key.elementsEqual($0.utf8) } }
    return annotations.contains { key.elementsEqual($0.utf8) || key.starts(with: "\($0)/".utf8) }
  }

  func takesLabel(_ key: ArraySlice<UInt8>) -> Bool {
    annotations == nil || labels.contains { key.elementsEqual($0.utf8) }
  }
}

import Policy
import System

/// Which containers the annotations of each pod name that have not come yet. The runtime tells of one container at a
/// time and never of all that a pod will have. So only the pod's end shows that an annotation chose nothing.
struct AnnotationWatch {
  private struct Pod {
    var awaited: Set<String>
    var told: Set<IdlePart> = []
  }

  private var pods = RecentValues<String, Pod>(limit: IdleReports.podsMaximum)

  /// A pod begins. A pod that ran before is not followed, since its containers may have come and gone.
  mutating func begin(_ id: String, _ context: PodContext) {
    pods.insert(Pod(awaited: context.annotatedContainers), for: id)
  }

  /// A container of the pod is made.
  ///
  /// - Returns: what was not told of the pod before.
  mutating func came(_ container: String, to id: String, _ context: PodContext, _ choice: Choice) -> [IdlePart] {
    var pod = pods[id] ?? Pod(awaited: [])
    pod.awaited.remove(container)
    let found =
      context.idleAnnotations
      + [context.misspelt(for: container), choice.idleAnnotation(of: context, for: container)].compactMap(\.self)
    let new = found.filter { pod.told.insert($0).inserted }
    pods.insert(pod, for: id)
    return new
  }

  /// The pod is over.
  ///
  /// - Returns: the annotations for containers that never came.
  mutating func end(_ id: String) -> [IdlePart] {
    defer { pods.remove(id) }
    return (pods[id]?.awaited ?? []).sorted().map(PodContext.neverCame)
  }

  /// The connection to the runtime is new, and containers may have come meanwhile.
  mutating func reset() { self = Self() }
}

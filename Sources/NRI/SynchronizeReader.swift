import CProtobuf
import TTRPC

/// A Synchronize as it comes in. Each pod and each container is read by itself, so its memory is given back before the
/// next one comes. containerd 1.7 sends everything of a node in one message, however long that is.
package struct SynchronizeReader: Equatable, Sendable {
  /// A message over this limit is only measured, and refused: the runtime gives all of it 2 seconds.
  package static let maximumBytes = 64 << 20
  /// The limits for a node, in all parts together. The kubelet's own limit is 110 pods, which some raise to some
  /// hundreds.
  package static let maximumPods = 16_384
  package static let maximumContainers = 65_536
  /// So many pods are named in an error.
  static let namedMaximum = 5

  private static let more: UInt32 = 3

  private(set) var pods: [PodSandbox] = []
  private(set) var containers: [Container] = []
  private(set) var isMore = false
  private let needs: ObjectNeeds
  /// Whether the message is over the limit.
  private let measuresOnly: Bool
  private var podCount = 0
  private var containerCount = 0
  private var sizes = PodSizes()
  private var cutter = FieldCutter("SynchronizeRequest")
  private var object: ObjectReader?
  private var objectBytes = 0
  private var seenMore = false

  /// - Parameter length: the length of the message.
  init(needs: ObjectNeeds, length: Int) {
    self.needs = needs
    measuresOnly = length > Self.maximumBytes
  }

  mutating func receive(_ bytes: ArraySlice<UInt8>) throws(NRIError) {
    for part in try cutter.parts(of: bytes) { try receive(part) }
  }

  func finish() throws(NRIError) { try cutter.end() }

  /// - Parameter length: the length of a message that is over the limit.
  func tooLong(_ length: Int) -> NRIError {
    .synchronizeTooLong(length: length, largest: sizes.largest(Self.namedMaximum))
  }

  private mutating func receive(_ part: FieldCutter.Part) throws(NRIError) {
    switch part {
    case .begin(let field, let length):
      if field == Self.more { throw Self.malformed(".more", .wireType(found: 2, expected: 0)) }
      object = ObjectReader.Kind(rawValue: field).map { ObjectReader($0, needs: needs) }
      objectBytes = length
    case .bytes(let bytes): try object?.receive(bytes)
    case .end:
      if let object { try add(object) }
      object = nil
    case .number(let field, let value):
      if let kind = ObjectReader.Kind(rawValue: field) { throw Self.notAnObject(kind, found: 0) }
      if field == Self.more {
        if seenMore { throw Self.malformed(".more", .repeatedSingularField) }
        (seenMore, isMore) = (true, value != 0)
      }
    case .fixed(let field):
      if let kind = ObjectReader.Kind(rawValue: field) { throw Self.notAnObject(kind, found: 1) }
      if field == Self.more { throw Self.malformed(".more", .wireType(found: 1, expected: 0)) }
    }
  }

  private static func malformed(_ path: String, _ reason: MalformedReason) -> NRIError {
    .wire(.malformed(path: "SynchronizeRequest\(path)", reason: reason))
  }

  private static func notAnObject(_ kind: ObjectReader.Kind, found: UInt8) -> NRIError {
    .wire(.malformed(path: kind.path, reason: .wireType(found: found, expected: 2)))
  }

  /// After an error in Synchronize the runtime drops the plugin, and the node is open. So a NUL is not refused: any pod
  /// that came while the plugin was away may have one in an annotation. An annotation that is changed in this way
  /// chooses no profile.
  private mutating func add(_ object: ObjectReader) throws(NRIError) {
    try object.finish()
    var request: [UInt8] = []
    request.append(varint: UInt64(object.kind.rawValue) << 3 | 2)
    request.append(varint: UInt64(object.kept.count))
    request += object.kept
    let found: (pods: [PodSandbox], containers: [Container])
    do {
      found = try Nri__SynchronizeRequest.decode(request, nul: .substituted) { message in
        (
          elements(message.n_pods, message.pods).map { PodSandbox($0.pointee) },
          elements(message.n_containers, message.containers).map { Container($0.pointee) }
        )
      }
    } catch { throw .wire(error) }
    for pod in found.pods { add(pod, isOverLong: object.isOverLong) }
    for container in found.containers { add(container, isOverLong: object.isOverLong) }
    if podCount > Self.maximumPods { throw .tooManyPods(limit: Self.maximumPods) }
    if containerCount > Self.maximumContainers { throw .tooManyContainers(limit: Self.maximumContainers) }
  }

  private mutating func add(_ pod: PodSandbox, isOverLong: Bool) {
    var pod = pod
    if isOverLong { pod.annotations = [needs.substitute: ""] }
    sizes.add(objectBytes, ofPod: pod.id, named: "\(pod.namespace)/\(pod.name)")
    podCount += 1
    if !measuresOnly { pods.append(pod) }
  }

  private mutating func add(_ container: Container, isOverLong: Bool) {
    var container = container
    if isOverLong { container.annotations = [needs.substitute: ""] }
    if needs.annotations != nil { container.seccompPolicy = nil }
    sizes.add(objectBytes, ofPod: container.podSandboxID)
    containerCount += 1
    if !measuresOnly { containers.append(container) }
  }
}

/// How many bytes of a message each pod takes, with its containers.
private struct PodSizes: Equatable, Sendable {
  /// The bytes of each pod, by sandbox id.
  private var bytes: [String: Int] = [:]
  private var names: [String: String] = [:]

  mutating func add(_ count: Int, ofPod id: String, named name: String? = nil) {
    bytes[id, default: 0] += count
    if let name { names[id] = name }
  }

  func largest(_ count: Int) -> [NRIError.PodSize] {
    let sorted = bytes.sorted { ($0.value, $1.key) > ($1.value, $0.key) }
    return sorted.prefix(count).map { NRIError.PodSize(name: names[$0.key] ?? "sandbox \($0.key)", bytes: $0.value) }
  }
}

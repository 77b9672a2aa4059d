import TTRPC

/// One pod or container of a Synchronize, as it comes in. What is needed of it is kept, in its own bytes.
struct ObjectReader: Equatable, Sendable {
  enum Kind: UInt32, Sendable {
    /// The numbers are those of the fields in SynchronizeRequest.
    case pod = 1
    case container = 2

    var path: String { self == .pod ? "SynchronizeRequest.pods" : "SynchronizeRequest.containers" }
  }

  /// The limit for what is needed. The kubelet's own limit for all annotations of a pod is 256 KiB.
  static let maximumBytes = MessageHeader.maximumBodyLength

  /// A longer annotation or label is not kept: a name has at most 317 bytes, and a profile's name far fewer.
  private static let entryMaximumBytes = ObjectNeeds.annotationsMaximumBytes

  // The numbers are those of proto/nri.proto.
  private static let labels: UInt32 = 5
  private static let annotations: UInt32 = 6
  private static let neededOfPod: Set<UInt32> = [1, 2, 3, 4, labels, annotations, 7, 8, 9]
  private static let neededOfContainer: Set<UInt32> = [1, 2, 3, 4, annotations, 11, 12]

  let kind: Kind
  private let needs: ObjectNeeds
  private var cutter: FieldCutter
  /// The bytes of a SynchronizeRequest that has only this object.
  private(set) var kept: [UInt8] = []
  /// Where in `kept` the field begins that is coming in; nil: the field is not needed.
  private var fieldStart: Int?
  private var field: UInt32 = 0
  private var valueStart = 0
  private var annotationBytes = 0

  init(_ kind: Kind, needs: ObjectNeeds) {
    self.kind = kind
    self.needs = needs
    cutter = FieldCutter(kind.path)
  }

  /// Whether there was more of annotations than is kept.
  var isOverLong: Bool { needs.annotations != nil && annotationBytes > ObjectNeeds.annotationsMaximumBytes }

  mutating func receive(_ bytes: ArraySlice<UInt8>) throws(NRIError) {
    for part in try cutter.parts(of: bytes) { try receive(part) }
  }

  func finish() throws(NRIError) { try cutter.end() }

  private mutating func receive(_ part: FieldCutter.Part) throws(NRIError) {
    switch part {
    case .number(let field, let value) where isNeeded(field):
      kept.append(varint: UInt64(field) << 3)
      kept.append(varint: value)
    case .begin(let field, let length): begin(field, length)
    case .bytes(let bytes):
      guard fieldStart != nil else { return }
      kept += bytes
      if isEntry, kept.count - valueStart > Self.entryMaximumBytes { dropLongEntry() }
      if kept.count > Self.maximumBytes { throw .objectTooLong(kind.path, limit: Self.maximumBytes) }
    case .end: end()
    // A field that is not written as protobuf writes it. It is refused if it is needed.
    case .fixed(let field) where isNeeded(field):
      throw .wire(.malformed(path: kind.path, reason: .wireType(found: 1, expected: 2)))
    case .number, .fixed: break
    }
  }

  private func isNeeded(_ field: UInt32) -> Bool {
    if needs.annotations == nil { return true }
    return (kind == .pod ? Self.neededOfPod : Self.neededOfContainer).contains(field)
  }

  private mutating func begin(_ field: UInt32, _ length: Int) {
    guard isNeeded(field), !(field == Self.annotations && isOverLong) else { return fieldStart = nil }
    self.field = field
    fieldStart = kept.count
    kept.append(varint: UInt64(field) << 3 | 2)
    kept.append(varint: UInt64(length))
    valueStart = kept.count
  }

  private mutating func end() {
    guard let start = fieldStart else { return }
    fieldStart = nil
    if isUnneededEntry { return kept.removeLast(kept.count - start) }
    if field == Self.annotations { annotationBytes += kept.count - start }
  }

  /// Whether the field is an annotation or label of which it matters whether it is needed.
  private var isEntry: Bool {
    needs.annotations != nil && (field == Self.annotations || field == Self.labels)
  }

  private var isUnneededEntry: Bool { isEntry && !isNeededEntry(unknown: true) }

  /// - Parameter unknown: the answer if the entry's key cannot be read. The check of the whole object decides then.
  private func isNeededEntry(unknown: Bool) -> Bool {
    guard let key = Self.key(ofEntry: kept[valueStart...]) else { return unknown }
    return field == Self.annotations ? needs.takesAnnotation(key, of: kind) : needs.takesLabel(key)
  }

  /// The value has not come yet, but Go writes the key first. Without a key the entry might be one that is needed.
  private mutating func dropLongEntry() {
    let isNeeded = isNeededEntry(unknown: true)
    if let start = fieldStart { kept.removeLast(kept.count - start) }
    fieldStart = nil
    if isNeeded { annotationBytes += Self.entryMaximumBytes + 1 }
  }

  /// KeyValue: key = 1, value = 2. This also works for an entry that is not whole, as long as its key is.
  private static func key(ofEntry bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
    var cutter = FieldCutter("KeyValue")
    guard let parts = try? cutter.receive(bytes) else { return nil }
    var field: UInt32 = 0
    var key: ArraySlice<UInt8>?
    var part: ArraySlice<UInt8> = []
    for next in parts {
      switch next {
      case .begin(let number, _): (field, part) = (number, [])
      case .bytes(let bytes): part = bytes
      case .end where field == 1: key = part
      default: break
      }
    }
    // If there is no key, the key is empty, provided that nothing more can come.
    return key ?? (cutter.isBetweenFields ? [] : nil)
  }
}

extension [UInt8] {
  /// Appends a number as protobuf writes it.
  mutating func append(varint value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      append(UInt8(rest & 0x7f) | 0x80)
      rest >>= 7
    }
    append(UInt8(rest))
  }
}

import CProtobuf
import Glibc

/// Checks a message's bytes against its descriptor before protobuf-c unpacks them.
///
/// protobuf-c cuts a string at a NUL, takes bytes that are not UTF-8, and merges a field that comes twice. Then the
/// policy would see other strings than the sender meant. Fields that the descriptor does not know are only checked for
/// their shape, because protobuf-c skips them.
package struct WireScan {
  /// NRI's own messages nest 7 deep.
  package static let maximumDepth = 16
  /// Stands for a NUL, if NULs are not refused: SUB, which no name, path or pattern of ours has.
  package static let substitute: UInt8 = 0x1a

  /// What happens to a string with a NUL. Such a string is valid UTF-8, so Go sends it.
  package enum NUL: Sendable { case refused, substituted }

  private let nul: NUL
  /// The places of the NULs that must be substituted.
  private var places: [Int] = []

  /// - Returns: the bytes to unpack.
  @discardableResult
  package static func check(
    _ bytes: [UInt8], as descriptor: UnsafePointer<ProtobufCMessageDescriptor>, nul: NUL = .refused
  ) throws(WireError) -> [UInt8] {
    var scan = WireScan(nul: nul)
    do { try scan.check(bytes.span, at: 0, as: descriptor, depth: 1) } catch {
      throw .malformed(path: error.path(in: descriptor), reason: error.reason)
    }
    var checked = bytes
    for place in scan.places { checked[place] = substitute }
    return checked
  }

  private init(nul: NUL) { self.nul = nul }

  /// - Parameter start: where `bytes` begin in the whole message.
  private mutating func check(
    _ bytes: Span<UInt8>, at start: Int, as descriptor: UnsafePointer<ProtobufCMessageDescriptor>, depth: Int
  ) throws(Malformed) {
    if depth > Self.maximumDepth { throw Malformed(.tooDeep(limit: Self.maximumDepth)) }
    var seen: Set<UInt32> = []
    var position = 0
    while position < bytes.count {
      let tag = try WireTag(at: &position, in: bytes)
      guard let field = protobuf_c_message_descriptor_get_field(descriptor, tag.field) else {
        _ = try tag.value(at: &position, in: bytes)
        continue
      }
      do throws(Malformed) {
        let value = try tag.value(at: &position, in: bytes)
        if field.pointee.label != PROTOBUF_C_LABEL_REPEATED, !seen.insert(tag.field).inserted {
          throw Malformed(.repeatedSingularField)
        }
        try check(bytes.extracting(value), at: start + value.lowerBound, of: tag, as: field, depth: depth)
      } catch { throw error.inside(field) }
    }
  }

  private mutating func check(
    _ value: Span<UInt8>, at start: Int, of tag: WireTag, as field: UnsafePointer<ProtobufCFieldDescriptor>, depth: Int
  ) throws(Malformed) {
    let expected = WireTag.Kind(of: field.pointee.type)
    guard tag.kind == expected else {
      throw Malformed(.wireType(found: tag.kind.rawValue, expected: expected.rawValue))
    }
    switch field.pointee.type {
    case PROTOBUF_C_TYPE_STRING: try checkText(value, at: start)
    case PROTOBUF_C_TYPE_MESSAGE:
      let descriptor = field.pointee.descriptor.assumingMemoryBound(to: ProtobufCMessageDescriptor.self)
      try check(value, at: start, as: descriptor, depth: depth + 1)
    default: break
    }
  }

  private mutating func checkText(_ text: Span<UInt8>, at start: Int) throws(Malformed) {
    let hasNUL = text.withUnsafeBufferPointer { !$0.isEmpty && memchr($0.baseAddress!, 0, $0.count) != nil }
    if hasNUL {
      if nul == .refused { throw Malformed(.nulInString) }
      for index in text.indices where text[index] == 0 { places.append(start + index) }
    }
    do { _ = try UTF8Span(validating: text) } catch { throw Malformed(.invalidUTF8) }
  }
}

/// A refusal on its way out of the nesting: each level puts its field's name before it.
struct Malformed: Error {
  let reason: MalformedReason
  /// The innermost name comes first.
  private var names: [String] = []

  init(_ reason: MalformedReason) { self.reason = reason }

  func inside(_ field: UnsafePointer<ProtobufCFieldDescriptor>) -> Malformed {
    var outer = self
    outer.names.append(String(cString: field.pointee.name))
    return outer
  }

  func path(in descriptor: UnsafePointer<ProtobufCMessageDescriptor>) -> String {
    ([String(cString: descriptor.pointee.short_name)] + names.reversed()).joined(separator: ".")
  }
}

import CProtobuf
import Testing

@testable import TTRPC

@Suite("nesting")
struct WireScanDepthTests {
  @Test("messages nest 16 deep and no deeper")
  func depth() throws {
    let node = RecursiveDescriptor()
    try WireScan.check(nested(WireScan.maximumDepth), as: node.descriptor)
    let error = #expect(throws: WireError.self) {
      try WireScan.check(nested(WireScan.maximumDepth + 1), as: node.descriptor)
    }
    let path = "Node" + String(repeating: ".next", count: 16)
    #expect(error?.description == "malformed message: \(path): nested deeper than 16 messages")
  }

  /// So many messages, each the field `next` of the one around it.
  private func nested(_ depth: Int) -> [UInt8] {
    (1..<depth).reduce([]) { inner, _ in [0x0a, UInt8(inner.count)] + inner }
  }
}

/// `message Node { Node next = 1; }`. None of our messages contains itself.
private final class RecursiveDescriptor {
  let descriptor = UnsafeMutablePointer<ProtobufCMessageDescriptor>.allocate(capacity: 1)
  private let field = UnsafeMutablePointer<ProtobufCFieldDescriptor>.allocate(capacity: 1)
  /// The field number and its index; then the end.
  private let ranges = UnsafeMutablePointer<ProtobufCIntRange>.allocate(capacity: 2)

  init() {
    field.initialize(to: ProtobufCFieldDescriptor())
    field.pointee.name = cString("next")
    field.pointee.id = 1
    field.pointee.label = PROTOBUF_C_LABEL_NONE
    field.pointee.type = PROTOBUF_C_TYPE_MESSAGE
    field.pointee.descriptor = UnsafeRawPointer(descriptor)
    ranges[0] = ProtobufCIntRange(start_value: 1, orig_index: 0)
    ranges[1] = ProtobufCIntRange(start_value: 0, orig_index: 1)
    descriptor.initialize(to: ProtobufCMessageDescriptor())
    descriptor.pointee.short_name = cString("Node")
    descriptor.pointee.n_fields = 1
    descriptor.pointee.fields = UnsafePointer(field)
    descriptor.pointee.n_field_ranges = 1
    descriptor.pointee.field_ranges = UnsafePointer(ranges)
  }

  deinit {
    descriptor.deallocate()
    field.deallocate()
    ranges.deallocate()
  }
}

private func cString(_ text: StaticString) -> UnsafePointer<CChar> {
  UnsafeRawPointer(text.utf8Start).assumingMemoryBound(to: CChar.self)
}

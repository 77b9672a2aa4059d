import CProtobuf
import Glibc

/// A C struct that protobuf-c generated. Its pointers never leave a call of `decode` or `encode`.
package protocol ProtobufMessage: SendableMetatype {
  init()
  var base: ProtobufCMessage { get }
  /// `package__message__init`: sets the descriptor and the defaults.
  static func initialize(_ message: UnsafeMutablePointer<Self>)
}

extension ProtobufMessage {
  package static var descriptor: UnsafePointer<ProtobufCMessageDescriptor> {
    var message = Self()
    initialize(&message)
    return message.base.descriptor
  }

  /// Reads a message: first by `WireScan`, then by protobuf-c, whose memory is freed when `body` returns.
  package static func decode<Value>(
    _ bytes: [UInt8], nul: WireScan.NUL = .refused, _ body: (Self) -> Value
  ) throws(WireError) -> Value {
    let descriptor = Self.descriptor
    let bytes = try WireScan.check(bytes, as: descriptor, nul: nul)
    guard let unpacked = protobuf_c_message_unpack(descriptor, nil, bytes.count, bytes) else {
      throw .malformed(path: String(cString: descriptor.pointee.short_name), reason: .notUnpacked)
    }
    defer { protobuf_c_message_free_unpacked(unpacked, nil) }
    return body(UnsafeMutableRawPointer(unpacked).assumingMemoryBound(to: Self.self).pointee)
  }

  /// Writes a message whose strings, arrays and inner messages `fill` makes in the arena.
  package static func encode(_ fill: (inout Self, Arena) -> Void) -> [UInt8] {
    let arena = Arena()
    let message = arena.message { (message: inout Self) in fill(&message, arena) }
    return UnsafeMutableRawPointer(message).withMemoryRebound(to: ProtobufCMessage.self, capacity: 1) { base in
      [UInt8](unsafeUninitializedCapacity: protobuf_c_message_get_packed_size(base)) { buffer, count in
        // An empty message has no buffer to write to.
        count = buffer.count == 0 ? 0 : protobuf_c_message_pack(base, buffer.baseAddress)
      }
    }
  }
}

/// Owns the C memory of one message while it is encoded.
package final class Arena {
  private var blocks: [UnsafeMutableRawPointer] = []

  deinit { blocks.forEach { free($0) } }

  private func allocate<Element>(_ count: Int, of type: Element.Type) -> UnsafeMutablePointer<Element> {
    let block = calloc(max(count, 1), MemoryLayout<Element>.stride)!
    blocks.append(block)
    return block.bindMemory(to: type, capacity: count)
  }

  package func message<M: ProtobufMessage>(_ fill: (inout M) -> Void) -> UnsafeMutablePointer<M> {
    let message = allocate(1, of: M.self)
    M.initialize(message)
    fill(&message.pointee)
    return message
  }

  /// A C string. A NUL would end it, so each NUL becomes U+FFFD.
  package func string(_ text: String) -> UnsafeMutablePointer<CChar> {
    let bytes = Array((text.utf8.contains(0) ? String(text.map { $0 == "\0" ? "\u{fffd}" : $0 }) : text).utf8)
    let block = allocate(bytes.count + 1, of: CChar.self)
    memcpy(block, bytes, bytes.count)
    return block
  }

  package func bytes(_ bytes: [UInt8]) -> ProtobufCBinaryData {
    let block = allocate(bytes.count, of: UInt8.self)
    memcpy(block, bytes, bytes.count)
    return ProtobufCBinaryData(len: bytes.count, data: block)
  }

  package typealias Pointers<Element> = UnsafeMutablePointer<UnsafeMutablePointer<Element>?>

  /// A repeated field: its count and its array.
  package func array<Source: Collection, Element>(
    _ values: Source, _ make: (Source.Element) -> UnsafeMutablePointer<Element>
  ) -> (Int, Pointers<Element>?) {
    if values.isEmpty { return (0, nil) }
    let array = allocate(values.count, of: UnsafeMutablePointer<Element>?.self)
    for (index, value) in values.enumerated() { array[index] = make(value) }
    return (values.count, array)
  }
}

extension Arena {
  /// A repeated field of values that are no pointers.
  package func list<Element>(_ values: [Element]) -> (Int, UnsafeMutablePointer<Element>?) {
    if values.isEmpty { return (0, nil) }
    let list = allocate(values.count, of: Element.self)
    list.initialize(from: values, count: values.count)
    return (values.count, list)
  }
}

/// The elements of a repeated field.
package func elements<Element>(_ count: Int, _ array: Arena.Pointers<Element>?) -> [UnsafeMutablePointer<Element>] {
  UnsafeMutableBufferPointer(start: array, count: array == nil ? 0 : count).compactMap { $0 }
}

/// A string field. `WireScan` has proved that it is UTF-8 without NUL.
package func text(_ pointer: UnsafeMutablePointer<CChar>?) -> String { pointer.map { String(cString: $0) } ?? "" }

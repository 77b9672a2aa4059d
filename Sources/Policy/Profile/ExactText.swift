/// A text that equals another one only if both have the same bytes, as the kernel compares names.
///
/// `==` of String is not enough for paths. It takes an `ä` of one character and an `a` with dots behind it as equal,
/// and the kernel knows two files.
@propertyWrapper
package struct ExactText: Hashable, Comparable, Sendable {
  package var wrappedValue: String

  package init(wrappedValue: String) { self.wrappedValue = wrappedValue }

  package init(_ text: String) { wrappedValue = text }

  package static func == (a: Self, b: Self) -> Bool { a.wrappedValue.utf8.elementsEqual(b.wrappedValue.utf8) }

  package static func < (a: Self, b: Self) -> Bool {
    a.wrappedValue.utf8.lexicographicallyPrecedes(b.wrappedValue.utf8)
  }

  package func hash(into hasher: inout Hasher) {
    var text = wrappedValue
    text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
  }
}

extension String {
  /// The names of a path, divided at each slash whatever stands behind it. A Character can be a slash with an accent.
  package var pathNames: [String] {
    utf8.split(separator: UInt8(ascii: "/")).map { String(decoding: $0, as: UTF8.self) }
  }
}

/// Text of the kernel with one field a line, and `NAME:` and a tab before the value: `/proc/PID/status` and
/// `/proc/PID/fdinfo/N`. The kernel escapes a line feed in a process's name, so a process cannot add a line of its own.
/// proc(5).
package enum ProcFields {
  /// The values of all fields of that name. As a rule there is one.
  package static func values(of name: String, in text: String) -> [Substring] {
    let start = "\(name):\t".utf8
    // Bytes are compared: a carriage return in a process's name must not join two lines. One line after the other is
    // looked at, because a start asks for many fields.
    var (found, rest) = ([Substring](), text.utf8[...])
    while !rest.isEmpty {
      let end = rest.firstIndex(of: UInt8(ascii: "\n")) ?? rest.endIndex
      if rest.starts(with: start) { found.append(Substring(rest[..<end].dropFirst(start.count))) }
      rest = rest[end...].dropFirst()
    }
    return found
  }
}

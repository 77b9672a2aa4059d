/// Text of the kernel with one field a line, and `NAME:` and a tab before the value: `/proc/PID/status` and
/// `/proc/PID/fdinfo/N`. The kernel escapes a line feed in a process's name, so a process cannot add a line of its own.
/// proc(5).
package enum ProcFields {
  /// The values of all fields of that name. As a rule there is one.
  package static func values(of name: String, in text: String) -> [Substring] {
    let start = Array("\(name):\t".utf8)
    var text = text
    // Bytes are compared: a carriage return in a process's name must not join two lines.
    let places = text.withUTF8 { bytes in
      var (found, line) = ([Range<Int>](), 0)
      while line < bytes.count {
        let end = bytes[line...].firstIndex(of: UInt8(ascii: "\n")) ?? bytes.count
        if bytes[line..<end].starts(with: start) { found.append(line + start.count..<end) }
        line = end + 1
      }
      return found
    }
    return places.map { place in
      let bytes = text.utf8
      return Substring(
        bytes[
          bytes.index(
            bytes.startIndex, offsetBy: place.lowerBound)..<bytes.index(bytes.startIndex, offsetBy: place.upperBound)])
    }
  }
}

// embed-bpf OUTPUT OBJECT...: writes a Swift file that holds each object as base64 text.
// Text, since the compiler needs 24 s and 1 GB for a 100 KB array literal and 0.1 s for a string.
import Glibc

let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

func fail(_ message: String) -> Never {
  let text = "embed-bpf: \(message): \(String(cString: strerror(errno)))\n"
  write(2, text, text.utf8.count)
  exit(1)
}

func contents(of path: String) -> [UInt8] {
  guard let file = fopen(path, "rb") else { fail("cannot open \(path)") }
  defer { fclose(file) }
  var bytes: [UInt8] = []
  var buffer = [UInt8](repeating: 0, count: 65536)
  while true {
    let count = fread(&buffer, 1, buffer.count, file)
    if count == 0 { break }
    bytes += buffer[..<count]
  }
  if ferror(file) != 0 { fail("cannot read \(path)") }
  return bytes
}

func base64(_ bytes: [UInt8]) -> String {
  var text: [UInt8] = []
  text.reserveCapacity(bytes.count * 4 / 3 + 4)
  for start in stride(from: 0, to: bytes.count, by: 3) {
    let count = min(3, bytes.count - start)
    var group = 0
    for offset in 0..<3 { group = group << 8 | (offset < count ? Int(bytes[start + offset]) : 0) }
    for digit in 0..<4 { text.append(digit <= count ? alphabet[group >> (18 - 6 * digit) & 63] : UInt8(ascii: "=")) }
  }
  return String(decoding: text, as: UTF8.self)
}

var source = "// Written by embed-bpf from bpf/*.bpf.c.\n\nenum EmbeddedObjects {\n"
for path in CommandLine.arguments.dropFirst(2) {
  let file = path.split(separator: "/").last ?? ""
  let words = file.prefix { $0 != "." }.split(separator: "_")
  let name = words[0] + words.dropFirst().map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
  source += "  static let \(name): StaticString = \"\(base64(contents(of: path)))\"\n"
}
source += "}\n"
guard let output = fopen(CommandLine.arguments[1], "wb") else { fail("cannot write \(CommandLine.arguments[1])") }
guard fputs(source, output) >= 0, fclose(output) == 0 else { fail("cannot write \(CommandLine.arguments[1])") }

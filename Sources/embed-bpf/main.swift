// embed-bpf CLANG OBJCOPY INCLUDE WORK OUTPUT SOURCE...: compiles each BPF source and writes a Swift file that holds
// the objects, compressed, as base64 text.
// The objects are text, because the compiler needs 24 s and 1 GB for a 100 KB array literal, and 0.1 s for a string.
import CZstd
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

func compressed(_ bytes: [UInt8]) -> [UInt8] {
  var output = [UInt8](repeating: 0, count: ZSTD_compressBound(bytes.count))
  let count = ZSTD_compress(&output, output.count, bytes, bytes.count, ZSTD_maxCLevel())
  if ZSTD_isError(count) != 0 { fail("cannot compress an object: \(String(cString: ZSTD_getErrorName(count)))") }
  return Array(output[..<count])
}

func run(_ program: String, _ arguments: [String]) {
  var child = pid_t()
  var argv = ([program] + arguments).map { strdup($0) }
  argv.append(nil)
  defer { for argument in argv { free(argument) } }
  errno = posix_spawn(&child, program, nil, nil, argv, environ)
  if errno != 0 { fail("cannot run \(program)") }
  var status: Int32 = 0
  if waitpid(child, &status, 0) == -1 { fail("cannot wait for \(program)") }
  if status != 0 { exit(1) }
}

func compile(_ source: String, named name: String) -> [UInt8] {
  let object = "\(work)/\(name).o"
  let stripped = "\(work)/\(name).bpf.o"
  run(
    clang,
    [
      // v3 has atomics and 32-bit jumps. Every kernel from 5.12 on has v3.
      "-target", "bpf", "-mcpu=v3", "-O2", "-g", "-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter",
      // BTF names the sources: as they are named in the repository, wherever that lies.
      "-ffile-prefix-map=\(folder)=bpf",
      "-I", folder, "-I", folder + "/include", "-c", source, "-o", object,
    ])
  // DWARF is two thirds of an object, and libbpf does not read it. BTF stays.
  run(objcopy, ["--strip-debug", object, stripped])
  return contents(of: stripped)
}

let arguments = CommandLine.arguments
if arguments.count < 7 { fail("usage: embed-bpf CLANG OBJCOPY INCLUDE WORK OUTPUT SOURCE...") }
let (clang, objcopy, folder, work, output) = (arguments[1], arguments[2], arguments[3], arguments[4], arguments[5])

var text = "// Written by embed-bpf from bpf/*.bpf.c.\n\nenum EmbeddedObjects {\n"
var all: [String] = []
for path in arguments.dropFirst(6) {
  let file = path.split(separator: "/").last ?? ""
  let words = file.prefix { $0 != "." }.split(separator: "_")
  let name = words[0] + words.dropFirst().map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
  text += "  static let \(name): StaticString = \"\(base64(compressed(compile(path, named: String(name)))))\"\n"
  all.append("(\"\(words.joined(separator: "_"))\", \(name))")
}
text += "  static let all: [(name: String, image: StaticString)] = [\(all.joined(separator: ", "))]\n}\n"
guard let file = fopen(output, "wb") else { fail("cannot write \(output)") }
guard fputs(text, file) >= 0, fclose(file) == 0 else { fail("cannot write \(output)") }

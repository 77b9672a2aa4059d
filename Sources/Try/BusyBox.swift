import Glibc
import System

/// The default image: this machine's static busybox, one file for each applet, as in the registries' busybox images.
///
/// Applets are hard links, so a rule can tell `/bin/cat` from `/usr/bin/wget`. A symbolic link would always be resolved
/// to `/bin/busybox`.
enum BusyBox {
  private static let places = ["/bin/busybox", "/usr/bin/busybox", "/usr/local/bin/busybox"]
  private static let advice =
    "install a static one (apt-get install busybox-static), or give an image's tree with --rootfs DIR"

  /// Makes the tree in `folder`, which exists and is empty.
  static func makeImage(in folder: String) throws(TryError) {
    let program = try find()
    for name in ["bin", "dev", "etc", "proc", "root", "sys", "tmp", "usr", "var"] {
      try system { () throws(Errno) in try Files.makeFolder("\(folder)/\(name)") }
    }
    try system { () throws(Errno) in
      try call("open up \(folder)/tmp") { chmod("\(folder)/tmp", 0o1777) }
      try Files.write(
        "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n", to: "\(folder)/etc/passwd")
      try Files.write("root:x:0:\nnogroup:x:65534:\n", to: "\(folder)/etc/group")
      try Files.write("127.0.0.1 localhost\n::1 localhost\n", to: "\(folder)/etc/hosts")
    }
    try copy(program, to: "\(folder)/bin/busybox")
    try linkApplets(of: program, in: folder)
  }

  static func find() throws(TryError) -> String {
    guard let program = places.first(where: { access($0, X_OK) == 0 }) else {
      throw .missing("there is no busybox in \(places.joined(separator: ", ")); \(advice)")
    }
    return program
  }

  private static func copy(_ program: String, to path: String) throws(TryError) {
    let bytes = try system { () throws(Errno) in try Files.read(program) }
    if needsLoader(bytes) {
      throw .missing("\(program) is linked dynamically; \(advice)")
    }
    try system { () throws(Errno) in
      let file = try FileDescriptor(open: path, O_WRONLY | O_CREAT | O_EXCL, mode: 0o755)
      try file.write(bytes)
    }
  }

  private static func linkApplets(of program: String, in folder: String) throws(TryError) {
    guard let list = try Program.text(of: [program, "--list-full"]) else {
      throw .missing("\(program) --list-full failed; \(advice)")
    }
    for applet in list.split(separator: "\n") where applet.contains("/") && applet != "bin/busybox" {
      let path = "\(folder)/\(applet)"
      try system { () throws(Errno) in
        try Files.makeFolder(Files.folder(of: path))
        try call("link \(path)") { link("\(folder)/bin/busybox", path) }
      }
    }
  }

  /// Whether a 64-bit ELF file names a program interpreter (a PT_INTERP segment). True for a file that is no such ELF
  /// file.
  static func needsLoader(_ bytes: [UInt8]) -> Bool {
    guard bytes.count >= 64, bytes[0..<5] == [0x7f, 0x45, 0x4c, 0x46, 2] else { return true }
    func number(at offset: Int, bytes count: Int) -> UInt64 {
      bytes[offset..<offset + count].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
    let size = Int(number(at: 54, bytes: 2))
    let count = Int(number(at: 56, bytes: 2))
    guard let table = Int(exactly: number(at: 32, bytes: 8)), size >= 4, table <= bytes.count,
      count * size <= bytes.count - table
    else { return true }
    let interpreter: UInt64 = 3
    return (0..<count).contains { number(at: table + $0 * size, bytes: 4) == interpreter }
  }
}

import Glibc

/// A unix socket's address. unix(7).
package struct UnixAddress: Sendable {
  /// The longest path that fits, without its NUL. An abstract name may have as many bytes.
  package static let pathMaxBytes = MemoryLayout.size(ofValue: sockaddr_un().sun_path) - 1

  private var address = sockaddr_un()
  private let size: Int
  /// As people write it: an abstract name has `@` in front.
  private let name: String

  /// A socket that is a file.
  package init(_ path: String) throws(Errno) {
    name = path
    size = MemoryLayout<sockaddr_un>.size
    try fill(path.utf8, at: 0)
  }

  /// A socket without a file, known by a name in its network namespace.
  package init(abstract text: String) throws(Errno) {
    name = "@" + text
    // The NUL in front of the name takes one byte. The kernel compares all bytes up to the size.
    size = MemoryLayout<sockaddr_un>.offset(of: \.sun_path)! + 1 + text.utf8.count
    try fill(text.utf8, at: 1)
  }

  private mutating func fill(_ bytes: String.UTF8View, at start: Int) throws(Errno) {
    let limit = Self.pathMaxBytes
    if bytes.count > limit { throw Errno(ENAMETOOLONG, "use \(name) (a socket's name has at most \(limit) bytes)") }
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0[start...].copyBytes(from: bytes) }
  }

  package func bind(_ socket: FileDescriptor) throws(Errno) {
    _ = try with("bind \(name)") { Glibc.bind(socket.number, $0, $1) }
  }

  package func connect(_ socket: FileDescriptor) throws(Errno) {
    _ = try with("connect to \(name)") { Glibc.connect(socket.number, $0, $1) }
  }

  /// Sends one datagram. sendto(2).
  package func send(_ bytes: [UInt8], from socket: FileDescriptor) throws(Errno) {
    _ = try with("send to \(name)") { address, size in
      bytes.withUnsafeBytes { sendto(socket.number, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL), address, size) }
    }
  }

  private func with<Result: FixedWidthInteger>(
    _ action: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
  ) throws(Errno) -> Result {
    try call(action) {
      withUnsafePointer(to: address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(size)) }
      }
    }
  }
}

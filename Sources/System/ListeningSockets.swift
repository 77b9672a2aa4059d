import CSystem
import Glibc

/// Unix sockets of this network namespace that listen, as the kernel reports them: sock_diag(7). The kernel also says
/// how long a name is, so no name can pass for more than one socket.
package enum ListeningSockets {
  private static let replyMaxBytes = 64 << 10
  private static let listening = UInt32(1 << 10)

  /// Paths by inode number. Sockets without a path are left out.
  ///
  /// - Throws: ENOENT if the kernel has no UNIX_DIAG.
  package static func paths() throws(Errno) -> [UInt64: String] {
    let socket = try socketToKernel()
    try socket.write(request)
    var paths: [UInt64: String] = [:]
    while try take(try socket.read(atMost: replyMaxBytes), into: &paths) {}
    return paths
  }

  /// The same by the text of /proc/net/unix, for a kernel without UNIX_DIAG: number, references, protocol, flags, type,
  /// state, inode and path; proc(5). The process that made a socket chose its path, and may have put more lines into
  /// it. So after connecting to one of these, ask who is at the other end. An abstract name begins with `@`.
  ///
  /// - Parameter sockets: only these inodes are looked at; nil: all. A machine may have very many sockets.
  package static func paths(
    inTable table: [UInt8], of sockets: Set<UInt64>? = nil
  ) -> [(inode: UInt64, path: String)] {
    table.split(separator: UInt8(ascii: "\n")).compactMap { line in
      let fields = line.split(separator: UInt8(ascii: " "), maxSplits: 7, omittingEmptySubsequences: true)
      guard fields.count == 8, fields[3].elementsEqual(Self.accepts.utf8),
        let inode = UInt64(String(decoding: fields[6], as: UTF8.self)), sockets?.contains(inode) != false
      else { return nil }
      return (inode, String(decoding: fields[7], as: UTF8.self))
    }
  }

  /// The flags of a socket that listens.
  private static let accepts = "00010000"

  /// The inode number of the other end of a connected unix socket.
  ///
  /// - Throws: ENOENT if the kernel has no UNIX_DIAG.
  package static func peer(of file: FileDescriptor) throws(Errno) -> UInt64 {
    let socket = try socketToKernel()
    try socket.write(request(about: UInt32(truncatingIfNeeded: try file.status("a socket").st_ino)))
    let reply = try socket.read(atMost: replyMaxBytes)[...]
    let body = reply.dropFirst(MemoryLayout<nlmsghdr>.size)
    guard let header = value(nlmsghdr.self, in: reply) else { throw Errno(EPROTO, askAction) }
    if Int32(header.nlmsg_type) == NLMSG_ERROR {
      throw Errno(-(value(Int32.self, in: body) ?? -EPROTO), askAction)
    }
    var rest = body.dropFirst(aligned(MemoryLayout<unix_diag_msg>.size))
    while let attribute = value(nlattr.self, in: rest), attribute.nla_len >= MemoryLayout<nlattr>.size {
      if attribute.nla_type == UInt16(UNIX_DIAG_PEER),
        let inode = value(UInt32.self, in: rest.dropFirst(MemoryLayout<nlattr>.size))
      {
        return UInt64(inode)
      }
      rest = rest.dropFirst(aligned(Int(attribute.nla_len)))
    }
    throw Errno(ENOTCONN, askAction)
  }

  private static let askAction = "ask the kernel for sockets"

  private static func socketToKernel() throws(Errno) -> FileDescriptor {
    let type = Int32(SOCK_RAW.rawValue | SOCK_CLOEXEC.rawValue)
    let socket = FileDescriptor(
      owning: try call("make a socket to the kernel") { Glibc.socket(AF_NETLINK, type, NETLINK_SOCK_DIAG) })
    try connectToKernel(socket)
    return socket
  }

  /// Connects the socket. From then on only the kernel can send into it; netlink(7).
  private static func connectToKernel(_ socket: FileDescriptor) throws(Errno) {
    var address = sockaddr_nl()
    address.nl_family = sa_family_t(AF_NETLINK)
    try call("connect to the kernel") {
      withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          connect(socket.number, $0, socklen_t(MemoryLayout<sockaddr_nl>.size))
        }
      }
    }
  }

  /// For all sockets that listen.
  private static var request: [UInt8] {
    var wanted = unix_diag_req()
    wanted.udiag_states = listening
    wanted.udiag_show = UInt32(UDIAG_SHOW_NAME)
    return message(wanted, NLM_F_ROOT | NLM_F_MATCH)
  }

  /// For one socket, by its inode number.
  private static func request(about inode: UInt32) -> [UInt8] {
    var wanted = unix_diag_req()
    wanted.udiag_states = .max
    wanted.udiag_ino = inode
    wanted.udiag_show = UInt32(UDIAG_SHOW_PEER)
    // INET_DIAG_NOCOOKIE: whichever socket has the number.
    wanted.udiag_cookie = (.max, .max)
    return message(wanted, 0)
  }

  private static func message(_ request: unix_diag_req, _ flags: Int32) -> [UInt8] {
    var (header, wanted) = (nlmsghdr(), request)
    header.nlmsg_len = UInt32(MemoryLayout<nlmsghdr>.size + MemoryLayout<unix_diag_req>.size)
    header.nlmsg_type = UInt16(SOCK_DIAG_BY_FAMILY)
    header.nlmsg_flags = UInt16(NLM_F_REQUEST | flags)
    wanted.sdiag_family = UInt8(AF_UNIX)
    return withUnsafeBytes(of: &header, Array.init) + withUnsafeBytes(of: &wanted, Array.init)
  }

  /// - Returns: whether more is coming.
  static func take(_ reply: [UInt8], into paths: inout [UInt64: String]) throws(Errno) -> Bool {
    var rest = reply[...]
    while let header = value(nlmsghdr.self, in: rest), header.nlmsg_len >= MemoryLayout<nlmsghdr>.size {
      let body = rest.prefix(Int(header.nlmsg_len)).dropFirst(MemoryLayout<nlmsghdr>.size)
      switch Int32(header.nlmsg_type) {
      case NLMSG_DONE: return false
      case NLMSG_ERROR: throw Errno(-(value(Int32.self, in: body) ?? -EPROTO), askAction)
      default: add(body, to: &paths)
      }
      rest = rest.dropFirst(aligned(Int(header.nlmsg_len)))
    }
    // An empty reply would be read again for ever.
    if reply.isEmpty { throw Errno(EPROTO, askAction) }
    return true
  }

  private static func add(_ message: ArraySlice<UInt8>, to paths: inout [UInt64: String]) {
    guard let socket = value(unix_diag_msg.self, in: message) else { return }
    var rest = message.dropFirst(aligned(MemoryLayout<unix_diag_msg>.size))
    while let attribute = value(nlattr.self, in: rest), attribute.nla_len >= MemoryLayout<nlattr>.size {
      let text = rest.prefix(Int(attribute.nla_len)).dropFirst(MemoryLayout<nlattr>.size)
      // The name of a socket without a file begins with a NUL.
      if attribute.nla_type == UInt16(UNIX_DIAG_NAME), text.first == UInt8(ascii: "/") {
        paths[UInt64(socket.udiag_ino)] = String(decoding: text.prefix { $0 != 0 }, as: UTF8.self)
      }
      rest = rest.dropFirst(aligned(Int(attribute.nla_len)))
    }
  }

  private static func aligned(_ length: Int) -> Int { (length + 3) & ~3 }

  /// nil: there are fewer bytes.
  private static func value<Value: BitwiseCopyable>(_ type: Value.Type, in bytes: ArraySlice<UInt8>) -> Value? {
    guard bytes.count >= MemoryLayout<Value>.size else { return nil }
    return bytes.withUnsafeBytes { $0.loadUnaligned(as: Value.self) }
  }
}

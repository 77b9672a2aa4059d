import Glibc

/// Where a server listens that only this node may reach.
package enum LocalAddress: Equatable, Sendable, CustomStringConvertible {
  case unix(path: String)
  case loopback(isIPv6: Bool, port: UInt16)

  /// nil: the text is no such address, or others than this node would reach it.
  package init?(_ text: String) {
    if text.hasPrefix(Self.unixPrefix) {
      let path = String(text.dropFirst(Self.unixPrefix.count))
      guard path.isResolvedPath, path.utf8.count <= UnixAddress.pathMaxBytes, !path.utf8.contains(0) else { return nil }
      self = .unix(path: path)
      return
    }
    for isIPv6 in [false, true] where text.hasPrefix(Self.prefix(isIPv6)) {
      let digits = text.dropFirst(Self.prefix(isIPv6).count)
      guard digits.utf8.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }), digits.first != "0",
        let port = UInt16(digits)
      else { return nil }
      self = .loopback(isIPv6: isIPv6, port: port)
      return
    }
    return nil
  }

  private static let unixPrefix = "unix://"
  private static func prefix(_ isIPv6: Bool) -> String { isIPv6 ? "[::1]:" : "127.0.0.1:" }

  package var description: String {
    switch self {
    case .unix(let path): Self.unixPrefix + path
    case .loopback(let isIPv6, let port): Self.prefix(isIPv6) + "\(port)"
    }
  }
}

/// A TCP socket that listens on a loopback address. tcp(7), ipv6(7).
package enum LoopbackSocket {
  /// - Parameter port: 0: any that is free.
  package static func listen(isIPv6: Bool, port: UInt16, backlog: Int) throws(Errno) -> FileDescriptor {
    let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
    let family = isIPv6 ? AF_INET6 : AF_INET
    let file = FileDescriptor(owning: try call("make a socket") { socket(family, type, 0) })
    // Connections that just ended do not keep the port from the next process. Others' sockets do.
    var yes: Int32 = 1
    try call("set SO_REUSEADDR") {
      setsockopt(file.number, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
    }
    let address = LocalAddress.loopback(isIPv6: isIPv6, port: port)
    try call("listen on \(address)") { isIPv6 ? bind6(file, port) : bind4(file, port) }
    try call("listen on \(address)") { Glibc.listen(file.number, Int32(backlog)) }
    return file
  }

  private static func bind4(_ file: FileDescriptor, _ port: UInt16) -> Int32 {
    var address = sockaddr_in()
    (address.sin_family, address.sin_port) = (sa_family_t(AF_INET), port.bigEndian)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    return bind(file, &address, MemoryLayout<sockaddr_in>.size)
  }

  private static func bind6(_ file: FileDescriptor, _ port: UInt16) -> Int32 {
    var address = sockaddr_in6()
    (address.sin6_family, address.sin6_port, address.sin6_addr) = (
      sa_family_t(AF_INET6), port.bigEndian, in6addr_loopback
    )
    return bind(file, &address, MemoryLayout<sockaddr_in6>.size)
  }

  private static func bind<Address>(_ file: FileDescriptor, _ address: inout Address, _ size: Int) -> Int32 {
    withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { Glibc.bind(file.number, $0, socklen_t(size)) }
    }
  }
}

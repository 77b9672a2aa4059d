import Glibc
import System

/// The socket on which a runtime serves NRI. It is found by what the runtime listens on, because the runtime's
/// configuration may name any path, and may have changed since the runtime started.
package enum RuntimeSocket {
  private static let usual = ["/var/run/nri/nri.sock", "/run/nri/nri.sock"]
  /// How many descriptors a containerd may have: it has some for each container.
  package static let descriptorsMax = 1 << 20
  private static let tableMaxBytes = 64 << 20

  /// - Returns: nil: the runtime serves no such socket, for example before its start is over, or it takes no
  ///   connections.
  package static func find(pid: pid_t) throws(Errno) -> String? { choose(among: try served(by: pid)) }

  /// What a process listens on.
  static func served(by pid: pid_t) throws(Errno) -> [String] {
    let folder = "/proc/\(pid)"
    let sockets = Set(
      try Files.names(in: "\(folder)/fd").prefix(descriptorsMax).compactMap { name in
        // A descriptor that was closed meanwhile is no socket that is served.
        (try? Files.link(at: "\(folder)/fd/\(name)")).flatMap { inode(of: $0) }
      })
    do {
      return try ListeningSockets.paths().filter { sockets.contains($0.key) }.map(\.value)
    } catch {
      // A kernel without UNIX_DIAG has this text instead.
      guard error.code == ENOENT else { throw error }
      return listening(try Files.read("\(folder)/net/unix", limit: tableMaxBytes), sockets)
    }
  }

  /// `socket:[123]`
  private static func inode(of link: String) -> UInt64? {
    guard link.hasPrefix("socket:["), link.hasSuffix("]") else { return nil }
    return UInt64(link.dropFirst("socket:[".count).dropLast())
  }

  /// Paths of those of `sockets` that listen, by the text of /proc/net/unix. Somebody may have made up a path there, so
  /// `RuntimeProcess.check` asks who is at the other end.
  static func listening(_ table: [UInt8], _ sockets: Set<UInt64>) -> [String] {
    ListeningSockets.paths(inTable: table, of: sockets).map(\.path).filter { $0.hasPrefix("/") }
  }

  /// The usual path. If it is not there, the only path whose file name contains "nri".
  static func choose(among paths: [String]) -> String? {
    if let path = usual.first(where: paths.contains) { return path }
    let named = Set(paths).filter { ($0.split(separator: "/").last ?? "").contains("nri") }
    return named.count == 1 ? named.first : nil
  }
}

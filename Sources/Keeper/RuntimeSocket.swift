import Glibc
import System

/// The socket that a runtime serves NRI on, found by what it listens on: its configuration may name any path, and may
/// have been changed since it started.
package enum RuntimeSocket {
  private static let usual = ["/var/run/nri/nri.sock", "/run/nri/nri.sock"]
  /// Descriptors of a containerd: some for each container.
  package static let descriptorsMax = 1 << 20
  private static let tableMaxBytes = 64 << 20

  /// - Returns: nil where it serves none, as before its start is over, or where it takes no connections.
  package static func find(pid: pid_t) throws(Errno) -> String? { choose(among: try served(by: pid)) }

  /// What a process listens on.
  static func served(by pid: pid_t) throws(Errno) -> [String] {
    let folder = "/proc/\(pid)"
    let sockets = Set(
      try Files.names(in: "\(folder)/fd").prefix(descriptorsMax).compactMap { name in
        // Closed meanwhile: not a socket that is served.
        (try? Files.link(at: "\(folder)/fd/\(name)")).flatMap { inode(of: $0) }
      })
    do throws(Errno) {
      return try ListeningSockets.paths().filter { sockets.contains($0.key) }.map(\.value)
    } catch {
      // A kernel without UNIX_DIAG has its text.
      guard error.code == ENOENT else { throw error }
      return listening(try Files.read("\(folder)/net/unix", limit: tableMaxBytes), sockets)
    }
  }

  /// `socket:[123]`
  private static func inode(of link: String) -> UInt64? {
    guard link.hasPrefix("socket:["), link.hasSuffix("]") else { return nil }
    return UInt64(link.dropFirst("socket:[".count).dropLast())
  }

  /// Paths of those of `sockets` that listen, by the text of /proc/net/unix. A path in it may be made up, so
  /// `RuntimeProcess.check` asks who is at the other end.
  static func listening(_ table: [UInt8], _ sockets: Set<UInt64>) -> [String] {
    ListeningSockets.paths(inTable: table).filter { sockets.contains($0.inode) && $0.path.hasPrefix("/") }.map(\.path)
  }

  /// The usual path, else the only one whose file's name speaks of NRI.
  static func choose(among paths: [String]) -> String? {
    if let path = usual.first(where: paths.contains) { return path }
    let named = Set(paths).filter { ($0.split(separator: "/").last ?? "").contains("nri") }
    return named.count == 1 ? named.first : nil
  }
}

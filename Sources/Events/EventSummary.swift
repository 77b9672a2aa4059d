import System

extension EventRecord {
  /// One line for people: `killed exec /bin/id (id -u): rule process.rules[0] (web.yaml:9)`.
  package var summary: String {
    var text = "\(effect.rawValue) \(kind.rawValue)" + (surfaceWord.map { " \($0)" } ?? "")
    if let socketFamily { text += " of \(socketFamily.name)" }
    if let syscall { text += " \(syscall.name ?? "\(syscall.number)") (\(syscall.architecture))" }
    if let target {
      text += " of process \(target.pid)" + (target.subject.map { " in \(Self.printable($0.containerName))" } ?? "")
    }
    if let file, !file.access.isEmpty { text += " " + file.access.map(\.rawValue).joined(separator: "+") }
    if let path = process?.path ?? file?.path { text += " \(Self.printable(path))" }
    if let peer { text += " " + summary(of: peer) }
    if let process { text += Self.summary(of: process) }
    if let hook = process?.hook { text += " by \(Self.printable(hook))" }
    return text + ": " + (rule.map { "\(reason.word) \($0.text)" } ?? reason.word)
      + (profile.isEmpty ? "" : " of profile \(profile)") + (isSoftened ? ", in a temporary audit" : "")
  }

  /// What the rules of this kind are about: the peer's address and port, the container's own port, or both. A port that
  /// is not known is left out.
  private func summary(of peer: Peer) -> String {
    let transport =
      if case .other(let number) = peer.transport { "(protocol \(number))" } else {
        "(\(peer.transport.word))"
      }
    switch kind {
    case .socket: return transport
    case .bind: return "\(Self.address(peer.address, port: peer.localPort)) \(transport)"
    case .ingress where peer.hasPorts && peer.localPort != 0:
      return "\(Self.address(peer.address, port: peer.port)) to port \(peer.localPort) \(transport)"
    default: return "\(Self.address(peer.address, port: peer.hasPorts ? peer.port : 0)) \(transport)"
    }
  }

  private static func address(_ address: String, port: UInt16) -> String {
    if port == 0 { return address }
    return (address.contains(":") ? "[\(address)]" : address) + ":\(port)"
  }

  /// The process's arguments. If they could not be read, the thread's name in brackets, as ps(1) shows it.
  private static func summary(of process: Process) -> String {
    if !process.arguments.isEmpty { return " (\(printable(process.arguments.joined(separator: " "))))" }
    return process.path != nil || process.comm.isEmpty ? "" : " ([\(printable(process.comm))])"
  }

  /// The name that a process gives itself must not steer a terminal.
  private static func printable(_ text: String) -> String { String(JSON.string(text).text.dropFirst().dropLast()) }
}

extension EventRecord.Peer {
  /// Of other protocols the ports are something else, or nothing.
  var hasPorts: Bool { [.tcp, .udp, .sctp].contains(transport) }
}

import System

extension EventRecord {
  /// One line for people: `killed exec /bin/id (id -u): rule process.rules[0] (web.yaml:9)`.
  package var summary: String {
    var text = "\(effect.rawValue) \(kind.rawValue)" + (surface.map { " \($0)" } ?? "")
    if let target {
      text += " of process \(target.pid)" + (target.subject.map { " in \(Self.printable($0.containerName))" } ?? "")
    }
    if let file, !file.access.isEmpty { text += " " + file.access.map(\.rawValue).joined(separator: "+") }
    if let path = process?.path ?? file?.path { text += " \(Self.printable(path))" }
    if let peer {
      let address = peer.address.contains(":") ? "[\(peer.address)]" : peer.address
      text +=
        kind == .bind ? " port \(peer.localPort) (\(peer.transport))" : " \(address):\(peer.port) (\(peer.transport))"
    }
    if let process, !process.arguments.isEmpty {
      text += " (\(Self.printable(process.arguments.joined(separator: " "))))"
    }
    return text + ": " + (rule.map { "\(reason) \($0)" } ?? reason) + (profile.isEmpty ? "" : " of profile \(profile)")
  }

  /// What a process calls itself must not steer a terminal.
  private static func printable(_ text: String) -> String { String(JSON.string(text).text.dropFirst().dropLast()) }
}

import Policy

/// One thing that a recording says was done.
package enum Operation: Hashable, Sendable {
  case exec(Recording.Exec)
  case mapping(Recording.File)
  case file(Recording.FileUse)
  case connection(Recording.Connection)
  case bind(Recording.Port)
  case surface(KernelSurface)
  case socket(SocketFamily)
  case syscall(architecture: String, name: String)

  /// `write /var/log/nginx/access.log`
  package var text: String {
    switch self {
    case .exec(let exec):
      let words = (exec.arguments ?? []).dropFirst().map { ByteText.written($0) }
      return (["exec", exec.file.text] + words).joined(separator: " ") + (exec.isEntrypoint ? " (entrypoint)" : "")
    case .mapping(let file): return "map \(file.text)"
    case .file(let use): return "\(use.access.rawValue.lowercased()) \(ByteText.written(use.path))"
    case .connection(let connection):
      let word = connection.direction == .egress ? "connect to" : "accept from"
      return "\(word) \(CIDR.text(of: connection.address)) \(connection.port.text)"
    case .bind(let port): return "bind \(port.text)"
    case .surface(let surface): return "use \(surface.rawValue)"
    case .socket(let family): return "socket \(family.name)"
    case .syscall(let architecture, let name): return "syscall \(name) (\(architecture))"
    }
  }
}

extension Operation {
  /// Whether a node of that tier judges such operations (docs/profile-reference.md).
  func isJudged(at tier: Tier, _ profile: Profile) -> Bool {
    switch self {
    case .exec, .connection, .bind: tier >= .signal
    case .mapping, .file, .surface: tier >= .fmodRet
    case .socket: tier >= .fmodRet || profile.seccomp != nil
    case .syscall: true
    }
  }
}

extension Recording {
  /// Everything that was done, in a fixed order, with how often. Calls are not counted.
  package var operations: [(operation: Operation, count: UInt64?)] {
    let counted: [[(Operation, UInt64?)]] = [
      execs.map { (.exec($0), $1) }, mappings.map { (.mapping($0.file), $1) }, files.map { (.file($0), $1) },
      connections.map { (.connection($0), $1) }, binds.map { (.bind($0), $1) },
      surfaces.map { (.surface($0), $1) }, families.map { (.socket($0), $1) },
      syscalls.flatMap { architecture, names in
        names.map { (Operation.syscall(architecture: architecture, name: $0), UInt64?.none) }
      },
    ]
    return counted.flatMap { part in
      part.map { (Array($0.0.text.utf8), $0) }.sorted { $0.0.lexicographicallyPrecedes($1.0) }
        .map { (operation: $0.1.0, count: $0.1.1) }
    }
  }
}

extension Recording.File {
  fileprivate var text: String {
    ByteText.written(path) + (isFileless ? " (fileless)" : isNew ? " (new)" : "")
  }
}

extension Recording.Port {
  var text: String { transport.map { "\($0.rawValue) \(port)" } ?? "without a port" }
}

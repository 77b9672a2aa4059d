extension ProfileLayer {
  /// Sections of a joined profile under which no container's program can start. They are accepted, because a profile
  /// may be meant so, for example one that others extend.
  var startWarnings: [Problem] {
    guard mode ?? .enforce == .enforce else { return [] }
    return [processWarning, fileWarning].compactMap(\.self)
  }

  private var processWarning: Problem? {
    guard let process, process.defaultAction == .block, process.allowEntrypoint != true else { return nil }
    guard process.rules.allSatisfy({ $0.action == .block }) else { return nil }
    return Problem(
      process.defaultLocation ?? location,
      "spec.process blocks every program, so no container starts; add allowEntrypoint: true, or a rule with action Allow"
    )
  }

  /// The loader of a dynamic program must read libraries.
  private var fileWarning: Problem? {
    guard let fileAccess, fileAccess.defaultAction == .block else { return nil }
    guard fileAccess.rules.allSatisfy({ $0.action == .block || !$0.access.contains(.read) }) else { return nil }
    return Problem(
      fileAccess.defaultLocation ?? location,
      "spec.file blocks every Read, so only a static program that opens no file starts; add rules with action Allow "
        + "for libraries and what else is read")
  }
}

/// What is done with a file as a program, and what is known of the file.
enum ProcessAct: CaseIterable {
  case exec, execNew, entrypoint, entrypointNew, mapping, mappingNew

  var isNew: Bool { [.execNew, .entrypointNew, .mappingNew].contains(self) }

  var isEntrypoint: Bool { [.entrypoint, .entrypointNew].contains(self) }

  var isMapping: Bool { [.mapping, .mappingNew].contains(self) }

  /// Several acts in words: `exec and mapping`, and of which files: ` (new ones)`.
  static func words(_ acts: [ProcessAct]) -> (verb: String, which: String) {
    let (new, old) = (verb(acts.filter(\.isNew)), verb(acts.filter { !$0.isNew }))
    if new == old { return (new, "") }
    if old.isEmpty { return (new, " (new ones)") }
    if new.isEmpty { return (old, " (the image's)") }
    return ("\(old), of new files \(new),", "")
  }

  /// Of acts that differ in nothing but what is done.
  private static func verb(_ acts: [ProcessAct]) -> String {
    let execs = acts.filter { !$0.isMapping }
    var words: [String] = []
    if execs.count == 2 { words.append("exec") }
    if execs.count == 1 { words.append(execs[0].isEntrypoint ? "exec as the entrypoint" : "exec after the entrypoint") }
    if execs.count < acts.count { words.append("mapping") }
    return words.joined(separator: " and ")
  }
}

import System
import Testing

/// The tables of BPF programs and maps in the documents against the sources in bpf/.
@Suite struct ProgramTests {
  private static let folder = #filePath.split(separator: "/").dropLast(3).map { "/\($0)" }.joined() + "/bpf"

  /// The paths of bpf/ and its folders whose names end so.
  private static func files(ending suffix: String) throws -> [String] {
    // What is no folder has no names.
    try Files.names(in: folder).map { "\(folder)/\($0)" }
      .flatMap { path in [path] + ((try? Files.names(in: path)) ?? []).map { "\(path)/\($0)" } }
      .filter { $0.hasSuffix(suffix) }
  }

  /// What `SEC()` says of each program, by name, without the kind of a tracepoint or of a hook that refuses.
  private static func sections(ending suffix: String) throws -> [String: String] {
    var found: [String: String] = [:]
    for path in try files(ending: suffix) {
      var section: String?
      for line in try Files.text(path).split(separator: "\n", omittingEmptySubsequences: false) {
        if let section, let program = program(in: line) { found[program] = section }
        section = self.section(in: line)
      }
    }
    return found
  }

  /// `tp_btf/sched_process_exec` of `SEC("tp_btf/sched_process_exec")`, `task_alloc` of `HOOK(task_alloc)`.
  private static func section(in line: Substring) -> String? {
    for (head, tail) in [("SEC(\"", "\")"), ("HOOK(", ")")] where line.hasPrefix(head) && line.hasSuffix(tail) {
      return String(
        line.dropFirst(head.count).dropLast(tail.count).replacing("tp_btf/", with: "").replacing("?", with: ""))
    }
    return nil
  }

  /// `mark_exit` of `int BPF_PROG(mark_exit, ...` and of `int mark_exit(...`.
  private static func program(in line: Substring) -> String? {
    guard line.hasPrefix("int ") else { return nil }
    let words = line.dropFirst("int ".count).split { "(,) ".contains($0) }
    return words.first == "BPF_PROG" ? words.dropFirst().first.map(String.init) : words.first.map(String.init)
  }

  /// The programs and the hooks of each row; what stands behind a colon is prose.
  private static func rows(of document: String, hookColumn: Int) throws -> [String: String] {
    var found: [String: String] = [:]
    for row in try Document(document).rows(headed: "program") {
      let programs = Document.code(in: row[0].split(separator: ":").first.map(String.init) ?? "")
      let hooks = Document.code(in: row[hookColumn])
      #expect(programs.isEmpty || programs.count == hooks.count, "\(row[0])")
      for (program, hook) in zip(programs, hooks) { found[program] = hook }
    }
    return found
  }

  @Test("the document on tiers has each program that binds, follows or judges, with its hook")
  func programs() throws {
    let sources = try [".bpf.c", "mark_hooks.bpf.h", "syscall_events.bpf.h"].reduce(into: [:]) { found, suffix in
      found.merge(try Self.sections(ending: suffix)) { $1 }
    }
    #expect(sources.count > 15)
    #expect(try Self.rows(of: "docs/tiers.md", hookColumn: 2) == sources)
  }

  @Test("the document on networks has each program at a container's cgroup, with its hook")
  func networkPrograms() throws {
    // The one for strays is at the root cgroup, in another place of the document.
    let sources = try Self.sections(ending: "network.bpf.c").filter { $0.key != "network_stray" }
    #expect(sources.count == 8)
    #expect(try Self.rows(of: "docs/network.md", hookColumn: 1) == sources)
  }

  /// Names and whether the map is an array, which is never full.
  private static func arrayOrNot() throws -> [String: Bool] {
    var found: [String: Bool] = [:]
    for path in try files(ending: ".bpf.h") + files(ending: ".bpf.c") {
      var isArray = false
      for line in try Files.text(path).split(separator: "\n") {
        if line.contains("__uint(type, ") { isArray = line.contains("ARRAY)") }
        let words = line.split { " },;".contains($0) }
        for (word, next) in zip(words, words.dropFirst()) where next == "SEC(\".maps\")" {
          found[String(word)] = isArray
        }
      }
    }
    return found
  }

  @Test("the document on tiers says of each map that can be full what happens then, and names no other")
  func maps() throws {
    let sources = try Self.arrayOrNot()
    let rows = try Document("docs/tiers.md").rows(headed: "map or buffer")
    let listed = Set(rows.flatMap { Document.code(in: $0[0].split(separator: ":").first.map(String.init) ?? "") })
    #expect(sources.count > 25)
    #expect(listed.isSubset(of: sources.keys))
    #expect(listed.isSuperset(of: sources.filter { !$0.value }.keys))
  }
}

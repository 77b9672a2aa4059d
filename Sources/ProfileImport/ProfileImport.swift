import Policy
import Seccomp
import YAML

/// What the command line of `stockade profile import` says.
package struct ImportOptions: Sendable {
  /// Files, and `-`.
  package var paths: [String] = []
  /// What the profile is named; nil: as its source.
  package var name: String?
  /// What the containers have beside the usual capabilities, for filters with conditions.
  package var capabilities: [String] = []
  /// Whether a filter's file stays beside the profile.
  package var localhost = false
  /// Where the profiles are written; nil: standard output.
  package var folder: String?

  package init() {}
}

/// A profile that a document became.
package struct ImportedProfile: Sendable {
  package var name: String
  package var text: String
}

/// Makes profiles of the policies of other programs, and says what of them is lost.
package struct ProfileImport {
  package private(set) var profiles: [ImportedProfile] = []
  /// In the order of the files and lines.
  package private(set) var notes: [ImportNote] = []
  /// What makes a file unusable. If there is any, no profile may be used.
  package private(set) var problems: [Problem] = []

  private let options: ImportOptions
  private let environment: SeccompEnvironment

  /// - Parameter files: their names for messages, and their bytes.
  package init(_ files: [(name: String, bytes: [UInt8])], _ options: ImportOptions, _ environment: SeccompEnvironment) {
    (self.options, self.environment) = (options, environment)
    let sources = files.map { file in
      let notes = ImportNotes(file: file.name)
      return (notes: notes, documents: SourceDocument.read(file.bytes, notes))
    }
    let others = Self.seccompProfiles(sources.flatMap(\.documents))
    for (notes, documents) in sources {
      self.notes += notes.notes
      for document in documents { add(document, others) }
      problems += notes.problems.sorted
    }
    refuseSharedNames(files.first?.name ?? "")
    if profiles.isEmpty, problems.isEmpty {
      let message = "nothing of it can be carried over, so there is no profile; the lines marked as lost say why"
      problems = files.prefix(1).map { Problem(Location(file: $0.name, line: 1), message) }
    }
  }

  /// The exit status: 0, everything was carried over; 1, no profile may be used; 3, something is lost.
  package var status: Int32 {
    if !problems.isEmpty { return 1 }
    return notes.contains { $0.kind == .lost } ? 3 : 0
  }

  /// A line for each note and problem.
  package var report: String {
    (notes.map(\.description) + problems.map { "\($0.location): error: \($0.message)" })
      .map { printable($0) + "\n" }.joined()
  }

  private mutating func add(_ document: SourceDocument, _ others: [String: Node]) {
    let notes = document.notes
    let mark = notes.mark
    let drafts = drafts(document, others)
    let found = notes.since(mark, line: document.root.line)
    self.notes += found
    let lost = found.filter { $0.kind == .lost }
    for draft in drafts {
      let text = draft.text(lost: lost)
      check(text, draft, notes, line: document.root.line)
      profiles.append(ImportedProfile(name: draft.profile.name, text: text))
    }
  }

  private func drafts(_ document: SourceDocument, _ others: [String: Node]) -> [ProfileDraft] {
    let filter = FilterImport(document.notes, options, environment)
    switch document.format {
    case .filter: return [filter.file(document)].compactMap(\.self)
    case .seccompProfile: return [filter.seccompProfile(document, others)].compactMap(\.self)
    case .kubeArmor: return [KubeArmorImport.draft(document, name: options.name)].compactMap(\.self)
    case .workloadPolicy: return WorkloadPolicyImport.drafts(document, name: options.name)
    case .tracingPolicy: return [TracingPolicyImport.draft(document, name: options.name)].compactMap(\.self)
    }
  }

  /// The reader of profiles has the last word: a node must not refuse what is written here.
  private func check(_ text: String, _ draft: ProfileDraft, _ notes: ImportNotes, line: Int) {
    guard notes.problems.isEmpty else { return }
    do {
      let layer = try ProfileLayer.parse(Array(text.utf8), file: "\(draft.profile.name).yaml")
      _ = try ProfileResolver(layers: [:], lookedIn: ".").resolve(layer)
    } catch {
      notes.problems.add(line, "the profile that it becomes would be refused: \(error)")
    }
  }

  private mutating func refuseSharedNames(_ file: String) {
    for (name, group) in Dictionary(grouping: profiles, by: \.name).sorted(by: { $0.key < $1.key })
    where group.count > 1 {
      problems.append(
        Problem(
          Location(file: file, line: 1),
          "\(group.count) documents become a profile named \(quoted(name)); rename them, or import them one by one"))
    }
  }

  private static func seccompProfiles(_ documents: [SourceDocument]) -> [String: Node] {
    let named = documents.filter { $0.format == .seccompProfile }.compactMap { document in
      document.root["metadata"]?["name"]?.text.map { ($0, document.root) }
    }
    return Dictionary(named) { first, _ in first }
  }
}

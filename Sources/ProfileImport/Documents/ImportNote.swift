import Policy

/// Something that is said about a document that becomes a profile.
package struct ImportNote: Hashable, Sendable, CustomStringConvertible {
  package enum Kind: String, CaseIterable, Sendable {
    /// The profile does less, or something else, than the document says.
    case lost
    /// What to do beside the profile, or how it reads the document.
    case note
  }

  package var kind: Kind
  package var location: Location
  /// The path of what it is about: `spec.process.matchPaths[0].fromSource`.
  package var place: String
  /// Why, and what to write instead.
  package var text: String

  package var description: String { "\(location): \(kind.rawValue): \(place): \(text)" }
}

/// Collects what is said about one file.
final class ImportNotes {
  let file: String
  /// What makes the file unusable.
  let problems: Problems
  private(set) var notes: [ImportNote] = []
  private var beyondCount = 0

  init(file: String) {
    self.file = file
    problems = Problems(file: file)
  }

  func lost(_ line: Int, _ place: String, _ text: String) { add(.lost, line, place, text) }
  func tell(_ line: Int, _ place: String, _ text: String) { add(.note, line, place, text) }

  private func add(_ kind: ImportNote.Kind, _ line: Int, _ place: String, _ text: String) {
    let note = ImportNote(kind: kind, location: location(line), place: place, text: text)
    // What holds of both accesses to a path is told once.
    if notes.last == note { return }
    guard notes.count < ImportLimits.notes else { return beyondCount += 1 }
    notes.append(note)
  }

  func location(_ line: Int) -> Location { Location(file: file, line: line) }

  /// How much was said until now.
  struct Mark {
    fileprivate var told: Int
    fileprivate var beyond: Int
  }

  var mark: Mark { Mark(told: notes.count, beyond: beyondCount) }

  /// What was said since `mark`, in the order of the lines.
  ///
  /// - Parameter line: where what is beyond the limit is told.
  func since(_ mark: Mark, line: Int) -> [ImportNote] {
    let own = notes[mark.told...].enumerated().sorted { a, b in
      (a.element.location.line, a.offset) < (b.element.location.line, b.offset)
    }.map(\.element)
    let beyond = beyondCount - mark.beyond
    guard beyond > 0 else { return own }
    let text = "\(beyond) more parts are not carried over or not told; divide the file"
    return own + [ImportNote(kind: .lost, location: location(line), place: "the document", text: text)]
  }
}

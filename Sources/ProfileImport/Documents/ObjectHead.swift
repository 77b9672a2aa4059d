import Policy
import YAML

/// `apiVersion`, `kind` and `metadata` of a Kubernetes object, and what is the same for each kind.
struct ObjectHead {
  let kind: String
  /// The profile's name.
  let name: String
  /// The policy's own name.
  let sourceName: String
  let namespace: String?
  let line: Int

  /// - Parameter name: what the profile is named; nil: as the object.
  init(_ root: SourceMapping, name: String?) {
    root.pass("apiVersion", "status")
    kind = root.text("kind") ?? ""
    let metadata = root.mapping("metadata")
    line = metadata?.line(of: "name") ?? root.line
    let own = metadata?.text("name") ?? ""
    (sourceName, namespace) = (own, metadata?.text("namespace"))
    if own.isEmpty, name == nil {
      root.notes.problems.add(line, "metadata.name is missing; name the profile with --name")
    }
    self.name = name ?? root.notes.profileName(own, line: line, place: "metadata.name")
    // What Kubernetes keeps there says nothing about what is enforced.
    metadata?.pass(
      "labels", "annotations", "uid", "resourceVersion", "generation", "creationTimestamp", "managedFields",
      "ownerReferences", "finalizers", "selfLink", "deletionTimestamp", "deletionGracePeriodSeconds", "generateName")
    metadata?.finish()
  }

  /// - Parameter part: what of the object becomes this profile.
  func draft(file: String, name: String? = nil, part: String = "") -> ProfileDraft {
    ProfileDraft(
      name: name ?? self.name, file: file,
      title: "\(part)the \(printable(kind)) \(quoted(sourceName)) of \(Self.baseName(file))")
  }

  /// The file's own name: the profile's text must not depend on where its source lies.
  static func baseName(_ file: String) -> String {
    let name = file.split(separator: "/").last.map(String.init) ?? file
    return name == "-" ? "standard input" : name
  }
}

extension SourceDocument {
  /// Reads an object by its `spec`; nil: it has none, which is a problem.
  ///
  /// - Parameter name: what the profile is named; nil: as the object.
  func object<Result>(name: String?, _ read: (SourceMapping, ObjectHead) -> Result) -> Result? {
    guard let object = SourceMapping(root, "", notes) else { return nil }
    let head = ObjectHead(object, name: name)
    guard let spec = object.mapping("spec") else {
      notes.problems.add(root.line, "the document has no spec")
      return nil
    }
    defer { object.finish() }
    return read(spec, head)
  }
}

/// A kind of object that becomes one profile.
protocol ObjectImport {
  var draft: ProfileDraft { get }
  init(notes: ImportNotes, draft: ProfileDraft)
  mutating func read(_ spec: SourceMapping, _ head: ObjectHead)
}

extension ObjectImport {
  static func draft(_ document: SourceDocument, name: String?) -> ProfileDraft? {
    let draft = document.object(name: name) { spec, head in
      var importer = Self(notes: document.notes, draft: head.draft(file: document.notes.file))
      importer.read(spec, head)
      return importer.draft
    }
    return draft?.finished(document.notes, line: document.root.line)
  }
}

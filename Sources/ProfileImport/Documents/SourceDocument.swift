import Policy
import YAML

/// One document of a file, and which format it has.
struct SourceDocument {
  var format: SourceFormat
  var root: Node
  var notes: ImportNotes
  /// Whether the file is this document in JSON, as a node reads a filter's file.
  var isWholeJSON: Bool

  /// The documents of a file, with the elements of Kubernetes' lists in their place.
  static func read(_ bytes: [UInt8], _ notes: ImportNotes) -> [SourceDocument] {
    let roots: [Node]
    let isJSON = isJSON(bytes)
    do {
      roots =
        isJSON
        ? [try Node.parseJSON(bytes, file: notes.file)].compactMap(\.self)
        : try Node.parseDocuments(bytes, file: notes.file)
    } catch {
      notes.problems.add(error.line, error.problem)
      return []
    }
    if roots.isEmpty { notes.problems.add(1, "the file is empty; name a file with a policy") }
    let documents = roots.flatMap(elements)
    guard documents.count <= ImportLimits.documents else {
      notes.problems.add(
        1, "the file has \(documents.count) documents; at most \(ImportLimits.documents) fit; divide it")
      return []
    }
    var known: [SourceDocument] = []
    var unknown: [(line: Int, text: String)] = []
    for root in documents {
      do throws(SourceFormat.Unknown) {
        let format = try SourceFormat(of: root)
        let isWhole = isJSON && roots.count == 1 && roots[0]["kind"] == nil
        known.append(SourceDocument(format: format, root: root, notes: notes, isWholeJSON: isWhole))
      } catch { unknown.append((root.line, error.text)) }
    }
    // Manifests often hold more than policies.
    for (line, text) in unknown {
      if known.isEmpty { notes.problems.add(line, text) } else { notes.lost(line, "the document", text) }
    }
    return known
  }

  /// `{"`, and not YAML's `{key: `.
  private static func isJSON(_ bytes: [UInt8]) -> Bool {
    let start = bytes.lazy.filter { !" \t\r\n".utf8.contains($0) }.prefix(2)
    return start.elementsEqual("{\"".utf8) || start.elementsEqual("{}".utf8)
  }

  /// `kubectl get -o yaml` prints a list of several.
  private static func elements(_ root: Node) -> [Node] {
    guard let kind = root["kind"]?.text, kind.utf8.suffix(4).elementsEqual("List".utf8),
      let items = root["items"]?.elements
    else { return [root] }
    return items
  }
}

/// What a document is, as its `apiVersion` and `kind` or its shape say.
enum SourceFormat: CaseIterable {
  case filter, seccompProfile, kubeArmor, workloadPolicy, tracingPolicy

  struct Unknown: Error { var text: String }

  private static let kinds: KeyValuePairs<String, SourceFormat> = [
    "SeccompProfile": .seccompProfile, "KubeArmorPolicy": .kubeArmor, "KubeArmorClusterPolicy": .kubeArmor,
    "WorkloadPolicy": .workloadPolicy, "WorkloadPolicyProposal": .workloadPolicy,
    "WorkloadSecurityPolicy": .workloadPolicy, "ClusterWorkloadSecurityPolicy": .workloadPolicy,
    "TracingPolicy": .tracingPolicy, "TracingPolicyNamespaced": .tracingPolicy,
  ]

  /// Kinds that no profile can stand for.
  private static let refused: [String: String] = [
    "KubeArmorHostPolicy": "is about nodes, and a profile is about containers",
    "KubeArmorNetworkPolicy": "is about nodes' networks, and a profile is about containers",
    "AppArmorProfile": "is for AppArmor, whose profiles a node loads beside Stockade",
    "SelinuxProfile": "is for SELinux, whose policies a node loads beside Stockade",
    "RawSelinuxProfile": "is for SELinux, whose policies a node loads beside Stockade",
    "ProfileBinding": "binds a profile to an image; write bindings in the node's configuration",
    "ProfileRecording": "records a profile; record it and import the SeccompProfile",
    "NetworkPolicy": "is enforced by the network plugin, which goes on beside Stockade",
    "CiliumNetworkPolicy": "is enforced by the network plugin, which goes on beside Stockade",
    "CiliumClusterwideNetworkPolicy": "is enforced by the network plugin, which goes on beside Stockade",
    ProfileLayer.kind: "is a profile of Stockade already",
  ]

  private static let groups: [SourceFormat: String] = [
    .seccompProfile: "security-profiles-operator.x-k8s.io/", .kubeArmor: "security.kubearmor.com/",
    .workloadPolicy: "security.rancher.io/", .tracingPolicy: "cilium.io/",
  ]

  init(of root: Node) throws(Unknown) {
    guard let kind = root["kind"]?.text else {
      guard root["defaultAction"] != nil else {
        throw Unknown(
          text: "the document has neither kind nor defaultAction; import knows seccomp filters (OCI, Docker, Podman) "
            + "and \(Self.kindNames)")
      }
      self = .filter
      return
    }
    if let why = Self.refused[kind] { throw Unknown(text: "\(kind) cannot be imported: it \(why)") }
    guard let format = Self.kinds.first(where: { $0.key == kind })?.value else {
      let advice = Suggestion.advice(
        for: kind, among: Self.kinds.map(\.key), otherwise: "import knows \(Self.kindNames)")
      throw Unknown(text: "the kind \(quoted(kind)) is not known\(advice)")
    }
    let version = root["apiVersion"]?.text ?? ""
    let group = Self.groups[format] ?? ""
    guard version.utf8.starts(with: group.utf8) else {
      throw Unknown(text: "\(kind) with apiVersion \(quoted(version)) is not known; it should begin with \(group)")
    }
    self = format
  }

  private static var kindNames: String { kinds.map(\.key).joined(separator: ", ") }
}

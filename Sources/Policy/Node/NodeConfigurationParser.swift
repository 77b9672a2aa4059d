import System
import YAML

extension NodeConfiguration {
  package static let bindingsMax = 1024
  /// The limit for namespaces, images or labels of one binding, and for profiles of one list.
  package static let listMax = 1024
  /// Each label is kept for every container, and written with every event.
  package static let eventLabelsMax = 16
  /// What Linux keeps of a machine's name is 64 bytes; what Kubernetes takes as a node's is more.
  package static let nodeNameMaxBytes = 253

  private static let keys = [
    "profilesFolder", "eventsFile", "eventsFormat", "eventLabels", "nodeName", "defaultProfile", "allowedProfiles",
    "bindings", "logLevel", "seccompEvents", "nodeGate", "breakGlass", "metrics",
  ]

  /// Reads the node's configuration. An empty text means all defaults.
  ///
  /// - Parameter file: its path, for messages.
  /// - Throws: everything that is wrong with it, not only the first.
  package static func parse(_ bytes: [UInt8], file: String) throws(PolicyError) -> NodeConfiguration {
    let problems = Problems(file: file)
    var configuration = NodeConfiguration()
    guard let root = try problems.parse(bytes) else { return configuration }
    if let fields = Fields(root, Fields.root, keys: keys, problems) { configuration.read(fields) }
    try problems.check()
    return configuration
  }

  private mutating func read(_ fields: Fields) {
    profilesFolder = Self.absolutePath(fields, "profilesFolder") ?? profilesFolder
    eventsFile = Self.absolutePath(fields, "eventsFile")
    eventsFormat = fields.word("eventsFormat", \EventsFormat.rawValue) ?? eventsFormat
    eventLabels = Self.eventLabels(fields)
    nodeName = Self.nodeName(fields)
    defaultProfile = fields.profileName("defaultProfile")
    allowedProfiles = fields.profileNames("allowedProfiles")
    logLevel = fields.word("logLevel", \LogLevel.rawValue) ?? logLevel
    seccompEvents = fields.word("seccompEvents", \SeccompEvents.rawValue) ?? seccompEvents
    breakGlass = fields.bool("breakGlass") ?? false
    if let gate = fields.section("nodeGate", keys: NodeGate.keys) { nodeGate.read(gate) }
    if let metrics = fields.section("metrics", keys: ["listen"]) { metricsAddress = Self.address(metrics) }
    let nodes = fields.list("bindings", limit: Self.bindingsMax) ?? []
    bindings = nodes.enumerated().compactMap { Binding.read($0.element, "bindings[\($0.offset)]", fields.problems) }
  }

  private static func eventLabels(_ fields: Fields) -> [String] {
    let names = fields.texts("eventLabels", limit: eventLabelsMax, mayBeEmpty: true) ?? []
    for (index, name) in names.enumerated() where !PodLabel.isName(name.text) {
      fields.problems.add(
        name.line,
        "\(fields.path("eventLabels"))[\(index)] is \(quoted(name.text)), and no label has such a name; write it like "
          + "app, or app.kubernetes.io/name")
    }
    return names.map(\.text)
  }

  private static func nodeName(_ fields: Fields) -> String? {
    guard let name = fields.text("nodeName") else { return nil }
    if name.utf8.count > nodeNameMaxBytes {
      fields.refuse("nodeName", "has \(name.utf8.count) bytes; at most \(nodeNameMaxBytes) fit")
    }
    return name
  }

  /// What metrics say of a node is for the node alone.
  private static func address(_ fields: Fields) -> LocalAddress? {
    let advice = "unix:///run/stockade/metrics.sock, 127.0.0.1:PORT or [::1]:PORT"
    fields.require("listen", "where metrics can be read: \(advice)")
    guard let text = fields.text("listen") else { return nil }
    if let address = LocalAddress(text) { return address }
    fields.problems.add(
      fields.line(of: "listen"),
      "\(fields.path("listen")) is \(quoted(text)), which is no address that only this node reaches; write \(advice)")
    return nil
  }

  private static func absolutePath(_ fields: Fields, _ key: String) -> String? {
    guard let path = fields.text(key) else { return nil }
    if path.utf8.first != UInt8(ascii: "/") {
      fields.refuse(key, "\(quoted(path)) is relative; write an absolute path")
    }
    return path
  }
}

extension NodeConfiguration.NodeGate {
  fileprivate static let keys = ["enabled", "parents", "exempt"]

  fileprivate mutating func read(_ fields: Fields) {
    enabled = fields.bool("enabled") ?? false
    isSaid = fields.has("enabled")
    if let paths = fields.texts("parents", limit: Self.parentsMax) {
      for (index, path) in paths.enumerated() {
        Self.checkParent(path.text, "\(fields.path("parents"))[\(index)]", path.line, fields)
      }
      parents = paths.map(\.text)
    }
    guard let exempt = fields.section("exempt", keys: ["staticPods"]) else { return }
    let pods = exempt.texts("staticPods", limit: Self.exemptMax, mayBeEmpty: true) ?? []
    for (index, pod) in pods.enumerated() where pod.text != Self.everyStaticPod && !Self.isUID(pod.text) {
      exempt.problems.add(
        pod.line,
        "\(exempt.path("staticPods"))[\(index)] is \(quoted(pod.text)); write the pod's UID, or \(quoted(Self.everyStaticPod)) for all"
      )
    }
    exemptStaticPods = pods.map(\.text)
  }

  private static func checkParent(_ path: String, _ place: String, _ line: Int, _ fields: Fields) {
    if !path.isResolvedPath {
      fields.problems.add(
        line, "\(place) is \(quoted(path)); write the path of a cgroup from the hierarchy's root, such as /kubepods")
    } else if path.utf8.count > parentMaxBytes {
      fields.problems.add(line, "\(place) has \(path.utf8.count) bytes; at most \(parentMaxBytes) fit")
    }
  }

  /// Whether the text is a pod's UID, as in the name of the pod's cgroup, but with dashes.
  private static func isUID(_ text: String) -> Bool {
    (1...63).contains(text.utf8.count)
      && text.utf8.allSatisfy { byte in
        UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte || UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte
          || byte == UInt8(ascii: "-")
      }
  }
}

extension NodeConfiguration.Binding {
  private static let keys = ["name", "namespaces", "podLabels", "images", "profile", "required", "allowedProfiles"]

  fileprivate static func read(_ node: Node, _ place: String, _ problems: Problems) -> Self? {
    guard let fields = Fields(node, place, keys: keys, problems) else { return nil }
    var binding = Self(name: fields.text("name") ?? place)
    let limit = NodeConfiguration.listMax
    binding.namespaces = fields.texts("namespaces", limit: limit)?.map(\.text)
    binding.images = images(fields)
    binding.podLabels = labels(fields)
    binding.profile = fields.profileName("profile")
    binding.required = fields.bool("required") ?? false
    binding.allowedProfiles = fields.profileNames("allowedProfiles")
    binding.check(fields)
    return binding
  }

  private static func images(_ fields: Fields) -> [String]? {
    let images = fields.texts("images", limit: NodeConfiguration.listMax)
    for (index, image) in (images ?? []).enumerated() where !ImagePattern.isPossible(image.text) {
      fields.problems.add(
        image.line,
        "\(fields.path("images"))[\(index)] is \(quoted(image.text)), and no image has such a name; write it like "
          + "registry.example/team/app:1.2, with * for any text")
    }
    return images?.map(\.text)
  }

  private static func labels(_ fields: Fields) -> [String: String]? {
    guard let labels = fields["podLabels"] else { return nil }
    guard let entries = labels.entries, !entries.isEmpty else {
      fields.problems.add(
        labels.line, "\(fields.path("podLabels")) is \(labels.kind); write a mapping of labels to values")
      return nil
    }
    // An empty value is as good as any other value of a label.
    var values: [String: String] = [:]
    for entry in entries {
      if let text = entry.value.text {
        values[entry.key] = text
      } else {
        let place = "\(fields.path("podLabels")).\(entry.key)"
        fields.problems.add(entry.line, "\(place) is \(entry.value.kind); write a text in quotes")
      }
    }
    return values
  }

  private func check(_ fields: Fields) {
    if !fields.has("profile"), !fields.has("allowedProfiles") {
      fields.problems.add(fields.line, "\(fields.place) has neither profile nor allowedProfiles; add one")
    }
    if required, !fields.has("profile") {
      fields.refuse("required", "needs the profile that is required; add profile")
    }
    // The author of a pod chooses its labels and images, so these must not be a way out.
    guard namespaces == nil, podLabels != nil || images != nil else { return }
    for (key, names) in [("profile", profile.map { [$0] }), ("allowedProfiles", allowedProfiles)]
    where names?.contains(ProfileName.unconfined) == true {
      fields.refuse(
        key,
        "gives \"\(ProfileName.unconfined)\" to whoever sets a label or an image; add namespaces to the binding")
    }
  }
}

extension Fields {
  fileprivate func profileName(_ key: String) -> String? {
    guard let name = text(key) else { return nil }
    ProfileName.check(name, at: line(of: key), path(key), allowUnconfined: true, problems)
    return name
  }

  fileprivate func profileNames(_ key: String) -> [String]? {
    let names = texts(key, limit: NodeConfiguration.listMax, mayBeEmpty: true)
    for (index, name) in (names ?? []).enumerated() {
      ProfileName.check(name.text, at: name.line, "\(path(key))[\(index)]", allowUnconfined: true, problems)
    }
    return names?.map(\.text)
  }
}

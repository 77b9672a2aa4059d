import YAML

extension NodeConfiguration {
  package static let bindingsMax = 1024
  /// Namespaces, images or labels of one binding, or profiles of one list.
  package static let listMax = 1024

  private static let keys = [
    "profilesFolder", "eventsFile", "defaultProfile", "allowedProfiles", "bindings", "logLevel",
  ]

  /// Reads the node's configuration; an empty text is all defaults.
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
    defaultProfile = fields.profileName("defaultProfile")
    allowedProfiles = fields.profileNames("allowedProfiles")
    logLevel = fields.word("logLevel", \LogLevel.rawValue) ?? logLevel
    let nodes = fields.list("bindings", limit: Self.bindingsMax) ?? []
    bindings = nodes.enumerated().compactMap { Binding.read($0.element, "bindings[\($0.offset)]", fields.problems) }
  }

  private static func absolutePath(_ fields: Fields, _ key: String) -> String? {
    guard let path = fields.text(key) else { return nil }
    if path.utf8.first != UInt8(ascii: "/") {
      fields.refuse(key, "\(quoted(path)) is relative; write an absolute path")
    }
    return path
  }
}

extension NodeConfiguration.Binding {
  private static let keys = ["name", "namespaces", "podLabels", "images", "profile", "required", "allowedProfiles"]

  fileprivate static func read(_ node: Node, _ place: String, _ problems: Problems) -> Self? {
    guard let fields = Fields(node, place, keys: keys, problems) else { return nil }
    var binding = Self(name: fields.text("name") ?? place)
    let limit = NodeConfiguration.listMax
    binding.namespaces = fields.texts("namespaces", limit: limit)?.map(\.text)
    binding.images = fields.texts("images", limit: limit)?.map(\.text)
    binding.podLabels = labels(fields)
    binding.profile = fields.profileName("profile")
    binding.required = fields.bool("required") ?? false
    binding.allowedProfiles = fields.profileNames("allowedProfiles")
    binding.check(fields)
    return binding
  }

  private static func labels(_ fields: Fields) -> [String: String]? {
    guard let labels = fields["podLabels"] else { return nil }
    guard let entries = labels.entries, !entries.isEmpty else {
      fields.problems.add(
        labels.line, "\(fields.path("podLabels")) is \(labels.kind); write a mapping of labels to values")
      return nil
    }
    // An empty value is a label's value like any other.
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
    // Whoever writes a pod chooses its labels and images: they must not be a way out.
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

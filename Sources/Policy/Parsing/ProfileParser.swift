import YAML

extension ProfileLayer {
  package static let apiVersion = "stockade.dev/v1alpha1"
  package static let kind = "SecurityProfile"
  /// The most bases that one profile may name.
  package static let extendsMax = 16

  /// Reads and checks one profile file.
  ///
  /// - Parameter file: its path, for messages and for the locations of the rules.
  /// - Throws: everything that is wrong with it, not only the first.
  package static func parse(_ bytes: [UInt8], file: String) throws(PolicyError) -> ProfileLayer {
    let (layer, problems) = read(bytes, file: file)
    guard let layer, problems.isEmpty else { throw .invalid(problems) }
    return layer
  }

  /// What of a file can be used, and everything that is wrong with the file. Sections with problems are left out. Only
  /// `seccomp` is kept, and says that it is only partial. nil: the text is no YAML, or holds nothing.
  static func read(_ bytes: [UInt8], file: String) -> (layer: ProfileLayer?, problems: [Problem]) {
    let problems = Problems(file: file)
    let root: Node?
    do { root = try problems.parse(bytes) } catch {
      guard case .invalid(let found) = error else { return (nil, []) }
      return (nil, found)
    }
    guard let root else {
      return (nil, [Problem(Location(file: file, line: 1), "the file is empty; write a profile")])
    }
    var layer = ProfileLayer(location: Location(file: file, line: 1))
    if let fields = Fields(root, Fields.root, keys: ["apiVersion", "kind", "metadata", "spec"], problems) {
      layer.readHead(fields)
      fields.require("spec", "a mapping with the profile's rules")
      if let spec = fields.section("spec", keys: Self.specKeys) { layer.readSpec(spec) }
    }
    return (layer, problems.sorted)
  }

  private static let specKeys = [
    "mode", "failurePolicy", "minimumTier", "acceptPartial", "extends", "requireFilter", "seccomp", "process", "file",
    "network", "kernel",
  ]

  private mutating func readHead(_ fields: Fields) {
    for (key, value) in [("apiVersion", Self.apiVersion), ("kind", Self.kind)] {
      fields.require(key, "\(key): \(value)")
      if let text = fields.text(key), text != value {
        fields.problems.add(fields.line(of: key), "\(key) is \(quoted(text)); write \(value)")
      }
    }
    fields.require("metadata", "metadata: {name: NAME}")
    guard let node = fields["metadata"],
      let metadata = Fields(node, "metadata", keys: ["name"], fields.problems)
    else { return }
    metadata.require("name", "the profile's name")
    guard let name = metadata.text("name") else { return }
    let line = metadata.line(of: "name")
    ProfileName.check(name, at: line, "metadata.name", allowUnconfined: false, fields.problems)
    self.name = name
    location.line = line
  }

  private mutating func readSpec(_ spec: Fields) {
    mode = spec.word("mode", \Mode.rawValue)
    failurePolicy = spec.word("failurePolicy", \FailurePolicy.rawValue)
    if let tier = spec.word("minimumTier", \Tier.name) {
      minimumTier = .init(tier: tier, location: spec.location(of: "minimumTier"))
    }
    acceptPartial = spec.bool("acceptPartial")
    requireFilter = spec.bool("requireFilter")
    extends = readExtends(spec)
    seccomp = SeccompSection.read(spec)
    process = spec.problems.whole { Process.read(spec) }
    fileAccess = spec.problems.whole { FileAccess.read(spec) }
    if let network = spec.section("network", keys: ["egress", "ingress", "bind"]) {
      egress = spec.problems.whole { Direction.read(network, "egress") }
      ingress = spec.problems.whole { Direction.read(network, "ingress") }
      bind = spec.problems.whole { BindList.read(network) }
    }
    if let kernel = spec.section("kernel", keys: ["block", "sockets", "otherContainers"]) {
      kernelBlock = kernel.words("block", \KernelSurface.rawValue)
      socketFamilies = spec.problems.whole { SocketFamily.read(kernel, "sockets") }
      otherContainers = kernel.action("otherContainers")
    }
    guard let problem = unenforceableMinimumTier else { return }
    spec.problems.add(problem.location.line, problem.message)
    minimumTier = nil
  }

  private func readExtends(_ spec: Fields) -> [Base] {
    guard let names = spec.texts("extends", limit: Self.extendsMax) else { return [] }
    return names.enumerated().compactMap { index, name in
      let place = "spec.extends[\(index)]"
      let location = Location(file: spec.problems.file, line: name.line)
      return spec.problems.whole {
        ProfileName.check(name.text, at: name.line, place, allowUnconfined: false, spec.problems)
        if name.text == self.name { spec.problems.add(name.line, "\(place) is the profile itself; remove it") }
        return Base(name: name.text, location: location)
      }
    }
  }

  /// A `minimumTier` of `signal` beside sections that this tier cannot enforce. No node could ever fulfil both.
  var unenforceableMinimumTier: Problem? {
    guard let minimumTier, minimumTier.tier == .signal else { return nil }
    let hasKernel = kernelBlock != nil || (otherContainers ?? .allow) != .allow
    let sections = [(fileAccess != nil, "file"), (hasKernel, "kernel")].filter(\.0).map(\.1)
    guard let section = sections.first else { return nil }
    return Problem(
      minimumTier.location,
      "minimumTier signal cannot enforce spec.\(section); write fmod_ret or lsm, or leave minimumTier out")
  }
}

extension SocketFamily {
  /// An empty list is meant: then no socket may be made.
  fileprivate static func read(_ fields: Fields, _ key: String) -> Set<SocketFamily>? {
    guard let texts = fields.texts(key, limit: words.count * 2, mayBeEmpty: true) else { return nil }
    var families: Set<SocketFamily> = []
    for (index, (text, line)) in texts.enumerated() {
      if let family = SocketFamily(word: text) {
        families.insert(family)
      } else {
        // `AF_UNIX` has only the prefix too much.
        let meant = text.uppercased().hasPrefix("AF_") ? String(text.dropFirst(3)) : text
        let advice = Suggestion.advice(
          for: meant, among: words, otherwise: "write the kernel's name without AF_, like unix, inet, inet6 or netlink")
        fields.problems.add(line, "\(fields.path(key))[\(index)] is \(quoted(text))\(advice)")
      }
    }
    return families
  }
}

extension Problems {
  /// What `read` returns, or nil if it added a problem: what has an error takes no part in further checks.
  func whole<Value>(_ read: () -> Value?) -> Value? {
    let before = count
    let value = read()
    return count == before ? value : nil
  }
}

extension Fields {
  func location(of key: String) -> Location { Location(file: problems.file, line: line(of: key)) }

  func action(_ key: String) -> Action? { word(key, \Action.name) }

  /// A rule's own `action`, which it must have.
  func requiredAction() -> Action? {
    require("action", "Allow, Audit or Block")
    return action("action")
  }
}

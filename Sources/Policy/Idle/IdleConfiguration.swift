import YAML

extension NodeConfiguration {
  /// What the text of the configuration alone shows to do nothing.
  package var idleParts: [IdlePart] {
    bindings.enumerated().flatMap { index, binding in
      [binding.selectorFault, overruled(index)].compactMap(\.self)
    } + [unusedDefault].compactMap(\.self)
  }

  /// What names a profile that is not there. A container that gets such a profile is refused.
  ///
  /// - Parameter exists: whether there is a profile of a name, usable or not.
  package func missingProfiles(exists: (String) -> Bool) -> [IdlePart] {
    func part(_ name: String, _ place: String, chooses: Bool) -> IdlePart? {
      if name == ProfileName.unconfined || exists(name) { return nil }
      let consequence = chooses ? "containers that it chooses are refused" : "no annotation can choose it"
      return IdlePart(
        place, "names profile \(quoted(name))", "there is no such profile in \(profilesFolder), so \(consequence)",
        "add the profile or name another")
    }
    let chosen = [defaultProfile.flatMap { part($0, "defaultProfile", chooses: true) }]
    let listed = (allowedProfiles ?? []).map { part($0, "allowedProfiles", chooses: false) }
    let ofBindings = bindings.flatMap { binding in
      [binding.profile.flatMap { part($0, binding.title, chooses: true) }]
        + (binding.allowedProfiles ?? []).map { part($0, "allowedProfiles of \(binding.title)", chooses: false) }
    }
    return (chosen + listed + ofBindings).compactMap(\.self)
  }

  /// A binding whose profile no container can get, because another binding always comes first.
  private func overruled(_ index: Int) -> IdlePart? {
    let binding = bindings[index]
    guard binding.profile != nil else { return nil }
    let other = bindings.indices.first { other in
      let isFirst = bindings[other].required == binding.required ? other < index : bindings[other].required
      return isFirst && bindings[other].profile != nil && bindings[other].covers(binding)
    }
    return other.map {
      IdlePart(
        "the profile of \(binding.title)", IdlePart.doesNothing,
        "\(bindings[$0].title) comes first and matches whatever this one matches", "write it before, or remove it")
    }
  }

  private var unusedDefault: IdlePart? {
    guard defaultProfile != nil,
      let binding = bindings.first(where: { $0.profile != nil && $0.covers(Binding(name: "")) })
    else { return nil }
    return IdlePart(
      "defaultProfile", IdlePart.doesNothing, "\(binding.title) matches every container", "remove one of them")
  }
}

extension NodeConfiguration.Binding {
  fileprivate var title: String { "binding \(quoted(name))" }

  /// Whether this binding matches every container that `other` matches.
  fileprivate func covers(_ other: Self) -> Bool {
    let labelsCover = podLabels?.allSatisfy { other.podLabels?[$0.key] == $0.value } ?? true
    return labelsCover && Self.covers(namespaces, other.namespaces) && Self.covers(images, other.images)
  }

  private static func covers(_ mine: [String]?, _ theirs: [String]?) -> Bool {
    guard let mine else { return true }
    return theirs.map { Set($0).isSubset(of: mine) } ?? false
  }

  /// Kubernetes has no such namespace or label, so no pod of it matches.
  fileprivate var selectorFault: IdlePart? {
    let advice = "write the whole name; patterns are known in images alone"
    if let namespaces, namespaces.allSatisfy({ !Self.isNamespace($0) }) {
      return IdlePart(
        title, IdlePart.matchesNothing, "Kubernetes has no namespace of a name like \(quoted(namespaces[0]))", advice)
    }
    guard
      let label = podLabels?.sorted(by: { $0.key < $1.key }).first(where: { !PodLabel.isPossible($0.key, $0.value) })
    else {
      return nil
    }
    return IdlePart(
      title, IdlePart.matchesNothing, "Kubernetes has no label \(quoted("\(label.key)=\(label.value)"))", advice)
  }

  private static func isNamespace(_ name: String) -> Bool {
    name.utf8.count <= 63 && !name.isEmpty && isKubernetesWord(name, also: "-", capitals: false)
  }
}

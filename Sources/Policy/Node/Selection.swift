import YAML

/// The parts of a pod that matter for the choice.
package struct PodContext: Equatable, Sendable {
  package var namespace: String
  package var labels: [String: String]
  package var annotations: [String: String]

  package init(namespace: String, labels: [String: String] = [:], annotations: [String: String] = [:]) {
    self.namespace = namespace
    self.labels = labels
    self.annotations = annotations
  }
}

package struct ContainerContext: Equatable, Sendable {
  package var name: String
  /// The name that the runtime gives; empty: the runtime does not say it.
  package var image: String

  package init(name: String, image: String = "") {
    self.name = name
    self.image = image
  }
}

/// `because` says what chose, for logs: `annotation profile.stockade.dev/pod`.
package enum Choice: Equatable, Sendable {
  case profile(String, because: String)
  case unconfined(because: String)

  init(_ name: String, _ because: String) {
    self = name == ProfileName.unconfined ? .unconfined(because: because) : .profile(name, because: because)
  }
}

/// A pod asks for something that it cannot have. The container is refused.
package enum SelectionError: Error, Equatable, Sendable, CustomStringConvertible {
  case emptyAnnotation(key: String)
  case invalidName(key: String, value: String)
  case unknownAnnotation(key: String)
  /// `limits`: what allows something else: `allowedProfiles of binding "team-a": web, restricted`.
  case notAllowed(key: String, profile: String, limits: [String])

  package var description: String {
    switch self {
    case .emptyAnnotation(let key): "annotation \(key) is empty; name a profile or remove the annotation"
    case .invalidName(let key, let value):
      "annotation \(key) has \(quoted(value)), which cannot be a profile's name; name a profile"
    case .unknownAnnotation(let key):
      "annotation \(quoted(key)) is unknown; use \(Annotation.pod), \(Annotation.all) or \(Annotation.container)NAME"
    case .notAllowed(let key, let profile, let limits):
      "annotation \(key) chooses \(quoted(profile)), which "
        + (limits.isEmpty
          ? "no allowedProfiles lists; choose a profile"
          : "is not in \(limits.joined(separator: "; nor in ")); choose one of those")
    }
  }
}

/// The annotations by which pods choose.
package enum Annotation {
  package static let all = "profile.stockade.dev"
  package static let pod = "profile.stockade.dev/pod"
  /// The container's name follows.
  package static let container = "profile.stockade.dev/container."

  /// Whether the annotation is ours, well-formed or not.
  static func isOurs(_ key: String) -> Bool { key == all || key.utf8.starts(with: "\(all)/".utf8) }

  static func isKnown(_ key: String) -> Bool {
    let isContainer = key.utf8.starts(with: container.utf8) && key.utf8.count > container.utf8.count
    return key == all || key == pod || isContainer
  }
}

extension NodeConfiguration {
  /// The labels of pods that are looked at. No other label is.
  package var labelKeys: Set<String> { Set(bindings.flatMap { ($0.podLabels ?? [:]).keys } + eventLabels) }

  /// The profile of a container: a required binding's, else an annotation's, else a binding's, else the default.
  ///
  /// The store says whether the profile exists.
  package func choose(pod: PodContext, container: ContainerContext) throws(SelectionError) -> Choice {
    let ofPod = bindings.filter { $0.matches(pod) }
    let image = ofPod.contains { $0.images != nil } ? ImageName.spellings(of: container.image) : []
    let matching = ofPod.filter { $0.matches(image: image) }
    if let binding = matching.first(where: \.required), let profile = binding.profile {
      return Choice(profile, "required by binding \(quoted(binding.name))")
    }
    if let annotated = try annotated(pod, container, matching) { return annotated }
    for binding in matching {
      if let profile = binding.profile { return Choice(profile, "binding \(quoted(binding.name))") }
    }
    return defaultProfile.map { Choice($0, "defaultProfile") }
      ?? .unconfined(because: "no annotation, binding or defaultProfile chooses a profile")
  }

  /// Whether some container of the pod could get a profile that is enforced, or could be refused. In doubt this is
  /// true, because images are not known yet.
  ///
  /// - Parameter isAudited: whether a profile can be used, and is `mode: Audit`.
  package func needsGate(pod: PodContext, isAudited: (String) -> Bool) -> Bool {
    func isHarmless(_ name: String) -> Bool { name == ProfileName.unconfined || isAudited(name) }
    let matching = bindings.filter { $0.matches(pod) }
    guard ([defaultProfile] + matching.map(\.profile)).allSatisfy({ $0.map(isHarmless) ?? true }) else { return true }
    return pod.annotations.contains { key, name in
      Annotation.isOurs(key) && !(isHarmless(name) && isAllowedForAnyImage(name, key, matching))
    }
  }

  /// - Parameter matching: bindings that match the pod. Whether they match a container's image is not known.
  private func isAllowedForAnyImage(_ name: String, _ key: String, _ matching: [Binding]) -> Bool {
    guard Annotation.isKnown(key), ProfileName.isValid(name) else { return false }
    let certain = matching.filter { $0.images == nil }
    return (try? checkAllowed(name, key, matching)) != nil && (try? checkAllowed(name, key, certain)) != nil
  }

  private func annotated(
    _ pod: PodContext, _ container: ContainerContext, _ matching: [Binding]
  ) throws(SelectionError) -> Choice? {
    // A misspelt key must not leave a container unconfined.
    if let key = pod.annotations.keys.sorted().first(where: { Annotation.isOurs($0) && !Annotation.isKnown($0) }) {
      throw .unknownAnnotation(key: key)
    }
    for key in [Annotation.container + container.name, Annotation.pod, Annotation.all] {
      guard let value = pod.annotations[key] else { continue }
      if value.isEmpty { throw .emptyAnnotation(key: key) }
      guard ProfileName.isValid(value) else { throw .invalidName(key: key, value: value) }
      try checkAllowed(value, key, matching)
      return Choice(value, "annotation \(key)")
    }
    return nil
  }

  /// Every list that applies must have the name. `unconfined` must stand in at least one list.
  private func checkAllowed(_ name: String, _ key: String, _ matching: [Binding]) throws(SelectionError) {
    let lists = applicableLists(matching)
    let failed = lists.filter { !$0.names.contains(name) }
    if failed.isEmpty, !lists.isEmpty || name != ProfileName.unconfined { return }
    throw .notAllowed(key: key, profile: name, limits: failed.map(\.description))
  }

  /// The node's list holds, unless a matching binding of namespaces has its own list. All other bindings only narrow
  /// the choice, because the author of the pod chooses its labels and images.
  private func applicableLists(_ matching: [Binding]) -> [AllowedList] {
    var lists = matching.compactMap { binding in
      binding.allowedProfiles.map { AllowedList(owner: "binding \(quoted(binding.name))", names: $0) }
    }
    let replaced = matching.contains { $0.allowedProfiles != nil && $0.namespaces != nil }
    if !replaced, let allowedProfiles { lists.append(AllowedList(owner: "the node", names: allowedProfiles)) }
    return lists
  }
}

private struct AllowedList {
  var owner: String
  var names: [String]
  var description: String {
    "the allowedProfiles of \(owner) (\(names.isEmpty ? "none" : names.joined(separator: ", ")))"
  }
}

extension NodeConfiguration.Binding {
  fileprivate func matches(_ pod: PodContext) -> Bool {
    (namespaces?.contains(pod.namespace) ?? true) && (podLabels?.allSatisfy { pod.labels[$0.key] == $0.value } ?? true)
  }

  /// - Parameter image: every way to write the image's name.
  fileprivate func matches(image: [String]) -> Bool {
    images?.contains { pattern in image.contains { ImagePattern.matches(pattern, $0) } } ?? true
  }
}

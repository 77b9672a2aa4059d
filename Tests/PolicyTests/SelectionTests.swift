import Policy
import Testing

@Suite struct Selections {
  private static let all = "profile.stockade.dev"

  private func choose(
    _ text: String, _ annotations: [String: String] = [:], namespace: String = "shop", labels: [String: String] = [:],
    image: String = "docker.io/library/nginx:1.27"
  ) throws(SelectionError) -> Choice? {
    let pod = PodContext(namespace: namespace, labels: labels, annotations: annotations)
    return try (try? configuration(text))?.choose(pod: pod, container: ContainerContext(name: "app", image: image))
  }

  private func refusal(
    _ text: String, _ annotations: [String: String], namespace: String = "shop", labels: [String: String] = [:]
  ) -> String? {
    do throws(SelectionError) { _ = try choose(text, annotations, namespace: namespace, labels: labels) } catch {
      return error.description
    }
    return nil
  }

  @Test(
    "the most specific annotation decides",
    arguments: [
      (
        [all: "a", "\(all)/pod": "b", "\(all)/container.app": "c", "\(all)/container.other": "d"], "c", "/container.app"
      ),
      ([all: "a", "\(all)/pod": "b", "\(all)/container.other": "d"], "b", "/pod"),
      ([all: "a", "\(all)/container.App": "d"], "a", ""),
    ])
  func annotations(annotations: [String: String], profile: String, key: String) throws {
    #expect(
      try choose("defaultProfile: z", annotations)
        == .profile(profile, because: "annotation profile.stockade.dev\(key)"))
  }

  @Test("without annotation and binding the default decides, else the container is not confined")
  func fallback() throws {
    #expect(try choose("defaultProfile: base") == .profile("base", because: "defaultProfile"))
    #expect(try choose("defaultProfile: unconfined") == .unconfined(because: "defaultProfile"))
    #expect(
      try choose("", ["other.stockade.dev": "x"])
        == .unconfined(because: "no annotation, binding or defaultProfile chooses a profile"))
  }

  private static let bindings = """
    defaultProfile: base
    bindings:
    - {name: labelled, podLabels: {app: web, tier: front}, profile: web}
    - {name: images, images: ["docker.io/*/nginx:*", exact], profile: nginx}
    - {name: system, namespaces: [kube-system], profile: unconfined, required: true}
    - {name: bank, namespaces: [bank, money], profile: strict, required: true}
    - {name: later, namespaces: [bank], profile: lax, required: true}
    """

  @Test(
    "a required binding wins over annotations and earlier bindings; the first of them wins",
    arguments: [
      ("bank", Choice.profile("strict", because: "required by binding \"bank\"")),
      ("kube-system", .unconfined(because: "required by binding \"system\"")),
    ])
  func required(namespace: String, choice: Choice) throws {
    let labels = ["app": "web", "tier": "front"]
    for annotations in [[:], [Self.all: "mine"], [Self.all: ""], [Self.all + "/typo": "x"]] {
      #expect(try choose(Self.bindings, annotations, namespace: namespace, labels: labels) == choice)
    }
  }

  @Test("other bindings stand behind annotations, in file order")
  func ordinary() throws {
    let labels = ["app": "web", "tier": "front", "more": "x"]
    #expect(try choose(Self.bindings, labels: labels) == .profile("web", because: "binding \"labelled\""))
    #expect(
      try choose(Self.bindings, [Self.all: "mine"], labels: labels)
        == .profile("mine", because: "annotation profile.stockade.dev"))
    #expect(try choose(Self.bindings, labels: ["app": "web"]) == .profile("nginx", because: "binding \"images\""))
    #expect(try choose(Self.bindings, image: "exact") == .profile("nginx", because: "binding \"images\""))
    #expect(try choose(Self.bindings, image: "quay.io/nginx:1") == .profile("base", because: "defaultProfile"))
  }

  @Test(
    "a pattern's star stands for any text",
    arguments: [
      ("*", "", true), ("*", "a/b", true), ("a*", "a", true), ("a*", "ba", false), ("*a", "ba", true),
      ("*a", "ab", false), ("a*b*c", "aXbYc", true), ("a*b*c", "abc", true), ("a*b*c", "acb", false),
      ("a*a", "a", false), ("a*a", "aa", true), ("**", "x", true), ("a", "a", true), ("a", "ab", false),
      ("*ab*ab", "ab", false), ("*ab*ab", "abab", true), ("*aab", "aaab", true),
    ])
  func patterns(pattern: String, image: String, matches: Bool) throws {
    let choice = try choose("bindings: [{images: [\"\(pattern)\"], profile: yes}]", image: image)
    #expect(
      choice
        == (matches
          ? .profile("yes", because: "binding \"bindings[0]\"")
          : .unconfined(because: "no annotation, binding or defaultProfile chooses a profile")))
  }

  @Test(
    "an annotation that cannot be followed refuses the container",
    arguments: [
      ([all: ""], "annotation profile.stockade.dev is empty; name a profile or remove the annotation"),
      (
        ["\(all)/pod": "", all: "a"],
        "annotation profile.stockade.dev/pod is empty; name a profile or remove the annotation"
      ),
      (
        [all: "../etc/passwd"],
        "annotation profile.stockade.dev has \"../etc/passwd\", which cannot be a profile's name; name a profile"
      ),
      ([all: " a"], "annotation profile.stockade.dev has \" a\", which cannot be a profile's name; name a profile"),
      (
        ["\(all)/containers.app": "a"],
        """
        annotation "profile.stockade.dev/containers.app" is unknown; use profile.stockade.dev/pod, \
        profile.stockade.dev or profile.stockade.dev/container.NAME
        """
      ),
      (
        ["\(all)/container.": "a"],
        """
        annotation "profile.stockade.dev/container." is unknown; use profile.stockade.dev/pod, \
        profile.stockade.dev or profile.stockade.dev/container.NAME
        """
      ),
    ])
  func refused(annotations: [String: String], message: String) {
    #expect(refusal("defaultProfile: base", annotations) == message)
  }

  @Test("unconfined is for annotations only where a list names it", arguments: ["", "defaultProfile: base"])
  func unconfined(text: String) throws {
    #expect(
      refusal(text, [Self.all: "unconfined"]) == """
        annotation profile.stockade.dev chooses "unconfined", which no allowedProfiles lists; choose a profile
        """)
    #expect(
      refusal(text + "\nallowedProfiles: [web]", [Self.all: "unconfined"]) == """
        annotation profile.stockade.dev chooses "unconfined", which is not in the allowedProfiles of the node (web); \
        choose one of those
        """)
    #expect(
      try choose(text + "\nallowedProfiles: [web, unconfined]", [Self.all: "unconfined"])
        == .unconfined(because: "annotation profile.stockade.dev"))
  }

  private static let limits = """
    allowedProfiles: [base, web]
    defaultProfile: other
    bindings:
    - {name: system, namespaces: [system], allowedProfiles: [unconfined, agent]}
    - {name: labelled, podLabels: {app: x}, allowedProfiles: [web, agent]}
    - {name: nothing, namespaces: [closed], profile: strict, allowedProfiles: []}
    """

  @Test(
    "a namespace's list replaces the node's; every other list only narrows",
    arguments: [
      ("shop", "base", [:], true), ("shop", "agent", [:], false), ("shop", "unconfined", [:], false),
      ("shop", "agent", ["app": "x"], false), ("shop", "base", ["app": "x"], false),
      ("shop", "web", ["app": "x"], true),
      ("system", "unconfined", [:], true), ("system", "agent", [:], true), ("system", "web", [:], false),
      ("system", "unconfined", ["app": "x"], false), ("system", "agent", ["app": "x"], true),
      ("closed", "strict", [:], false), ("closed", "base", [:], false),
    ])
  func lists(namespace: String, profile: String, labels: [String: String], allowed: Bool) {
    let refusal = refusal(Self.limits, [Self.all: profile], namespace: namespace, labels: labels)
    #expect((refusal == nil) == allowed)
  }

  @Test("the lists limit annotations, not bindings and the default")
  func listsLimitAnnotations() throws {
    #expect(try choose(Self.limits) == .profile("other", because: "defaultProfile"))
    #expect(
      try choose(Self.limits, namespace: "closed") == .profile("strict", because: "binding \"nothing\""))
    #expect(
      refusal(Self.limits, [Self.all: "base"], namespace: "closed") == """
        annotation profile.stockade.dev chooses "base", which is not in the allowedProfiles of binding "nothing" \
        (none); choose one of those
        """)
  }

  @Test(
    "a pod needs the gate if some container of it could get a profile that is enforced, or be refused",
    arguments: [
      ("", [:], "shop", false),
      ("", [all: "a"], "shop", true), ("", ["\(all)/container.x": "a"], "shop", true),
      ("", ["\(all)/typo": "a"], "shop", true),
      ("", [all: "unconfined"], "shop", true), ("", ["profile.stockade.development": "a"], "shop", false),
      ("defaultProfile: base", [:], "shop", true), ("defaultProfile: unconfined", [:], "shop", false),
      ("bindings: [{namespaces: [a], profile: p}]", [:], "shop", false),
      ("bindings: [{namespaces: [a], profile: p}]", [:], "a", true),
      ("bindings: [{images: [x], profile: p}]", [:], "shop", true),
      ("bindings: [{podLabels: {a: b}, profile: p}]", [:], "shop", false),
      ("bindings: [{namespaces: [shop], profile: unconfined}]", [:], "shop", false),
      ("bindings: [{allowedProfiles: [p]}]", [:], "shop", false),
      ("allowedProfiles: [unconfined]", [all: "unconfined"], "shop", false),
      ("", [all: "audited"], "shop", false), ("", [all: "audited", "\(all)/container.x": "a"], "shop", true),
      ("defaultProfile: audited", [:], "shop", false), ("defaultProfile: base", [all: "audited"], "shop", true),
      ("allowedProfiles: [a]", [all: "audited"], "shop", true),
      (
        "{allowedProfiles: [a], bindings: [{namespaces: [shop], allowedProfiles: [audited]}]}", [all: "audited"],
        "shop", false
      ),
      (
        "{allowedProfiles: [a], bindings: [{namespaces: [shop], images: [x], allowedProfiles: [audited]}]}",
        [all: "audited"], "shop", true
      ),
      ("bindings: [{images: [x], allowedProfiles: [a]}]", [all: "audited"], "shop", true),
      ("bindings: [{images: [x], profile: audited}, {images: [y], profile: a}]", [:], "shop", true),
    ])
  func gate(text: String, annotations: [String: String], namespace: String, needed: Bool) throws {
    let pod = PodContext(namespace: namespace, annotations: annotations)
    #expect(try configuration(text).needsGate(pod: pod) { $0 == "audited" } == needed)
  }
}

import Policy
import Testing

func configuration(_ text: String) throws -> NodeConfiguration {
  try NodeConfiguration.parse(Array(text.utf8), file: "stockade.yaml")
}

@Suite struct NodeConfigurations {
  @Test("an empty text is all defaults", arguments: ["", "# nothing\n", "{}"])
  func defaults(text: String) throws { #expect(try configuration(text) == NodeConfiguration()) }

  @Test("the whole format is read")
  func whole() throws {
    var expected = NodeConfiguration()
    expected.profilesFolder = "/p"
    expected.eventsFile = "/e"
    (expected.eventsFormat, expected.eventLabels, expected.nodeName) = (.ocsf, ["app", "a.example/b_c"], "node-1")
    expected.defaultProfile = "baseline"
    expected.allowedProfiles = ["web", "unconfined"]
    expected.logLevel = .debug
    expected.seccompEvents = .trampoline
    var first = NodeConfiguration.Binding(name: "team-a")
    (first.namespaces, first.podLabels, first.images) = (["a", "b"], ["app": "x", "empty": ""], ["*/nginx:*"])
    (first.profile, first.required, first.allowedProfiles) = ("web", true, [])
    var second = NodeConfiguration.Binding(name: "bindings[1]")
    second.allowedProfiles = ["unconfined"]
    expected.bindings = [first, second]
    (expected.nodeGate.enabled, expected.nodeGate.isSaid) = (true, true)
    expected.nodeGate.parents = ["/kube", "/kube/besteffort.slice"]
    expected.nodeGate.exemptStaticPods = ["0123456789abcdef0123456789abcdef", "kube-dns-1", "*"]
    expected.metricsAddress = .loopback(isIPv6: true, port: 9487)
    #expect(
      try configuration(
        """
        profilesFolder: /p
        eventsFile: /e
        eventsFormat: ocsf
        eventLabels: [app, a.example/b_c]
        nodeName: node-1
        defaultProfile: baseline
        allowedProfiles: [web, unconfined]
        logLevel: debug
        seccompEvents: trampoline
        bindings:
        - name: team-a
          namespaces: [a, b]
          podLabels: {app: x, empty: ""}
          images: ["*/nginx:*"]
          profile: web
          required: true
          allowedProfiles: []
        - {allowedProfiles: [unconfined]}
        nodeGate:
          enabled: true
          parents: [/kube, /kube/besteffort.slice]
          exempt: {staticPods: [0123456789abcdef0123456789abcdef, kube-dns-1, "*"]}
        metrics: {listen: "[::1]:9487"}
        """) == expected)
  }

  @Test(
    "a broken configuration is refused with what was found and what to do",
    arguments: [
      (
        "- a",
        """
        1: the file is a list; write a mapping with the keys profilesFolder, eventsFile, eventsFormat, \
        eventLabels, nodeName, defaultProfile, allowedProfiles, bindings, logLevel, seccompEvents, nodeGate, \
        breakGlass, metrics
        """
      ),
      ("profileFolder: /a", "1: unknown key \"profileFolder\" in the file; did you mean \"profilesFolder\"?"),
      ("profilesFolder: a", "1: profilesFolder \"a\" is relative; write an absolute path"),
      ("eventsFile: e.jsonl", "1: eventsFile \"e.jsonl\" is relative; write an absolute path"),
      ("eventsFormat: json", "1: eventsFormat is the text \"json\"; write stockade or ocsf"),
      (
        "eventLabels: [app, a/b/c]",
        """
        1: eventLabels[1] is "a/b/c", and no label has such a name; write it like app, or app.kubernetes.io/name
        """
      ),
      ("eventLabels: [app, app]", "1: eventLabels names \"app\" twice; remove one"),
      ("nodeName: ''", "1: nodeName is empty; write a text"),
      (
        "logLevel: warn",
        """
        1: logLevel is the text "warn"; write trace, debug, info, notice, warning, error or critical
        """
      ),
      (
        "metrics: {listen: \"0.0.0.0:9487\"}",
        """
        1: metrics.listen is "0.0.0.0:9487", which is no address that only this node reaches; \
        write unix:///run/stockade/metrics.sock, 127.0.0.1:PORT or [::1]:PORT
        """
      ),
      ("metrics: {}", "1: metrics is empty; add to it or leave it out"),
      ("defaultProfile: [a]", "1: defaultProfile is a list; write a text"),
      (
        "defaultProfile: A",
        """
        1: defaultProfile is "A"; write at most 253 lower-case letters, digits, - and ., \
        the first and last a letter or digit
        """
      ),
      ("allowedProfiles: [a, a]", "1: allowedProfiles names \"a\" twice; remove one"),
      ("bindings: []", "1: bindings is empty; add to it or leave it out"),
      ("bindings: [{}]", "1: bindings[0] has neither profile nor allowedProfiles; add one"),
      (
        "bindings:\n- {namespaces: [], profile: a}",
        """
        2: bindings[0].namespaces is empty; add to it or leave it out
        """
      ),
      (
        "bindings:\n- {required: true, allowedProfiles: [a]}",
        """
        2: bindings[0].required needs the profile that is required; add profile
        """
      ),
      (
        "bindings:\n- {profile: a, podLabels: [a]}",
        """
        2: bindings[0].podLabels is a list; write a mapping of labels to values
        """
      ),
      (
        "bindings:\n- {profile: a, podLabels: {a: 1}}",
        """
        2: bindings[0].podLabels.a is the number 1; write a text in quotes
        """
      ),
      (
        "bindings:\n- {profile: a, nameSpaces: [a]}",
        """
        2: unknown key "nameSpaces" in bindings[0]; did you mean "namespaces"?
        """
      ),
      (
        "bindings:\n- {profile: unconfined, podLabels: {a: b}}",
        """
        2: bindings[0].profile gives "unconfined" to whoever sets a label or an image; add namespaces to the binding
        """
      ),
      (
        "bindings:\n- {allowedProfiles: [unconfined], images: ['*']}",
        """
        2: bindings[0].allowedProfiles gives "unconfined" to whoever sets a label or an image; \
        add namespaces to the binding
        """
      ),
    ])
  func broken(text: String, message: String) throws {
    do throws(PolicyError) {
      _ = try NodeConfiguration.parse(Array(text.utf8), file: "stockade.yaml")
      Issue.record("nothing was refused")
    } catch { #expect(error.description == "stockade.yaml:" + message) }
  }

  @Test("16 labels of events are read and not one more, and a node's name has at most 253 bytes")
  func eventLimits() throws {
    let names = (0..<17).map { "l\($0)" }
    let list = names.dropLast().joined(separator: ", ")
    #expect(try configuration("eventLabels: [\(list)]").eventLabels.count == 16)
    #expect(throws: PolicyError.self) { try configuration("eventLabels: [\(list), l16]") }
    let name = String(repeating: "n", count: 253)
    #expect(try configuration("nodeName: \(name)").nodeName == name)
    #expect(throws: PolicyError.self) { try configuration("nodeName: \(name)n") }
  }

  @Test(
    "no temporary audit softens the profiles of required bindings, unless breakGlass says so",
    arguments: [("", ["a"]), ("breakGlass: false", ["a"]), ("breakGlass: true", [])] as [(String, Set<String>)])
  func breakGlass(text: String, profiles: Set<String>) throws {
    let bindings = "\nbindings:\n- {profile: a, required: true}\n- {profile: b}\n- {allowedProfiles: [c]}\n"
    #expect(try configuration(text + bindings).profilesWithoutAudit == profiles)
  }

  @Test(
    "a node gate is off unless it says enabled, knows the kubelet's cgroups, and exempts nobody",
    arguments: [
      ("nodeGate: {exempt: {staticPods: []}}", false), ("nodeGate: {enabled: false}", false),
      ("nodeGate: {enabled: true}", true),
    ])
  func nodeGate(text: String, enabled: Bool) throws {
    var expected = NodeConfiguration.NodeGate()
    expected.enabled = enabled
    expected.isSaid = text.contains("enabled")
    #expect(expected.parents == NodeConfiguration.NodeGate.usualParents && expected.exemptStaticPods == [])
    #expect(try configuration(text).nodeGate == expected)
  }

  @Test(
    "a broken node gate is refused with what was found and what to do",
    arguments: [
      ("nodeGate: true", "nodeGate is the boolean true; write a mapping with the keys enabled, parents, exempt"),
      ("nodeGate: {}", "nodeGate is empty; add to it or leave it out"),
      ("nodeGate: {enable: true}", "unknown key \"enable\" in nodeGate; did you mean \"enabled\"?"),
      ("nodeGate: {enabled: 1}", "nodeGate.enabled is the number 1; write true or false"),
      ("nodeGate: {parents: []}", "nodeGate.parents is empty; add to it or leave it out"),
      ("nodeGate: {parents: /kubepods}", "nodeGate.parents is the text \"/kubepods\"; write a list"),
      ("nodeGate: {parents: [/a, /a]}", "nodeGate.parents names \"/a\" twice; remove one"),
      ("nodeGate: {exempt: {pods: [a]}}", "unknown key \"pods\" in nodeGate.exempt"),
      ("nodeGate: {exempt: {}}", "nodeGate.exempt is empty; add to it or leave it out"),
    ])
  func brokenNodeGate(text: String, message: String) throws {
    let error = #expect(throws: PolicyError.self) { try configuration(text) }
    #expect(error?.description.hasPrefix("stockade.yaml:1: \(message)") == true, "\(error?.description ?? "")")
  }

  @Test(
    "a parent is a path from the hierarchy's root without detours",
    arguments: ["kubepods", "/", "//a", "/a/", "/a//b", "/a/../b", "/a/../\u{301}b", "/.", "/a/."])
  func parents(path: String) throws {
    let error = #expect(throws: PolicyError.self) { try configuration("nodeGate: {parents: [/a, '\(path)']}") }
    let text =
      "nodeGate.parents[1] is \"\(path)\"; write the path of a cgroup from the hierarchy's root, such as /kubepods"
    #expect(error?.description == "stockade.yaml:1: \(text)")
  }

  @Test(
    "an exempt pod is a UID as the cgroup's name has it, or all of them",
    arguments: ["A", "a_b", "a/b", "**", "kube-system/etcd", String(repeating: "a", count: 64)])
  func exempt(uid: String) throws {
    let error = #expect(throws: PolicyError.self) {
      try configuration("nodeGate: {exempt: {staticPods: ['\(uid)']}}")
    }
    #expect(
      error?.description
        == "stockade.yaml:1: nodeGate.exempt.staticPods[0] is \"\(uid)\"; write the pod's UID, or \"*\" for all")
  }

  @Test("as many parents and exempt pods, and as long ones, as the limits are read; more are refused")
  func nodeGateLimits() throws {
    typealias Gate = NodeConfiguration.NodeGate
    func parents(_ count: Int) -> String {
      "nodeGate: {parents: [" + (0..<count).map { "/p\($0)" }.joined(separator: ",") + "]}"
    }
    func exempt(_ count: Int) -> String {
      "nodeGate: {exempt: {staticPods: [" + (0..<count).map { "p\($0)" }.joined(separator: ",") + "]}}"
    }
    func long(_ bytes: Int) -> String { "nodeGate: {parents: [/\(String(repeating: "a", count: bytes - 1))]}" }
    #expect(try configuration(parents(Gate.parentsMax)).nodeGate.parents.count == Gate.parentsMax)
    #expect(try configuration(exempt(Gate.exemptMax)).nodeGate.exemptStaticPods.count == Gate.exemptMax)
    #expect(try configuration(long(Gate.parentMaxBytes)).nodeGate.parents.count == 1)
    for text in [parents(Gate.parentsMax + 1), exempt(Gate.exemptMax + 1), long(Gate.parentMaxBytes + 1)] {
      #expect(throws: PolicyError.self) { try configuration(text) }
    }
  }

  @Test("as many bindings as the limit are read, one more is refused")
  func bindings() throws {
    func text(_ count: Int) -> String {
      "bindings: [" + (0..<count).map { "{profile: p\($0)}" }.joined(separator: ",") + "]"
    }
    #expect(try configuration(text(NodeConfiguration.bindingsMax)).bindings.count == NodeConfiguration.bindingsMax)
    #expect(throws: PolicyError.self) { try configuration(text(NodeConfiguration.bindingsMax + 1)) }
  }
}

import Policy
import System
import Testing

/// The documents and the code must say the same.
@Suite struct Documentation {
  private struct Row {
    var key: String
    var defaultValue: String
  }

  private func rows(of document: String) throws -> [Row] {
    try Files.text("\(root)/docs/\(document)").split(separator: "\n").compactMap { line in
      let cells = line.split(separator: "|").map { $0.split(separator: " ").joined(separator: " ") }
      guard cells.count >= 3, line.hasPrefix("| `"), let key = unquoted(cells[0]) else { return nil }
      // Tables of other shapes have two columns.
      return cells.count >= 4 ? Row(key: key, defaultValue: cells[2]) : nil
    }
  }

  private func unquoted(_ cell: String) -> String? {
    cell.hasPrefix("`") && cell.hasSuffix("`") ? String(cell.dropFirst().dropLast()) : nil
  }

  /// The keys that the parser lists where it is given one that it does not know.
  private func keys(_ message: String?, in place: String) throws -> [String] {
    let start = "unknown key \"zzzzzzzzzzzz\" in \(place); its keys are "
    let line = try #require(message?.split(separator: "\n").first { $0.contains(start) })
    return line[try #require(line.firstRange(of: start)).upperBound...].split(separator: ", ").map(String.init)
  }

  @Test(
    "the reference lists exactly the keys that the parser knows",
    arguments: [
      ("", "the file", "zzzzzzzzzzzz: 1"),
      ("metadata.", "metadata", "metadata: {zzzzzzzzzzzz: 1}"),
      ("spec.", "spec", "spec: {zzzzzzzzzzzz: 1}"),
      ("spec.seccomp.", "spec.seccomp", "spec: {seccomp: {zzzzzzzzzzzz: 1}}"),
      (
        "spec.seccomp.syscalls[].", "spec.seccomp.syscalls[0]",
        "spec: {seccomp: {type: Inline, syscalls: [{zzzzzzzzzzzz: 1}]}}"
      ),
      (
        "spec.seccomp.syscalls[].args[].", "spec.seccomp.syscalls[0].args[0]",
        "spec: {seccomp: {type: Inline, syscalls: [{names: [a], action: b, args: [{zzzzzzzzzzzz: 1}]}]}}"
      ),
      ("spec.process.", "spec.process", "spec: {process: {zzzzzzzzzzzz: 1}}"),
      (
        "spec.process.rules[].arguments[].", "spec.process.rules[0].arguments[0]",
        "spec: {process: {rules: [{arguments: [{zzzzzzzzzzzz: 1}]}]}}"
      ),
      ("spec.file.", "spec.file", "spec: {file: {zzzzzzzzzzzz: 1}}"),
      ("spec.network.", "spec.network", "spec: {network: {zzzzzzzzzzzz: 1}}"),
      ("spec.network.egress.", "spec.network.egress", "spec: {network: {egress: {zzzzzzzzzzzz: 1}}}"),
      (
        "spec.network.egress.rules[].", "spec.network.egress.rules[0]",
        "spec: {network: {egress: {rules: [{zzzzzzzzzzzz: 1}]}}}"
      ),
      (
        "spec.network.egress.rules[].ports[].", "spec.network.egress.rules[0].ports[0]",
        "spec: {network: {egress: {rules: [{ports: [{zzzzzzzzzzzz: 1}]}]}}}"
      ),
      ("spec.network.bind[].", "spec.network.bind[0]", "spec: {network: {bind: [{zzzzzzzzzzzz: 1}]}}"),
      ("spec.kernel.", "spec.kernel", "spec: {kernel: {zzzzzzzzzzzz: 1}}"),
    ])
  func profileKeys(prefix: String, place: String, text: String) throws {
    let known = try keys(problems(of: text), in: place)
    #expect(try documented(in: "profile-reference.md", below: prefix) == Set(known))
  }

  @Test("process and file rules share their keys, less what belongs to the other")
  func ruleKeys() throws {
    let known = Set(
      try keys(problems(of: "spec: {process: {rules: [{zzzzzzzzzzzz: 1}]}}"), in: "spec.process.rules[0]"))
    let reference = "profile-reference.md"
    #expect(try documented(in: reference, below: "spec.process.rules[].") == known.subtracting(["access"]))
    #expect(
      try documented(in: reference, below: "spec.file.rules[].") == known.subtracting(["new", "arguments"]))
  }

  @Test(
    "the configuration's document lists exactly the keys that the parser knows",
    arguments: [
      ("", "the file", "zzzzzzzzzzzz: 1"), ("bindings[].", "bindings[0]", "bindings: [{zzzzzzzzzzzz: 1}]"),
      ("nodeGate.", "nodeGate", "nodeGate: {zzzzzzzzzzzz: 1}"),
      ("nodeGate.exempt.", "nodeGate.exempt", "nodeGate: {exempt: {zzzzzzzzzzzz: 1}}"),
      ("metrics.", "metrics", "metrics: {zzzzzzzzzzzz: 1}"),
    ])
  func configurationKeys(prefix: String, place: String, text: String) throws {
    let error = #expect(throws: PolicyError.self) { try configuration(text) }
    #expect(
      try documented(in: "configuration.md", below: prefix) == Set(try keys(error?.description, in: place)))
  }

  private func documented(in document: String, below prefix: String) throws -> Set<String> {
    let keys = try rows(of: document).map(\.key).filter { $0.hasPrefix(prefix) }.map { $0.dropFirst(prefix.count) }
    return Set(keys.filter { !$0.contains(".") }.map(String.init))
  }

  @Test("the table's defaults are the code's")
  func defaults() throws {
    let expected = try defaultsOfTheCode()
    let rows = try rows(of: "profile-reference.md")
    #expect(rows.count > 60)
    for row in rows where row.defaultValue != "required" && row.defaultValue != "none" {
      #expect(expected[row.key] == row.defaultValue, "\(row.key)")
    }
    #expect(Set(expected.keys).isSubset(of: rows.map(\.key)))
  }

  /// Of a profile that sets nothing which has a default.
  private func defaultsOfTheCode() throws -> [String: String] {
    let empty = try profile(
      """
      seccomp:
        type: Inline
        defaultAction: A
        syscalls: [{names: [a], action: A, args: [{index: 0, value: 1, op: O}]}]
      process: {rules: [{directory: /a, action: Allow}]}
      file: {rules: [{directory: /a, action: Allow}]}
      network: {egress: {rules: [{ports: [{port: 1}], action: Allow}]}, bind: [{port: 1}]}
      """)
    let seccomp = try #require(empty.seccomp)
    guard case .inline(let filter) = seccomp.source else { return [:] }
    let process = try #require(empty.process)
    let file = try #require(empty.fileAccess)
    let egress = try #require(empty.network.egress)
    let blocking = try #require(try profile("process: {defaultAction: Block}").process)
    let access = Access.allCases.filter(file.rules[0].access.contains).map { "`\($0.rawValue)`" }
    return [
      "spec.mode": "`\(empty.mode.rawValue)`", "spec.failurePolicy": "`\(empty.failurePolicy.rawValue)`",
      "spec.minimumTier": "`\(empty.minimumTier.name)`", "spec.acceptPartial": "`\(empty.acceptPartial)`",
      "spec.requireFilter": "`\(empty.requireFilter)`", "spec.seccomp.replacesPod": "`\(seccomp.replacesPod)`",
      "spec.seccomp.syscalls[].args[].valueTwo": "`\(filter.syscalls[0].arguments[0].valueTwo)`",
      "spec.process.defaultAction": "`\(process.defaultAction.name)`",
      "spec.process.allowEntrypoint": "`\(process.allowEntrypoint)`",
      "spec.process.newExecutables":
        "`\(blocking.newExecutables.name)` if `defaultAction` is Block, else `\(process.newExecutables.name)`",
      "spec.process.fileless":
        "`\(blocking.fileless.name)` if `defaultAction` is Block, else `\(process.fileless.name)`",
      "spec.process.rules[].recursive": "`\(process.rules[0].recursive)`",
      "spec.process.rules[].new": "`\(process.rules[0].allowNew)`",
      "spec.file.defaultAction": "`\(file.defaultAction.name)`",
      "spec.file.rules[].recursive": "`\(file.rules[0].recursive)`",
      "spec.file.rules[].access": access.joined(separator: ", "),
      "spec.kernel.otherContainers": "`\(empty.effectOnOtherContainers.name)`",
      "spec.network.egress.defaultAction": "`\(egress.defaultAction.name)`",
      "spec.network.egress.rules[].ports[].protocol": "`\(egress.rules[0].ports[0].transport.rawValue)`",
      "spec.network.bind[].protocol": "`\(try #require(empty.network.bind).ports[0].transport.rawValue)`",
    ]
  }

  @Test("the configuration's defaults are the code's")
  func configurationDefaults() throws {
    let code = try configuration("bindings: [{profile: a}]")
    let expected = [
      "profilesFolder": "`\(code.profilesFolder)`", "logLevel": "`\(code.logLevel.rawValue)`",
      "eventsFormat": "`\(code.eventsFormat.rawValue)`",
      "seccompEvents": "`\(code.seccompEvents.rawValue)`",
      "bindings[].name": "`\(code.bindings[0].name)` and so on",
      "bindings[].required": "`\(code.bindings[0].required)`",
      "nodeGate.enabled": "`\(code.nodeGate.enabled)`", "breakGlass": "`\(code.breakGlass)`",
      "nodeGate.parents": code.nodeGate.parents.map { "`\($0)`" }.joined(separator: ", "),
    ]
    for row in try rows(of: "configuration.md") where row.defaultValue != "none" {
      #expect(expected[row.key] == row.defaultValue, "\(row.key)")
    }
  }

  @Test("every example of the reference loads beside the profiles of config/profiles")
  func profileExamples() throws {
    let examples = try examples(of: "docs/profile-reference.md")
    #expect(examples.count == 20)
    try withFolder { folder in
      let shipped = try shippedFiles()
      for name in shipped { try Files.write(Files.text("\(root)/config/profiles/\(name)"), to: "\(folder)/\(name)") }
      for (index, example) in examples.enumerated() {
        try Files.write(example, to: "\(folder)/example-\(index).yaml")
      }
      var store = ResolvedProfiles(folder: folder)
      #expect(store.reload().messages == [])
      #expect(store.names.count == shipped.count + examples.count)
    }
  }

  @Test("the README's profile loads, and a signal node enforces it whole")
  func readmeExample() throws {
    let examples = try examples(of: "README.md")
    #expect(examples.count == 1)
    try withFolder { folder in
      let file = "\(folder)/worker.yaml"
      try Files.write(examples[0], to: file)
      let profile = try Profile.load(file: file)
      #expect(profile.assess(node: .init(tier: .signal)).gaps == [])
      #expect(profile.decideExec(path: "/bin/a", isEntrypoint: true).action == .allow)
      #expect(profile.decideExec(path: "/bin/a").action == .block)
      #expect(profile.decideEgress(address: [10, 9, 8, 7], port: 5432, transport: .tcp).action == .allow)
      #expect(profile.decideEgress(address: [9, 9, 9, 9], port: 5432, transport: .tcp).action == .block)
    }
  }

  @Test("the first profile loads, and lets through and blocks what its page says")
  func firstProfile() throws {
    let examples = try examples(of: "docs/first-profile.md")
    #expect(examples.count == 1)
    try withFolder { folder in
      let file = "\(folder)/worker.yaml"
      try Files.write(examples[0], to: file)
      let profile = try Profile.load(file: file)
      #expect(profile.decideExec(path: "/bin/sh", isEntrypoint: true).action == .allow)
      #expect(profile.decideExec(path: "/bin/ls").action == .block)
      #expect(profile.decideEgress(address: [10, 0, 0, 1], port: 53, transport: .udp).action == .allow)
      #expect(profile.decideEgress(address: [10, 0, 0, 1], port: 5432, transport: .tcp).action == .block)
    }
  }

  @Test("every example of the configuration's document, and the sample, parse")
  func configurationExamples() throws {
    let examples = try examples(of: "docs/configuration.md")
    #expect(examples.count == 1)
    for example in examples { _ = try configuration(example) }
  }
}

/// The folder has kustomize's list of these beside them.
private func shippedFiles() throws -> [String] {
  try Files.names(in: "\(root)/config/profiles").filter { $0.hasSuffix(".yaml") }
}

@Suite struct ShippedProfiles {
  private let store: ResolvedProfiles

  init() {
    var store = ResolvedProfiles(folder: "\(root)/config/profiles")
    #expect(store.reload().messages == [])
    self.store = store
  }

  @Test("each profile loads, under the name of its file")
  func load() throws {
    #expect(try shippedFiles() == store.names.map { "\($0).yaml" })
    #expect(
      Set(["base", "baseline", "restricted", "web", "deny-network", "audit-all"]).isSubset(of: store.names))
  }

  @Test("each profile loads alone from its file")
  func loadAlone() throws {
    for name in store.names {
      #expect(try Profile.load(file: "\(store.folder)/\(name).yaml") == store.profile(named: name))
    }
  }

  @Test("the best tier enforces every profile whole")
  func best() throws {
    for name in store.names { #expect(try store.profile(named: name).assess(node: .init(tier: .lsm)).gaps == []) }
  }

  @Test("a signal node enforces these whole", arguments: ["base", "deny-network", "signal-restricted"])
  func whole(name: String) throws {
    #expect(try store.profile(named: name).assess(node: .init(tier: .signal)).gaps == [])
  }

  @Test("a signal node enforces these in part, which they accept", arguments: ["signal-baseline", "signal-web"])
  func partial(name: String) throws {
    let profile = try store.profile(named: name)
    let assessment = profile.assess(node: .init(tier: .signal))
    #expect(!assessment.accepted.isEmpty && assessment.gaps == assessment.accepted)
    #expect(assessment.refusal == nil)
  }

  @Test("a signal node refuses these", arguments: ["baseline", "restricted", "web"])
  func refused(name: String) throws {
    let profile = try store.profile(named: name)
    #expect(profile.assess(node: .init(tier: .signal)).refusal != nil)
  }

  @Test("audit-all denies nothing and no node refuses it")
  func auditAll() throws {
    let profile = try store.profile(named: "audit-all")
    let assessment = profile.assess(node: .none(because: "x"))
    #expect(!assessment.gaps.isEmpty && assessment.refusal == nil)
    #expect(profile.applyingMode().decideExec(path: "/a", isNew: true).action == .audit)
    #expect(profile.applyingMode().decideEgress(address: [1, 1, 1, 1], port: 1, transport: .udp).action == .audit)
  }

  @Test("web runs nginx as its entrypoint, answers on port 80 and asks DNS only", arguments: ["web", "signal-web"])
  func web(name: String) throws {
    let profile = try store.profile(named: name)
    #expect(profile.decideExec(path: "/usr/sbin/nginx").action == .allow)
    #expect(profile.decideExec(path: "/usr/sbin/nginx", isNew: true).action == .block)
    #expect(profile.decideExec(path: "/usr/bin/curl").action == .block)
    #expect(profile.decideExec(path: "/usr/bin/mawk").action == .allow)
    #expect(profile.decideExec(path: "/entry", isEntrypoint: true).action == .allow)
    #expect(
      profile.decideExec(path: "/usr/bin/dash", arguments: ["sh", "-c", "exec 3<>/dev/tcp/a/1"]).action == .block)
    #expect(profile.decideIngress(address: [10, 0, 0, 1], port: 80, transport: .tcp).action == .allow)
    #expect(profile.decideIngress(address: [10, 0, 0, 1], port: 22, transport: .tcp).action == .block)
    #expect(profile.decideEgress(address: [10, 0, 0, 1], port: 53, transport: .udp).action == .allow)
    #expect(profile.decideEgress(address: [10, 0, 0, 1], port: 443, transport: .tcp).action == .block)
    #expect(profile.decideEgress(address: [169, 254, 169, 254], port: 53, transport: .udp).action == .block)
  }

  @Test("web lets the image's scripts write nginx's configuration, and nothing else below /etc")
  func webFiles() throws {
    let profile = try store.profile(named: "web")
    #expect(profile.decideFile(path: "/etc/nginx/conf.d/default.conf", access: [.write], reach: .file).action == .allow)
    #expect(profile.decideFile(path: "/etc/nginx/nginx.conf", access: [.write], reach: .file).action == .block)
    #expect(profile.decideFile(path: "/etc/nginx/conf.d", access: [.read, .write], reach: .tree).action == .block)
  }

  @Test("the sample configuration parses and names profiles that exist")
  func sample() throws {
    let sample = try configuration(Files.text("\(root)/config/stockade.yaml"))
    let named =
      [sample.defaultProfile].compactMap(\.self) + (sample.allowedProfiles ?? [])
      + sample.bindings.flatMap { ($0.allowedProfiles ?? []) + [$0.profile].compactMap(\.self) }
    #expect(named.count > 8)
    #expect(Set(named).subtracting(store.names) == [ProfileName.unconfined])
  }
}

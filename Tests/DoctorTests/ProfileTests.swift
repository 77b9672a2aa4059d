import Policy
import Testing

@testable import Doctor

@Suite struct ProfileTests {
  private static let profiles = [
    "open": "failurePolicy: Fail",
    "floor": "minimumTier: lsm",
    "default": "seccomp: {type: RuntimeDefault}",
    "filter": "seccomp: {type: Inline, defaultAction: SCMP_ACT_ALLOW, "
      + "syscalls: [{names: [reboot], action: SCMP_ACT_ERRNO}]}",
    "ignoring": "failurePolicy: Ignore\n  file: {rules: [{path: /x, action: Block}]}",
    "new": "process: {newExecutables: Block}",
  ]

  /// Below a service that reads this configuration, on a node of that tier.
  private func findings(
    _ configuration: String, tier: Tier? = .lsm, containerd: String = "2.3.4", snapshotter: String = "overlayfs",
    more: [String: String] = [:]
  ) throws -> [String] {
    let node = TestNode()
    let dump = try recordedDump().split(separator: "snapshotter = 'overlayfs'").joined(
      separator: "snapshotter = '\(snapshotter)'")
    try node.runRecorded(version: containerd, dump: dump)
    node.runStockade(["stockade", "run"], pid: 1)
    try node.write("/etc/stockade/stockade.yaml", configuration)
    for (name, spec) in Self.profiles {
      try node.write(
        "/etc/stockade/profiles/\(name).yaml",
        "apiVersion: stockade.dev/v1alpha1\nkind: SecurityProfile\nmetadata: {name: \(name)}\nspec:\n  \(spec)\n")
    }
    for (name, text) in more { try node.write("/etc/stockade/profiles/\(name)", text) }
    return node.findings(.profiles, node: tier.map { NodeCapabilities(tier: $0, tierReason: "why") })
  }

  private let sum = "ok profiles: 6 can be read in /etc/stockade/profiles"

  @Test("where all of it can be enforced there is nothing to tell")
  func good() throws {
    #expect(try findings("defaultProfile: floor\nbindings: [{profile: default}]\n") == [sum])
  }

  @Test("a profile under which nothing can start is told")
  func warning() throws {
    let text =
      "apiVersion: stockade.dev/v1alpha1\nkind: SecurityProfile\nmetadata: {name: shut}\n"
      + "spec: {process: {defaultAction: Block}}\n"
    let found = try findings("defaultProfile: open", more: ["shut.yaml": text])
    let line = try #require(found.first { $0.hasPrefix("limited profiles: ") && $0.contains("shut.yaml:4") })
    #expect(line.contains("process"), "\(line)")
  }

  @Test(
    "a name that is no profile's is told with the place that has it",
    arguments: [
      ("defaultProfile: nosuch", "missing profiles: profile \"nosuch\" of defaultProfile cannot be had: "),
      (
        "bindings: [{name: payments, namespaces: [p], profile: nosuch}]",
        "missing profiles: profile \"nosuch\" of binding \"payments\" cannot be had: profile \"nosuch\" does not exist"
      ),
      (
        "bindings: [{profile: nosuch}]", "missing profiles: profile \"nosuch\" of binding \"bindings[0]\" cannot be had"
      ),
      ("allowedProfiles: [open, nosuch]", "limited profiles: profile \"nosuch\" of allowedProfiles cannot be had"),
      (
        "bindings: [{name: a, namespaces: [p], allowedProfiles: [nosuch]}]",
        "limited profiles: profile \"nosuch\" of allowedProfiles of binding \"a\" cannot be had"
      ),
      (
        "defaultProfile: nosuch\nallowedProfiles: [nosuch]\nbindings: [{name: a, profile: nosuch}]",
        "missing profiles: profile \"nosuch\" of defaultProfile, binding \"a\", allowedProfiles cannot be had"
      ),
    ])
  func noProfile(configuration: String, expected: String) throws {
    let found = try findings(configuration)
    #expect(found.count == 2 && found[0].hasPrefix(expected), "\(found)")
  }

  @Test("unconfined is no profile")
  func unconfined() throws {
    let text =
      "defaultProfile: unconfined\nallowedProfiles: [unconfined]\nbindings: [{namespaces: [a], profile: unconfined}]"
    #expect(try findings(text) == [sum])
  }

  @Test("what this node's tier cannot enforce is refused, with the reason")
  func tier() throws {
    let reason = "is refused on this node: minimumTier lsm cannot be enforced: this node has tier signal (why)"
    let bound = try findings("allowedProfiles: []\nbindings: [{name: a, profile: floor}]", tier: .signal)
    #expect(bound.count == 2 && bound[0].hasPrefix("missing profiles: profile \"floor\" of binding \"a\" \(reason)"))
    let listed = try findings("allowedProfiles: [floor]", tier: .signal)
    #expect(
      listed.count == 2 && listed[0].hasPrefix("limited profiles: profile \"floor\" of allowedProfiles \(reason)"))
    let free = try findings("", tier: .signal)
    #expect(free.contains { $0.hasPrefix("limited profiles: profile \"floor\" \(reason)") }, "\(free)")
  }

  @Test("a profile that nobody can get is not judged")
  func unreachable() throws { #expect(try findings("allowedProfiles: []", tier: .signal) == [sum]) }

  @Test("failurePolicy: Ignore starts the container, and what is not enforced is told")
  func ignoring() throws {
    let found = try findings("allowedProfiles: []\ndefaultProfile: ignoring", tier: .signal)
    #expect(found.count == 2, "\(found)")
    #expect(
      found[0].hasPrefix(
        "limited profiles: profile \"ignoring\" of defaultProfile is not wholly enforced on this node: "))
  }

  @Test(
    "a seccomp filter is judged by containerd's version",
    arguments: [
      ("default", "2.3.0", nil), ("filter", "2.2.7", nil), ("filter", "2.2.0", nil),
      ("default", "2.1.9", "no seccomp filter can be set: containerd 2.1.9 ignores a seccomp policy"),
      ("filter", "1.7.24~ds1", "no seccomp filter can be set: containerd 1.7.24~ds1 ignores a seccomp policy"),
    ] as [(String, String, String?)])
  func version(profile: String, containerd: String, reason: String?) throws {
    let found = try findings("allowedProfiles: []\ndefaultProfile: \(profile)", containerd: containerd)
    #expect(found.count == (reason == nil ? 1 : 2), "\(found)")
    if let reason {
      #expect(
        found[0].hasPrefix("missing profiles: profile \"\(profile)\" of defaultProfile is refused on this node: "))
      #expect(found[0].contains(reason))
    }
  }

  @Test("an errno of RuntimeDefault needs containerd 2.3")
  func errno() throws {
    let found = try findings("allowedProfiles: []\ndefaultProfile: default", containerd: "2.2.7")
    #expect(found.count == 2 && found[0].contains("needs NRI 0.12 (containerd 2.3)"), "\(found)")
  }

  @Test("newExecutables needs roots that are overlays")
  func overlay() throws {
    let text = "allowedProfiles: []\ndefaultProfile: new"
    #expect(try findings(text) == [sum])
    let found = try findings(text, snapshotter: "native")
    #expect(found.count == 2 && found[0].contains("process.newExecutables Block cannot be enforced"), "\(found)")
  }

  @Test("what is not known is not judged, and said")
  func unknown() throws {
    let found = try findings("defaultProfile: floor", tier: nil, containerd: "unreleased")
    #expect(
      found == [sum + "; not judged by the tier and the runtime's version, which could not be found out"])
  }

  @Test("a broken profile is told with file and line")
  func broken() throws {
    let found = try findings("", more: ["broken.yaml": "kind: Nothing\n", "old.yml": ""])
    #expect(found.contains { $0.hasPrefix("missing profiles: ") && $0.contains("/broken.yaml:1: ") }, "\(found)")
    #expect(found.contains { $0.contains("/old.yml is not read; rename it") }, "\(found)")
  }

  @Test("a folder that is not there is told")
  func noFolder() throws {
    let node = TestNode()
    #expect(
      node.findings(.profiles)
        == ["limited profiles: there is no folder /etc/stockade/profiles -> put profiles there (config/profiles)"])
  }
}

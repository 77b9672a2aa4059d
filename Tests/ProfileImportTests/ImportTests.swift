import Policy
import ProfileImport
import Seccomp
import System
import Testing

/// Policies of other programs, and the profiles that they become.
struct ImportTests {
  @Test("a policy becomes the profile and the notes that stand beside it", arguments: Policies.names)
  func expected(_ name: String) throws {
    let expected = try Files.text("\(Policies.folder)/\(name).expected")
    #expect(try imported(file: name).whole == expected)
  }

  @Test("what is written is a profile that a node takes", arguments: Policies.names)
  func isAccepted(_ name: String) throws {
    let found = try imported(file: name)
    guard found.status != 1 else { return }
    #expect(!found.profiles.isEmpty)
    for profile in found.profiles {
      let read = try parsed(profile)
      #expect(read.name == profile.name)
      if let section = read.seccomp {
        let problems = problems(of: section, profilesFolder: "/", mode: .enforce, environment: environment)
        #expect(problems.isEmpty)
      }
    }
  }

  @Test(
    "a filter that is written does what its file does",
    arguments: ["seccomp-plain.json", "seccomp-docker.json", "seccomp-podman.json"])
  func sameFilter(_ name: String) throws {
    let written = try parsed(try imported(file: name).profiles[0]).seccomp
    let file = SeccompSection(source: .localhost(name), location: Location(file: name, line: 1))
    #expect(try Self.answers(try #require(written)) == Self.answers(file))
  }

  /// What a node makes of a filter: the answer to each call, and the rest. A rule without conditions on arguments
  /// decides alone.
  private static func answers(_ section: SeccompSection) throws -> [String: Set<String>] {
    let filter = try resolve(
      section, profilesFolder: Policies.folder, mode: .enforce, environment: environment
    ).filter
    var answers = ["default": ["\(filter.defaultAction) \(filter.defaultErrno ?? 1) \(filter.architectures)"] as Set]
    var isDecided: Set<String> = []
    for rule in filter.syscalls {
      for name in rule.names where !isDecided.contains(name) {
        let answer = "\(rule.action) \(rule.errnoReturn ?? 1) \(rule.arguments)"
        if rule.arguments.isEmpty { isDecided.insert(name) }
        answers[name] = rule.arguments.isEmpty ? [answer] : (answers[name] ?? []).union([answer])
      }
    }
    return answers
  }

  @Test("of several files every error is told, and their profiles have names of their own")
  func several() throws {
    let names = ["kubearmor-broken.yaml", "unknown-kind.yaml", "kubearmor-cluster.yaml", "kubearmor-cluster.yaml"]
    let files = try names.map { (name: $0, bytes: try Policies.bytes($0)) }
    let found = ProfileImport(files, ImportOptions(), environment)
    #expect(found.status == 1)
    let broken = Set(found.problems.map(\.location.file))
    #expect(broken.isSuperset(of: ["kubearmor-broken.yaml", "unknown-kind.yaml"]))
    #expect(found.report.contains("2 documents become a profile named \"no-curl\""))
  }

  @Test("the name that is given is the profile's")
  func name() throws {
    var options = ImportOptions()
    options.name = "mine"
    #expect(try imported(file: "kubearmor-block-shells.yaml", options).profiles.map(\.name) == ["mine"])
    #expect(try imported(file: "seccomp-plain.json", options).profiles.map(\.name) == ["mine"])
  }

  @Test("a capability that the containers have lets its rules hold")
  func capabilities() throws {
    var options = ImportOptions()
    options.capabilities = ["CAP_SYS_ADMIN"]
    let found = try imported(file: "seccomp-docker.json", options)
    guard case .inline(let filter)? = try parsed(found.profiles[0]).seccomp?.source else {
      Issue.record("no filter")
      return
    }
    #expect(filter.syscalls.contains { $0.names == ["bpf", "mount"] })
    #expect(!filter.syscalls.contains { $0.names == ["clone"] })
  }

  @Test("a filter that stays in its file loses nothing")
  func localhost() throws {
    var options = ImportOptions()
    (options.localhost, options.capabilities) = (true, ["CAP_SYS_ADMIN"])
    let found = try imported(file: "seccomp-docker.json", options)
    let section = try parsed(found.profiles[0]).seccomp
    #expect(found.status == 0 && section?.source == .localhost("seccomp-docker.json"))
    #expect(section?.addedCapabilities == ["CAP_SYS_ADMIN"])
    #expect(try imported(file: "spo-block.yaml", options).status == 1)
  }

  @Test(
    "a filter that no node reads from its file is not left there",
    arguments: [
      ("filter.yaml", "defaultAction: SCMP_ACT_ERRNO\n"),
      ("filter.json", "{\"defaultAction\": \"SCMP_ACT_ERRNO\"}\n---\n{\"defaultAction\": \"SCMP_ACT_ERRNO\"}\n"),
      ("list.json", #"{"kind": "List", "items": [{"defaultAction": "SCMP_ACT_ERRNO"}]}"#),
      ("-", #"{"defaultAction": "SCMP_ACT_ERRNO"}"#),
    ])
  func noFile(_ name: String, _ text: String) {
    var options = ImportOptions()
    options.localhost = true
    let found = imported(text, name: name, options)
    #expect(found.status == 1 && found.profiles.isEmpty, "\(found.report)")
  }

  @Test("what stands beside a policy is told, and the policy is imported")
  func mixed() throws {
    let found = imported(
      "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\n---\n"
        + kubeArmor("spec: {process: {matchPaths: [{path: /bin/sh}]}}"))
    #expect(found.profiles.count == 1 && found.status == 3)
    #expect(found.report.contains("p.yaml:1: lost: the document: the kind \"Deployment\" is not known"))
  }

  @Test("a file has at most so many documents", arguments: [(256, true), (257, false)])
  func documents(_ count: Int, _ fits: Bool) {
    let documents = (0..<count).map {
      kubeArmor("spec: {process: {matchPaths: [{path: /bin/\($0)}]}}").replacing("name: p", with: "name: p\($0)")
    }
    let found = imported(documents.joined(separator: "---\n"))
    #expect(found.profiles.count == (fits ? count : 0))
    #expect(found.problems.isEmpty == fits)
  }

  @Test("a profile has at most so many rules", arguments: [(4096, true), (4097, false)])
  func rules(_ count: Int, _ fits: Bool) {
    let paths = (0..<count).map { "{path: /bin/\($0)}" }.joined(separator: ", ")
    let found = imported(kubeArmor("spec: {process: {matchPaths: [\(paths)]}}"))
    #expect(found.problems.isEmpty == fits, "\(found.report)")
  }

  @Test("beyond a thousand notes the rest is counted, and counts as lost")
  func manyNotes() {
    let keys = (0..<1200).map { "  unknown\($0): 1\n" }.joined()
    let found = imported(kubeArmor("spec:\n  process: {matchPaths: [{path: /bin/sh}]}\n" + keys))
    #expect(found.notes.count == 1001 && found.status == 3)
    #expect(found.report.contains(": 200 more parts are not"))
  }
}

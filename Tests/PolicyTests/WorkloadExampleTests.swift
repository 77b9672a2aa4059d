import Policy
import System
import Testing

/// docs/workloads.md has a profile for each workload. `Tests/workloads/run` runs the workloads under them.
@Suite struct WorkloadExampleTests {
  private static let document = "docs/workloads.md"

  /// Each example, and as the document says that it is written for the tiers `lsm` and `fmod_ret`.
  private static func profiles(betterTier: Bool) throws -> ResolvedProfiles {
    try withFolder { folder in
      for name in try Files.names(in: "\(root)/config/profiles") {
        try Files.write(Files.text("\(root)/config/profiles/\(name)"), to: "\(folder)/\(name)")
      }
      for (index, example) in try examples(of: document).enumerated() where example.contains("SecurityProfile") {
        let text = betterTier ? example.replacing("extends: [signal-", with: "extends: [") : example
        try Files.write(text, to: "\(folder)/example-\(index).yaml")
      }
      var store = ResolvedProfiles(folder: folder)
      #expect(store.reload().messages == [])
      return store
    }
  }

  private static let names = [
    "nginx-site", "redis", "redis-server", "postgres", "java-service", "gunicorn-service", "node-service",
    "nightly-report", "site-setup", "gpu-job",
  ]

  @Test("each example loads beside the profiles of config/profiles, and a node of its tier starts it", arguments: names)
  func load(name: String) throws {
    let signal = try Self.profiles(betterTier: false).profile(named: name)
    #expect(signal.assess(node: .init(tier: .signal)).refusal == nil)
    #expect(signal.assess(node: .init(tier: .lsm)).gaps == [])
    let better = try Self.profiles(betterTier: true).profile(named: name)
    #expect(better.assess(node: .init(tier: .lsm)).gaps == [])
    #expect(better.assess(node: .init(tier: .signal)).refusal != nil)
  }

  @Test("no example is left out here")
  func all() throws {
    let blocks = try examples(of: Self.document)
    #expect(blocks.filter { $0.contains("kind: SecurityProfile") }.count == Self.names.count)
    #expect(blocks.filter { $0.contains("kind: Pod") }.count == 1 && blocks.count == Self.names.count + 1)
  }

  @Test("the pod's annotations choose profiles that are there, for containers that it has")
  func pod() throws {
    let text = try #require(try examples(of: Self.document).first { $0.contains("kind: Pod") })
    let profiles = try Self.profiles(betterTier: false)
    var keys: [String] = []
    for line in text.split(separator: "\n") where line.contains(Annotation.all) {
      let words = line.split(separator: " ").map(String.init)
      _ = try profiles.profile(named: words[1])
      keys.append(String(words[0].dropLast()))
    }
    #expect(keys == [Annotation.all, Annotation.container + "setup"])
    #expect(text.contains("- name: setup\n"))
  }

  @Test("the table has a column for each profile that ships and is meant for containers")
  func columns() throws {
    let line = try #require(
      try Files.text("\(root)/\(Self.document)").split(separator: "\n").first { $0.hasPrefix("| workload |") })
    let columns = line.split(separator: "`").enumerated().filter { $0.offset % 2 == 1 }.map { String($0.element) }
    var store = ResolvedProfiles(folder: "\(root)/config/profiles")
    #expect(store.reload().messages == [])
    #expect(columns.sorted() == store.names.filter { $0 != "nginx-image" }.sorted())
  }

  @Test(
    "an exec is judged as the document says",
    arguments: [
      ("postgres", "/docker-entrypoint-initdb.d/20-rows.sh", true, Action.allow),
      ("postgres", "/usr/lib/postgresql/15/bin/initdb", false, .allow),
      ("postgres", "/usr/lib/postgresql/15/bin/initdb", true, .block), ("redis", "/usr/bin/setpriv", false, .allow),
      ("redis-server", "/usr/bin/setpriv", false, .block), ("nginx-site", "/usr/bin/dpkg-query", false, .allow),
      ("nginx-site", "/docker-entrypoint.d/..2026/40-mounted.sh", true, .allow),
      ("nginx-site", "/usr/bin/dpkg-query", true, .block), ("site-setup", "/usr/bin/cp", false, .allow),
      ("gpu-job", "/usr/lib/gpu/libcuda.so.1", true, .allow),
      ("gpu-job", "/usr/lib/other/libcuda.so.1", true, .block),
    ])
  func execs(name: String, path: String, isNew: Bool, action: Action) throws {
    for betterTier in [false, true] {
      let profile = try Self.profiles(betterTier: betterTier).profile(named: name)
      #expect(profile.decideExec(path: path, isNew: isNew).action == action)
    }
  }
}

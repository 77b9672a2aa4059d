import Policy
import System
import Testing

/// docs/profile-reference.md says below its examples what they decide.
@Suite struct ReferenceExampleTests {
  /// The profile of this name among the examples of the reference.
  private func example(_ name: String) throws -> Profile {
    let text = try examples(of: "docs/profile-reference.md").first { $0.contains("metadata: {name: \(name)}") }
    return try withFolder { folder in
      let file = "\(folder)/example.yaml"
      try Files.write(try #require(text), to: file)
      return try Profile.load(file: file)
    }
  }

  @Test(
    "an exec is judged as the reference says below its example",
    arguments: [
      ("most-specific", "/opt/other/run", Action.block), ("most-specific", "/opt/shop/run", .allow),
      ("most-specific", "/opt/shop/debug", .audit), ("most-specific", "/opt/shop/bin/run", .block),
      ("most-specific", "/usr/bin/id", .allow), ("equally-specific", "/srv/run", .block),
      ("database", "/usr/bin/psql", .allow), ("no-perl", "/usr/bin/perl", .block),
      ("python-service", "/usr/bin/git", .allow), ("python-service", "/usr/bin/id", .block),
      ("no-fileless", "/usr/bin/agent", .allow), ("quiet-web", "/usr/bin/find", .block),
      ("no-curl", "/usr/bin/curl", .block),
    ])
  func documentedExecs(name: String, path: String, action: Action) throws {
    #expect(try (name == "quiet-web" ? quietWeb() : example(name)).decideExec(path: path).action == action)
  }

  /// It extends a profile of config/profiles.
  private func quietWeb() throws -> Profile {
    let text = try examples(of: "docs/profile-reference.md").first { $0.contains("metadata: {name: quiet-web}") }
    return try withFolder { folder in
      for name in try Files.names(in: "\(root)/config/profiles") {
        try Files.write(Files.text("\(root)/config/profiles/\(name)"), to: "\(folder)/\(name)")
      }
      try Files.write(try #require(text), to: "\(folder)/quiet-web.yaml")
      return try Profile.load(file: "\(folder)/quiet-web.yaml")
    }
  }

  @Test("new, fileless and first programs, and arguments, are judged as the reference says below its examples")
  func documentedPrograms() throws {
    let script = "/docker-entrypoint-initdb.d/10-tables.sh"
    #expect(try example("database").decideExec(path: "/tmp/psql", isNew: true).action == .block)
    #expect(try example("database").decideExec(path: script, isNew: true).action == .allow)
    #expect(try example("no-fileless").decideExec(path: "/usr/bin/agent", isFileless: true).action == .block)
    for path in ["/app/serve", "/usr/bin/env"] {
      #expect(try example("python-service").decideExec(path: path, isEntrypoint: true).action == .allow)
    }
    #expect(
      try example("python-service").decideExec(path: "/app/serve", isNew: true, isEntrypoint: true).action == .block)
    #expect(
      try example("python-service").decideExec(path: "/usr/bin/python3.11", isRunByEnv: true).action == .allow)
    #expect(try example("no-reverse-shell").decideMapping(path: "/usr/bin/bash").action == .block)
    let commands: [([String], Action)] = [
      (["bash", "-c", "cat </dev/tcp/10.0.0.1/80"], .block), (["bash", "-i"], .audit), (["bash", "-l"], .allow),
      (["bash", String(repeating: "a", count: 4096)], .block),
    ]
    for (arguments, action) in commands {
      #expect(
        try example("no-reverse-shell").decideExec(path: "/usr/bin/bash", arguments: arguments).action == action)
    }
    #expect(try example("learn").applyingMode().decideExec(path: "/usr/bin/id").action == .audit)
  }

  @Test(
    "an access to a file is judged as the reference says below its example",
    arguments: [
      ("/etc/secrets/key.pem", [Access.read], FileReach.file, Action.block),
      ("/etc/secrets/public.pem", [.read], .file, .allow), ("/etc/secrets/public.pem", [.write], .file, .block),
      ("/usr/bin/id", [.read], .file, .allow), ("/etc/secrets", [.read], .file, .allow),
      // A new name below /usr, and the folder above a rule's, renamed.
      ("/usr/bin/tool", [.write], .names, .block), ("/etc", [.read, .write], .tree, .block),
    ])
  func documentedFiles(path: String, access: [Access], reach: FileReach, action: Action) throws {
    #expect(try example("keep-secrets").decideFile(path: path, access: Set(access), reach: reach).action == action)
  }

  @Test("a connection is judged as the reference says below its examples")
  func documentedNetwork() throws {
    let office = try example("office")
    let peers: [([UInt8], UInt16, Action)] = [
      ([10, 2, 0, 1], 443, .allow), ([10, 2, 0, 1], 22, .block), ([10, 9, 9, 9], 22, .audit),
      ([10, 1, 0, 1], 443, .block), ([UInt8](repeating: 0, count: 10) + [255, 255, 10, 2, 0, 1], 443, .allow),
    ]
    for (address, port, action) in peers {
      #expect(office.decideEgress(address: address, port: port, transport: .tcp).action == action)
    }
    let server = try example("web-server")
    #expect(server.decideEgress(address: [198, 51, 100, 7], port: 8080, transport: .tcp).action == .block)
    #expect(server.decideIngress(address: [198, 51, 100, 7], port: 8080, transport: .tcp).action == .allow)
    #expect(server.decideIngress(address: [198, 51, 100, 7], port: 9090, transport: .tcp).action == .block)
    #expect(server.decideBind(port: 9090, transport: .tcp).action == .allow)
    #expect(server.decideBind(port: 7070, transport: .tcp).action == .block)
    let resolver = try example("resolver")
    #expect(resolver.decideBind(port: 30000, transport: .udp).action == .allow)
    #expect(resolver.decideBind(port: 30000, transport: .tcp).action == .block)
    #expect(resolver.decideIngress(address: [198, 51, 100, 7], port: 30000, transport: .udp).action == .block)
  }

  @Test("what a signal node enforces of the examples is what the reference says")
  func documentedTiers() throws {
    let node = NodeCapabilities(tier: .signal)
    for name in ["best-effort", "one-program", "no-curl", "learn"] {
      let assessment = try example(name).assess(node: node)
      #expect(assessment.refusal == nil, "\(name)")
      #expect(assessment.gaps.isEmpty == (name == "one-program"), "\(name)")
    }
    #expect(try example("learn").assess(node: node).gaps.allSatisfy { $0.coverage == .partial })
  }
}

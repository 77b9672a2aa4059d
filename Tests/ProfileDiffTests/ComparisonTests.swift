import Compilation
import Explanation
import Policy
import PolicyTesting
import Seccomp
import Testing

@testable import ProfileDiff

private func compare(_ a: Profile, _ b: Profile) throws -> Comparison {
  func compared(_ profile: Profile) throws -> ComparedProfile {
    ComparedProfile(profile, filter: nil, binds: try PolicyCompiler.compile(profile).binds)
  }
  return Comparison(try compared(a), try compared(b))
}

private func profile(_ name: String, _ change: (inout Profile) -> Void) -> Profile {
  var profile = Profile(name: name, file: "\(name).yaml")
  change(&profile)
  return profile
}

private func sentences(
  _ a: (inout Profile) -> Void, _ b: (inout Profile) -> Void
) throws -> [String] {
  try compare(profile("a", a), profile("b", b)).differences.map { "\($0.section): \($0.sentence)" }
}

@Suite("what two profiles say differently")
struct ComparisonTests {
  @Test("of programs: by path, by folder, and by what is known of the file")
  func programs() throws {
    let a: (inout Profile) -> Void = { $0.process = .section(.block, .directory("/usr/bin", .allow)) }
    let found1 = try sentences(a, a)
    #expect(found1 == [])
    let found2 = try sentences(a) {
      $0.process = .section(.block, .directory("/usr/bin", .allow), .path("/usr/bin/su", .block))
    }
    #expect(found2 == ["process: A allows exec and mapping of /usr/bin/su, which B blocks"])
    let found3 = try sentences(a) { $0.process = .section(.block, .directory("/usr/bin", .allow, recursive: true)) }
    #expect(found3 == ["process: B allows exec of other files in folders of /usr/bin/, which A blocks"])
    let found4 = try sentences(a) {
      $0.process = .section(.block, .directory("/usr/bin", .allow), allowEntrypoint: true)
    }
    #expect(
      found4 == [
        "process: B allows exec as the entrypoint of all other files, which A blocks"
      ])
    let found5 = try sentences(a) {
      $0.process = .section(.block, .directory("/usr/bin", .allow, new: true), new: .block)
    }
    #expect(
      found5 == [
        "process: A allows mapping of all other files (new ones), which B blocks"
      ])
    let found6 = try sentences({ $0.process = .section(.allow) }, { $0.process = .section(.allow, fileless: .block) })
    #expect(found6 == ["process: A allows exec and mapping of files without a path, such as memfds, which B blocks"])
  }

  @Test("rules that are written otherwise and mean the same are none")
  func sameMeaning() throws {
    let found7 = try sentences(
      { $0.process = .section(.block, .path("/a", .allow), .directory("/b", .allow, recursive: true)) },
      {
        $0.process = .section(
          .block, .directory("/b", .allow, recursive: true), .directory("/b/c", .allow, recursive: true),
          .path("/b/x", .allow), .path("/a", .allow))
      })
    #expect(found7 == [])
    let found8 = try sentences(
      { $0.network.egress = .section(.block, .rule(.allow, "10.0.0.0/8", tcp: 1...10)) },
      {
        $0.network.egress = .section(
          .block, .rule(.allow, "10.128.0.0/9", tcp: 1...4), .rule(.allow, "10.0.0.0/9", tcp: 1...10),
          .rule(.allow, "10.128.0.0/9", tcp: 5...10), .rule(.block, "192.0.2.0/24"))
      })
    #expect(found8 == [])
    let found9 = try sentences(
      { $0.fileAccess = .section([.directory("/etc", .block, recursive: true)]) },
      {
        $0.fileAccess = .section([
          .directory("/etc", .block, recursive: true), .path("/etc/shadow", .block), .directory("/etc/ssl", .block),
        ])
      })
    #expect(found9 == [])
  }

  @Test("paths that only look alike are not the same")
  func alike() throws {
    let (composed, decomposed) = ("/bin/\u{e4}", "/bin/a\u{308}")
    let ofPrograms = try sentences(
      { $0.process = .section(.block, .path(composed, .allow)) },
      { $0.process = .section(.block, .path(decomposed, .allow)) })
    #expect(
      ofPrograms.map { Array($0.utf8) }
        == [
          "process: B allows exec of \(decomposed), which A blocks",
          "process: A allows exec of \(composed), which B blocks",
        ].map { Array($0.utf8) })
    let ofFolders = try sentences(
      { $0.fileAccess = .section([.directory(composed, .block), .directory(decomposed, .audit)]) },
      { $0.fileAccess = .section([.directory(composed, .block)]) })
    let ofFolder = "file: B allows reading and writing of other files right in \(decomposed)/, which A only audits"
    #expect(ofFolders.contains { ExactText($0) == ExactText(ofFolder) })
    let text = { (text: String) in ArgumentRule(kind: .equals, text: text, index: 1, action: .block) }
    let ofArguments = try sentences(
      { profile in
        var rule = PathRule.path("/bin/sh", .allow)
        rule.arguments = [text(composed)]
        profile.process = .section(.block, rule)
      },
      { profile in
        var rule = PathRule.path("/bin/sh", .allow)
        rule.arguments = [text(decomposed)]
        profile.process = .section(.block, rule)
      })
    #expect(ofArguments.count == 2)
  }

  @Test("of arguments: an example says which")
  func arguments() throws {
    let sh: (ArgumentRule...) -> (inout Profile) -> Void = { rules in
      { profile in
        var rule = PathRule.path("/bin/sh", .allow)
        rule.arguments = rules
        profile.process = .section(.block, rule)
      }
    }
    let dashC = ArgumentRule(kind: .equals, text: "-c", index: 1, action: .block)
    let found10 = try sentences(sh(), sh(dashC))
    #expect(
      found10 == [
        "process: A allows mapping of /bin/sh, which B blocks",
        "process: A allows exec of /bin/sh with the arguments argv[1]=\"-c\", which B blocks",
        "process: A allows exec of /bin/sh with arguments of more than 4096 bytes, which B blocks",
      ])
    let found11 = try sentences(sh(dashC), sh(dashC))
    #expect(found11 == [])
    let twice = try compare(profile("a", sh(dashC)), profile("b", sh(dashC, dashC)))
    #expect(twice.differences.isEmpty && twice.notes.count == 1)
  }

  @Test("of files: by access, and of what moves with a folder")
  func files() throws {
    var write = PathRule.directory("/etc", .block, recursive: true)
    write.access = [.write]
    let found12 = try sentences({ $0.fileAccess = .section([]) }, { $0.fileAccess = .section([write]) })
    #expect(
      found12 == [
        "file: A allows writing of other files below /etc/, which B blocks",
        "file: A allows reading and writing of paths of more than 4096 bytes, which B blocks",
        "file: A allows moving or replacing of the folder /etc, which B blocks",
      ])
    let found13 = try sentences(
      { $0.fileAccess = .section([.path("/a/b", .audit)]) }, { $0.fileAccess = .section([.path("/a/b", .block)]) }
    )
    .first
    #expect(found13 == "file: A only audits reading and writing of /a/b, which B blocks")
  }

  @Test("of connections: by prefix, protocol and port")
  func network() throws {
    let found14 = try sentences(
      { $0.network.egress = .section(.block, .rule(.allow, "10.0.0.0/8", tcp: 443...443)) },
      {
        $0.network.egress = .section(
          .block, .rule(.allow, "10.0.0.0/8", except: ["10.1.0.0/16"], tcp: 443...445), .rule(.allow, "fd00::/8"))
      })
    #expect(
      found14 == [
        "network.egress: B allows connections to the rest of 10.0.0.0/8 by TCP 444-445, which A blocks",
        "network.egress: B allows connections to fd00::/8, which A blocks",
        "network.egress: A allows connections to 10.1.0.0/16 by TCP 443, which B blocks",
      ])
    let found15 = try sentences({ _ in }, { $0.network.ingress = .section(.block, .rule(.allow, nil, tcp: 80...80)) })
    #expect(
      found15 == [
        "network.ingress: A allows connections from all IPv4 addresses, all IPv6 addresses by TCP 0-79, TCP 81-65535, "
          + "UDP, SCTP, other protocols, which B blocks",
        "network.bind: A allows bind to TCP 1-79, which B blocks",
        "network.bind: A allows bind to TCP 81-65535, which B blocks",
        "network.bind: A allows bind to UDP 1-65535, which B blocks",
      ])
  }

  @Test("of the kernel, and of settings")
  func kernel() throws {
    let found16 = try sentences({ $0.kernelBlock = [.mount, .bpf] }, { $0.kernelBlock = [.bpf, .ptrace] })
    #expect(
      found16 == [
        "kernel: B allows use of mount, which A blocks", "kernel: A allows use of ptrace, which B blocks",
      ])
    let found17 = try sentences({ $0.socketFamilies = [.inet, .unix] }, { $0.socketFamilies = [.inet] })
    #expect(found17 == ["kernel: A allows sockets of the families unix, which B blocks"])
    let found18 = try sentences({ $0.otherContainers = .allow }, { $0.mode = .audit })
    #expect(
      found18 == [
        "profile: mode is Enforce in A, and Audit in B",
        "kernel: A allows what other containers do to its processes, which B only audits",
      ])
    let filter: (Bool) -> (inout Profile) -> Void = { replacesPod in
      {
        $0.seccomp = SeccompSection(source: .runtimeDefault, location: Location(file: "", line: 1))
        $0.seccomp?.replacesPod = replacesPod
      }
    }
    let replaced = try sentences(filter(false), filter(true))
    #expect(replaced == ["profile: seccomp.replacesPod is false in A, and true in B"])
    let found19 = try sentences(
      { ($0.failurePolicy, $0.minimumTier) = (.ignore, .lsm) }, { ($0.acceptPartial, $0.requireFilter) = (true, true) })
    #expect(
      found19 == [
        "profile: minimumTier is lsm in A, and none in B", "profile: acceptPartial is false in A, and true in B",
        "profile: failurePolicy is Ignore in A, and Fail in B", "profile: requireFilter is false in A, and true in B",
      ])
  }

  @Test("comes with the rule and line of both sides, as text and as JSON")
  func places() throws {
    let comparison = try compare(
      profile("a") { $0.process = .section(.block) },
      profile("b") { $0.process = .section(.block, .path("/x", .allow)) })
    #expect(
      comparison.table == """
        A: a.yaml: profile a
        B: b.yaml: profile b
        process: B allows exec of /x, which A blocks (test.yaml:1: process.rules[0] Allow /x; a.yaml: process.defaultAction Block)

        """)
    #expect(
      comparison.json.text.contains(
        #""section":"process","subject":"exec of /x","letsMore":"b","a":{"says":"blocks","decider":"process.defaultAction Block","file":null"#
      ))
  }
}

@Suite("what two system call filters say differently")
struct FilterDifferenceTests {
  private func compared(_ rules: [SeccompFilter.Rule]) throws -> ComparedFilter {
    let environment = try SeccompEnvironment.thisNode()
    var filter = SeccompFilter(defaultAction: "SCMP_ACT_ALLOW")
    filter.architectures = [environment.architecture.ociName]
    filter.syscalls = rules
    let section = SeccompSection(source: .inline(filter), location: Location(file: "web.yaml", line: 5))
    let resolved = try resolve(section, profilesFolder: "/", mode: .enforce, environment: environment)
    return try ComparedFilter(resolved, environment.architecture)
  }

  private func rule(_ name: String, _ action: String, flag: UInt64? = nil) -> SeccompFilter.Rule {
    var rule = SeccompFilter.Rule(names: [name], action: action)
    if let flag { rule.arguments = [.init(index: 0, value: flag, valueTwo: flag, op: "SCMP_CMP_MASKED_EQ")] }
    return rule
  }

  @Test("is told call by call, with arguments where they matter")
  func calls() throws {
    let a = try compared([rule("mount", "SCMP_ACT_ERRNO"), rule("unshare", "SCMP_ACT_ERRNO", flag: 0x1000_0000)])
    let b = try compared([rule("unshare", "SCMP_ACT_ERRNO"), rule("mount", "SCMP_ACT_KILL_PROCESS")])
    #expect(FilterDifference.all(a, a) == [])
    let found = FilterDifference.all(a, b)
    #expect(found.map(\.name) == ["mount", "unshare"])
    #expect(found.first?.a == .errno(1) && found.first?.b == .killProcess && found.first?.suffix == "")
    #expect(found.last?.a == .allow && found.last?.suffix == " with arguments such as 0x0")
  }

  @Test("says of which calls not all arguments were tried")
  func cut() throws {
    let rules = (1...2).map { number -> SeccompFilter.Rule in
      var rule = SeccompFilter.Rule(names: ["mmap"], action: "SCMP_ACT_ERRNO")
      rule.arguments = (0..<6).map { .init(index: $0, value: UInt64(10 * number), valueTwo: 0, op: "SCMP_CMP_EQ") }
      return rule
    }
    let (one, two) = (try compared([rules[0]]), try compared(rules))
    #expect(FilterDifference.cut(one, two) == ["mmap"])
    #expect(FilterDifference.cut(one, try compared([rule("bpf", "SCMP_ACT_ERRNO")])) == ["mmap"])
    let few = try compared([rule("mmap", "SCMP_ACT_ERRNO", flag: 1)])
    #expect(FilterDifference.cut(few, few) == [])
    let (a, b) = (profile("a") { _ in }, profile("b") { _ in })
    let comparison = Comparison(
      ComparedProfile(a, filter: one, binds: []), ComparedProfile(b, filter: two, binds: []))
    #expect(comparison.notes.contains { $0.hasPrefix("of the calls mmap the conditions tell apart more than 4096 ") })
  }

  @Test("is none if the same is written otherwise")
  func sameMeaning() throws {
    let a = try compared([rule("mount", "SCMP_ACT_ERRNO"), rule("bpf", "SCMP_ACT_ERRNO")])
    var both = rule("bpf", "SCMP_ACT_ERRNO")
    both.names.append("mount")
    #expect(FilterDifference.all(a, try compared([both])) == [])
  }
}

extension FileSection {
  fileprivate static func section(_ rules: [PathRule]) -> FileSection {
    var section = FileSection()
    section.rules = rules
    return section
  }
}

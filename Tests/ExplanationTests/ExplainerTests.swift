import Policy
import PolicyTesting
import Seccomp
import Testing

@testable import Explanation

/// A profile with something to say of everything.
private let profile: Profile = {
  var profile = Profile(name: "web", file: "web.yaml")
  profile.process = .section(
    .block, .path("/bin/sh", .block), .directory("/bin", .allow, recursive: true), .directory("/bin", .audit),
    .directory("/opt", .allow),
    .path("/bin/env", .allow, ArgumentRule(kind: .prefix, text: "-S", index: 1, action: .block)),
    new: .block, fileless: .block, allowEntrypoint: true)
  var secrets = PathRule.directory("/etc/secrets", .block, recursive: true)
  secrets.access = [.write]
  var file = FileSection()
  file.rules = [secrets]
  profile.fileAccess = file
  profile.network.egress = .section(
    .block, .rule(.allow, "10.0.0.0/8", except: ["10.9.0.0/16"], tcp: 443...443), .rule(.block, "10.1.0.0/16"),
    .rule(.allow, nil, udp: 53...53))
  profile.network.ingress = .section(.block, .rule(.allow, "10.0.0.0/8", tcp: 80...80))
  profile.kernelBlock = [.mount]
  profile.socketFamilies = [.inet, .inet6]
  return profile
}()

private func explained(
  _ words: String, _ change: (inout Explainer) -> Void = { _ in }
) throws -> Explanation {
  var explainer = Explainer(profile, filter: .unknown(why: "no filter"), node: NodeCapabilities(tier: .lsm))
  change(&explainer)
  return explainer.explain(try Operation(words.split(separator: " ").map(String.init)))
}

@Suite("an explanation")
struct ExplainerTests {
  @Test(
    "names what decides, and why",
    arguments: [
      ("exec /bin/sh", .block, "process.rules[0] Block /bin/sh", "an exact path comes before every directory"),
      ("exec /bin/ls", .audit, "process.rules[2] Audit /bin", "of rules of equal rank Block comes before Audit"),
      ("exec /bin/x/ls", .allow, "process.rules[1] Allow /bin", "it is the only rule that matches"),
      ("exec /sbin/x", .block, "process.defaultAction Block", "no rule matches"),
      ("--entrypoint exec /sbin/x", .allow, "process.allowEntrypoint true", "the entrypoint may run"),
      (
        "--new exec /bin/x/ls", .block, "process.newExecutables Block",
        "before process.rules[1], which has no new: true"
      ),
      ("--fileless exec /bin/ls", .block, "process.fileless Block", "no rule overrides this"),
      ("exec /bin/env -S x", .block, "process.rules[4] Allow /bin/env, arguments[0] Block", "argument 1 prefix \"-S\""),
      ("exec /bin/env x", .allow, "process.rules[4] Allow /bin/env", "an exact path"),
      ("map /sbin/x", .allow, "process.defaultAction Block", "what is mapped need not be listed"),
      ("map /bin/env", .block, "process.rules[4] Allow /bin/env", "an exact path"),
      ("--write open /etc/secrets/a", .block, "file.rules[0] Block /etc/secrets", "the only rule"),
      ("open /etc/secrets/a", .allow, "file.defaultAction Allow", "no rule matches"),
      ("connect 10.2.0.1:443/tcp", .allow, "network.egress.rules[0] Allow 10.0.0.0/8 TCP 443", "the only rule"),
      ("connect 10.1.0.1:443/tcp", .block, "network.egress.rules[1] Block 10.1.0.0/16", "it has the longest prefix"),
      ("connect [::1]:53/udp", .allow, "network.egress.rules[2] Allow UDP 53", "the only rule"),
      ("connect 192.0.2.1/icmp", .block, "network.egress.defaultAction Block", "no rule matches"),
      ("accept 10.3.0.1 80/tcp", .allow, "network.ingress.rules[0] Allow 10.0.0.0/8 TCP 80", "the only rule"),
      ("bind 80/tcp", .allow, "network.ingress.rules[0] Allow 10.0.0.0/8 TCP 80", "the mildest that ingress says"),
      ("bind 81/tcp", .block, "network.ingress.defaultAction Block", "the mildest that ingress says"),
      ("bind 0/tcp", .allow, "port 0", "the kernel chooses the port"),
      ("bind icmp", .allow, "the protocol", "for TCP and UDP alone"),
      ("bind 0/sctp", .allow, "the protocol", "for TCP and UDP alone"),
      ("mount", .block, "kernel.block mount", "kernel.block lists it"),
      ("ptrace", .allow, "no kernel.block ptrace", "does not list it"),
      ("socket packet", .block, "kernel.sockets", "kernel.sockets does not list it"),
      ("socket inet", .allow, "kernel.sockets", "kernel.sockets lists it"),
      ("syscall mount", .allow, "no section seccomp", "no filter"),
    ] as [(String, Action, String, String)])
  func deciders(_ words: String, _ action: Action, _ decider: String, _ why: String) throws {
    let step = try #require(try explained(words).deciding)
    #expect((step.action, step.decider) == (action, decider))
    #expect(step.why.contains(why), "\(step.why)")
  }

  @Test("lists what matches in the order of rank, and what nearly matches")
  func lists() throws {
    let step = try #require(try explained("exec /bin/sh").deciding)
    #expect(
      step.candidates.map(\.rule).map { $0.prefix(16) } == ["process.rules[0]", "process.rules[2]", "process.rules[1]"])
    #expect(step.candidates.map(\.remark).first == "the first in rank")
    let near = try #require(try explained("exec /opt/a/sh").deciding).near.map { "\($0.rule.prefix(16)): \($0.remark)" }
    #expect(
      near == [
        "process.rules[0]: another path; links were resolved before",
        "process.rules[3]: is not recursive, and the path lies deeper",
      ])
    #expect(try explained("exec /opt").deciding?.near.first?.remark.hasPrefix("means what is in the directory") == true)
    #expect(try explained("exec /bin/env/x").deciding?.near.last?.remark.hasPrefix("means that path alone") == true)
    #expect(try explained("open /etc/secrets/a").deciding?.near.map(\.remark) == ["says nothing of Read"])
    #expect(
      try explained("connect 10.9.1.1:443/tcp").deciding?.near.map(\.remark) == [
        "excepts 10.9.0.0/16", "has other ports",
      ])
    #expect(try explained("connect 11.0.0.1:443/tcp").deciding?.near.first?.remark == "has other addresses")
  }

  @Test("cuts a long list, and says how much is left out")
  func cutLists() throws {
    var long = profile
    long.process?.rules = (0..<30).map { _ in .directory("/bin", .allow) }
    let step = try #require(try explained("exec /bin/ls") { $0.profile = long }.deciding)
    #expect(step.candidates.count == Explanation.listMax + 1)
    #expect(step.candidates.last?.rule == "10 more")
  }

  @Test("says what the caller sees")
  func effects() throws {
    #expect(try explained("exec /bin/sh").deciding?.effect == "EACCES")
    #expect(try explained("exec /bin/env -S").deciding?.effect == "SIGKILL before the first instruction")
    let signal = try explained("exec /bin/sh") { $0.node = NodeCapabilities(tier: .signal) }
    #expect(signal.deciding?.effect == "SIGKILL before the first instruction")
    #expect(try explained("connect 10.1.0.1:1/tcp").deciding?.effect == "EPERM")
    #expect(try explained("mount").deciding?.effect == "EPERM")
    #expect(try explained("exec /bin/ls").deciding?.effect == "it goes on, and is reported")
  }

  @Test("says what enforces it, and what is missing")
  func coverage() throws {
    #expect(try explained("exec /bin/sh").deciding?.enforcer == "tier lsm")
    let signal = try explained("exec /bin/sh") { $0.node = NodeCapabilities(tier: .signal) }
    #expect(signal.deciding?.coverage == .partial && signal.isStopped)
    #expect(signal.deciding?.gap.contains("only the final image") == true)
    #expect(signal.notes.contains { $0.hasPrefix("a container is refused here: profile \"web\"") })
    let none = try explained("mount") { $0.node = NodeCapabilities(tier: .signal) }
    #expect(none.deciding?.coverage == Explanation.Coverage.none && !none.isStopped && none.action == .block)
    #expect(none.table.hasPrefix("profile web: mount: Block, which this node does not enforce\n"))
    let unknown = try explained("mount") {
      $0.node = nil
      $0.nodeProblem = "it needs root"
    }
    #expect(unknown.deciding?.coverage == .unknown && unknown.isStopped)
    #expect(unknown.notes == ["what this node enforces is not known: it needs root"])
    let mapped = try explained("--new map /lib/x.so") { $0.node = NodeCapabilities(tier: .signal) }
    #expect(mapped.deciding?.gap == "tier signal does not judge what is mapped" && !mapped.isStopped)
  }

  @Test("of a script is about the script and its interpreter")
  func scripts() throws {
    let both = try explained("--interpreter /bin/env exec /bin/x/run -S")
    #expect(both.steps.map(\.decider) == ["process.rules[1] Allow /bin", "process.rules[4] Allow /bin/env"])
    // The script's path is the interpreter's first argument, so -S is its second.
    #expect(!both.isStopped)
    let signal = try explained("--interpreter /bin/env exec /bin/sh") { $0.node = NodeCapabilities(tier: .signal) }
    #expect(signal.steps[0].gap == "tier signal judges the interpreter of a script alone" && !signal.isStopped)
  }

  @Test("counts mode Audit and a temporary audit")
  func audits() throws {
    var audited = profile
    audited.mode = .audit
    for words in ["exec /bin/sh", "mount", "connect 10.1.0.1:1/tcp", "socket packet", "--write open /etc/secrets/a"] {
      let mode = try explained(words) { $0.profile = audited }
      #expect(mode.action == .audit && mode.deciding?.why.contains("mode: Audit only reports") == true, "\(words)")
      let temporary = try explained(words) { $0.auditedUntilNanoseconds = 0 }
      #expect(temporary.action == .audit, "\(words)")
      #expect(temporary.deciding?.why.contains("a temporary audit lets it pass until 1970-01-01T00:00:00") == true)
    }
    // What the rule says stays in its name.
    #expect(
      try explained("exec /bin/sh") { $0.profile = audited }.deciding?.decider == "process.rules[0] Block /bin/sh")
  }

  @Test("names the rule that a link leads elsewhere")
  func aliases() throws {
    let following = profile.following(
      RuleAliases([RuleAlias(section: .process, rule: 0, path: "/usr/bin/dash", isOfImage: true)]))
    let step = try #require(try explained("exec /usr/bin/dash") { $0.profile = following }.deciding)
    #expect(step.decider == "process.rules[0] Block /bin/sh at /usr/bin/dash, where links lead")
    #expect(step.action == .block && step.coverage == .whole)
  }

  @Test("of what the profile has no section for says so")
  func noSection() throws {
    let empty = Profile(name: "empty", file: "empty.yaml")
    for words in ["exec /a", "map /a", "open /a", "connect 10.0.0.1:1/tcp", "bind 1/tcp", "socket inet"] {
      let explanation = try explained(words) { $0.profile = empty }
      #expect(
        explanation.deciding?.decider.hasPrefix("no section ") == true && explanation.action == .allow, "\(words)")
    }
  }

  @Test("is JSON with everything that the table has")
  func json() throws {
    let json = try explained("exec /bin/sh").json.text
    for part in [
      #""operation":"exec /bin/sh""#, #""verdict":"Block","stopped":true,"effect":"EACCES""#,
      #""decider":"process.rules[0] Block /bin/sh","file":"test.yaml","line":1"#,
      #""coverage":"whole","enforcer":"tier lsm""#,
      #""remark":"the first in rank""#,
    ] {
      #expect(json.contains(part), "\(part) in \(json)")
    }
  }
}

import Glibc
import Policy
import System
import Testing

@testable import Seccomp

/// In the format of Docker's default profile, with every extension it uses.
private let docker = """
  {
  \t"defaultAction": "SCMP_ACT_ERRNO",
  \t"defaultErrnoRet": 1,
  \t"archMap": [
  \t\t{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86", "SCMP_ARCH_X32"]},
  \t\t{"architecture": "SCMP_ARCH_AARCH64", "subArchitectures": ["SCMP_ARCH_ARM"]},
  \t\t{"architecture": "SCMP_ARCH_LOONGARCH64", "subArchitectures": null}
  \t],
  \t"syscalls": [
  \t\t{"names": ["accept", "chown32", "mseal", "riscv_hwprobe"], "action": "SCMP_ACT_ALLOW"},
  \t\t{"names": ["ptrace"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "4.8"}},
  \t\t{"names": ["socket"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 40, "op": "SCMP_CMP_NE"}]},
  \t\t{"names": ["personality"], "action": "SCMP_ACT_ALLOW", "args": [
  \t\t\t{"index": 0, "value": 4294967295, "valueTwo": 0, "op": "SCMP_CMP_EQ"}]},
  \t\t{"names": ["arch_prctl"], "action": "SCMP_ACT_ALLOW", "includes": {"arches": ["amd64", "x32"]}},
  \t\t{"names": ["s390_runtime_instr"], "action": "SCMP_ACT_ALLOW", "includes": {"arches": ["s390", "s390x"]}},
  \t\t{"names": ["mount", "clone", "clone3"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_SYS_ADMIN"]}},
  \t\t{"names": ["clone"], "action": "SCMP_ACT_ALLOW",
  \t\t\t"args": [{"index": 0, "value": 2114060288, "op": "SCMP_CMP_MASKED_EQ"}],
  \t\t\t"excludes": {"caps": ["CAP_SYS_ADMIN"], "arches": ["s390", "s390x"]}},
  \t\t{"names": ["clone"], "action": "SCMP_ACT_ALLOW", "comment": "another order of arguments",
  \t\t\t"args": [{"index": 1, "value": 2114060288, "op": "SCMP_CMP_MASKED_EQ"}],
  \t\t\t"includes": {"arches": ["s390", "s390x"]}, "excludes": {"caps": ["CAP_SYS_ADMIN"]}},
  \t\t{"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38, "excludes": {"caps": ["CAP_SYS_ADMIN"]}}
  \t]
  }
  """

/// In the format that containerd writes, and in Docker's old one: one name a rule, empty members.
private let resolvedFormat = """
  {"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
   "syscalls": [
    {"names": ["accept", "bind"], "action": "SCMP_ACT_ALLOW", "args": []},
    {"name": "connect", "action": "SCMP_ACT_ALLOW", "args": null, "comment": "", "includes": {}, "excludes": {}},
    {"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38}
  ]}
  """

private func load(
  _ text: String, environment: SeccompEnvironment = intel, mode: Mode = .enforce
) throws -> ResolvedSeccomp {
  let folder = try Folder()
  try folder.write(text, to: "filter.json")
  do {
    return try resolve(
      SeccompSection(source: .localhost("filter.json"), location: here), profilesFolder: folder.path, mode: mode,
      environment: environment)
  } catch {
    // The folder's name is another one each time.
    throw Shortened(text: "\(error)".replacing(folder.path + "/", with: ""))
  }
}

private struct Shortened: Error, CustomStringConvertible {
  var text: String
  var description: String { text }
}

/// A member of the top object and one of a rule, around what is broken.
private func json(_ members: String) -> String { "{\"defaultAction\": \"SCMP_ACT_ERRNO\",\n\(members)}" }
private func json(rule: String) -> String {
  json("\"syscalls\": [\n{\"names\": [\"read\"], \"action\": \"SCMP_ACT_ALLOW\",\n\(rule)}]")
}

private let broken: [(String, String)] = [
  ("", "filter.json:1: the file is empty"),
  ("[]", "filter.json:1: found a list, expected an object"),
  ("{}", "filter.json:1: defaultAction is missing"),
  ("{\"defaultAction\": 5}", "filter.json:1: found the number 5, expected a text"),
  (json("\"sycalls\": []"), #"filter.json:2: unknown key "sycalls"; did you mean "syscalls"?"#),
  (json("\"syscalls\": {}"), "filter.json:2: found an object, expected a list"),
  (json("\"syscalls\": [\n5]"), "filter.json:3: found the number 5, expected an object"),
  (json("\"syscalls\": [\n{\"names\": [\"read\"]}]"), "filter.json:3: the rule has no action"),
  (
    json("\"syscalls\": [\n{\"action\": \"SCMP_ACT_ALLOW\"}]"),
    "filter.json:3: a rule without syscall names; add names or remove it"
  ),
  (
    json("\"syscalls\": [\n{\"names\": [\"read\",\n\"wriet\"], \"action\": \"SCMP_ACT_ALLOW\"}]"),
    #"filter.json:4: unknown syscall "wriet"; did you mean "write"?"#
  ),
  (json(rule: "\"name\": \"dup\""), "filter.json:4: name and names exclude each other; use names"),
  (json(rule: "\"arg\": []"), #"filter.json:4: unknown key "arg"; did you mean "args"?"#),
  (json(rule: "\"args\": [{\"index\": 0}]"), "filter.json:4: the condition has no op"),
  (
    json(rule: "\"args\": [{\"index\": -1, \"op\": \"SCMP_CMP_EQ\"}]"),
    "filter.json:4: found the number -1, expected a whole number from 0 to 18446744073709551615"
  ),
  (
    json(rule: "\"args\": [{\"index\": 4294967296, \"op\": \"SCMP_CMP_EQ\"}]"),
    "filter.json:4: the argument index is out of range: 0 to 5"
  ),
  (
    json(rule: "\"args\": [{\"index\": 0, \"value\": \"5\", \"op\": \"SCMP_CMP_EQ\"}]"),
    "filter.json:4: found the text \"5\", expected a whole number from 0 to 18446744073709551615"
  ),
  (
    json(rule: "\"args\": [{\"index\": 0, \"value\": 18446744073709551616, \"op\": \"SCMP_CMP_EQ\"}]"),
    "filter.json:4: found the number 18446744073709551616, expected a whole number from 0 to 18446744073709551615"
  ),
  (
    json(rule: "\"errnoRet\": 4294967296"),
    "filter.json:4: found the number 4294967296, expected an errno from 0 to 4094"
  ),
  (
    json(rule: "\"includes\": {\"caps\": [\"SYS_ADMIN\"]}"),
    #"filter.json:4: unknown capability "SYS_ADMIN"; did you mean "CAP_SYS_ADMIN"?"#
  ),
  (
    json(rule: "\"excludes\": {\"arches\": [\"amd46\"]}"),
    #"filter.json:4: unknown architecture "amd46"; did you mean "amd64"?"#
  ),
  (
    json(rule: "\"includes\": {\"minKernel\": \"4.8.1\"}"),
    "filter.json:4: minKernel is the text \"4.8.1\"; write two numbers in quotes, as \"4.8\""
  ),
  (
    json(rule: "\"includes\": {\"minKernel\": \"0.0\"}"),
    "filter.json:4: minKernel is the text \"0.0\"; write two numbers in quotes, as \"4.8\""
  ),
  (json(rule: "\"includes\": {\"minKernel\": 4.8}"), "filter.json:4: found the number 4.8, expected a text"),
  (
    json("\"archMap\": [{\"architecture\": \"SCMP_ARCH_X86-64\"}]"),
    #"filter.json:2: unknown architecture "SCMP_ARCH_X86-64"; did you mean "SCMP_ARCH_X86_64"?"#
  ),
  (json("\"archMap\": [{}]"), "filter.json:2: architecture is missing"),
  (
    json("\"architectures\": [\"SCMP_ARCH_X86\"],\n\"archMap\": [{\"architecture\": \"SCMP_ARCH_X86_64\"}]"),
    "filter.json:3: archMap and architectures exclude each other; remove one of them"
  ),
  (json(rule: "\"errno\": \"EPRM\""), #"filter.json:4: unknown errno "EPRM"; did you mean "EPERM"?"#),
  (
    json("\"defaultErrno\": \"ENOTHING\""), #"filter.json:2: unknown errno "ENOTHING"; errno(3) lists the names"#
  ),
  (
    json("\"defaultErrnoRet\": 1,\n\"defaultErrno\": \"ENOSYS\""),
    "filter.json:3: defaultErrno is 38, and defaultErrnoRet is 1; remove one of them"
  ),
  (json("\"syscalls\": [\n]\n\"flags\": []"), "filter.json:4: a comma is missing before \"flags\""),
  (
    json("\"flags\": \"SECCOMP_FILTER_FLAG_LOG\""),
    "filter.json:2: found the text \"SECCOMP_FILTER_FLAG_LOG\", expected a list"
  ),
  (
    json("\"defaultAction\": \"SCMP_ACT_ALLOW\""),
    "filter.json:2: the key \"defaultAction\" is already at line 1; remove one of them"
  ),
]

@Suite struct LocalhostTests {
  @Test("Docker's format is resolved for the container's capabilities, the kernel and the architecture")
  func dockerFormat() throws {
    let plain = try load(docker)
    #expect(plain.filter.architectures == ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"])
    let program = try program(plain)
    #expect(program.decide("accept", on: "SCMP_ARCH_X86_64") == .allow)
    #expect(program.decide("ptrace", on: "SCMP_ARCH_X86_64") == .allow)
    #expect(program.decide("arch_prctl", on: "SCMP_ARCH_X86_64") == .allow)
    #expect(program.decide("mount", on: "SCMP_ARCH_X86_64") == .errno(1))
    #expect(program.decide("clone3", on: "SCMP_ARCH_X86_64") == .errno(38))
    #expect(program.decide("clone", on: "SCMP_ARCH_X86_64", arguments: [0x1000_0000]) == .errno(1))
    #expect(program.decide("clone", on: "SCMP_ARCH_X86_64", arguments: [0x11, 0x1000_0000]) == .allow)
    #expect(program.decide("personality", on: "SCMP_ARCH_X86_64", arguments: [0xffff_ffff]) == .allow)
    #expect(!plain.filter.syscalls.contains { $0.names.contains("s390_runtime_instr") })
  }

  @Test("a capability, an older kernel or another architecture chooses other rules")
  func conditions() throws {
    let admin = try program(try load(docker, environment: environment(["CAP_SYS_ADMIN"])))
    #expect(admin.decide("mount", on: "SCMP_ARCH_X86_64") == .allow)
    #expect(admin.decide("clone3", on: "SCMP_ARCH_X86_64") == .allow)
    let old = try program(try load(docker, environment: environment(kernel: KernelVersion(4, 7))))
    #expect(old.decide("ptrace", on: "SCMP_ARCH_X86_64") == .errno(1))
    let arm = try load(docker, environment: environment(architecture: .aarch64))
    #expect(arm.filter.architectures == ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"])
    #expect(!arm.filter.syscalls.contains { $0.names.contains("arch_prctl") })
    #expect(try program(arm, .aarch64).decide("accept", on: "SCMP_ARCH_AARCH64") == .allow)
  }

  @Test("names newer than libseccomp are sent, and the note tells them")
  func newNames() throws {
    let resolved = try load(docker)
    #expect(resolved.filter.syscalls.contains { $0.names.contains("mseal") })
    #expect(resolved.notes.map(\.description).contains { $0.hasSuffix("does not: mseal riscv_hwprobe") })
  }

  @Test("containerd's format and Docker's old one load")
  func plainFormat() throws {
    let program = try program(try load(resolvedFormat))
    #expect(program.decide("bind", on: "SCMP_ARCH_X86_64") == .allow)
    #expect(program.decide("connect", on: "SCMP_ARCH_X86_64") == .allow)
    #expect(program.decide("listen", on: "SCMP_ARCH_X86_64") == .errno(1))
    #expect(program.decide("clone3", on: "SCMP_ARCH_X86_64") == .errno(38))
  }

  @Test("a broken file is refused with its name and line", arguments: broken.indices)
  func refused(_ index: Int) {
    #expect(message { _ = try load(broken[index].0) } == broken[index].1)
  }

  private func notes(_ text: String) throws -> [SeccompNote] { try load(text).notes }

  @Test("the rules that are left out for capabilities are told, with their lines")
  func leftOut() throws {
    let texts = try notes(docker).map(\.text)
    #expect(
      texts.contains(
        "left out are the rules for CAP_SYS_ADMIN (line 17): NRI does not tell a container's capabilities; if the "
          + "containers have these, name them in spec.seccomp.addedCapabilities"))
    #expect(!texts.contains { $0.contains("s390") })
    #expect(try load(docker).decidingCapabilities == ["CAP_SYS_ADMIN"])
    let admin = try load(docker, environment: environment(["CAP_SYS_ADMIN"]))
    #expect(!admin.notes.contains { $0.text.hasPrefix("left out are") } && admin.decidingCapabilities.isEmpty)
  }

  @Test("a rule that another one makes void is a warning")
  func voidRule() throws {
    let text = json(
      "\"syscalls\": [\n{\"names\": [\"read\", \"setns\"], \"action\": \"SCMP_ACT_ALLOW\"},\n"
        + "{\"names\": [\"setns\"], \"action\": \"SCMP_ACT_ERRNO\"}]")
    let warnings = try notes(text).filter(\.isWarning)
    #expect(warnings.first?.location?.line == 4)
    let expected = "SCMP_ACT_ERRNO for \"setns\" has no effect, since the rule at line 3"
    #expect(warnings.first?.text.hasPrefix(expected) == true)
  }

  @Test("what runc ignores is left out, and told")
  func ignored() throws {
    let texts = try notes(
      json(
        "\"listenerPath\": \"/run/agent.sock\",\n\"syscalls\": [{\"names\": [\"read\"],\n"
          + "\"action\": \"SCMP_ACT_ALLOW\", \"errnoRet\": 5}]")
    ).map(\.description)
    #expect(texts.contains { $0.hasSuffix("filter.json:2: listenerPath is left out: it is for SCMP_ACT_NOTIFY") })
    #expect(
      texts.contains {
        $0.hasSuffix("filter.json:4: the errno is left out, as the runtime ignores it: SCMP_ACT_ALLOW has none")
      })
  }

  @Test("an errno may have a name, beside the number or alone")
  func errnoNames() throws {
    let text = json(
      "\"defaultErrnoRet\": 38, \"defaultErrno\": \"ENOSYS\", \"syscalls\": ["
        + "{\"names\": [\"mount\"], \"action\": \"SCMP_ACT_ERRNO\", \"errno\": \"EINVAL\"}]")
    let program = try program(try load(text))
    #expect(program.decide("mount", on: "SCMP_ARCH_X86_64") == .errno(22))
    #expect(program.decide("umount2", on: "SCMP_ARCH_X86_64") == .errno(38))
  }

  @Test("rules that do not apply here are checked all the same")
  func excluded() {
    let text = json(
      "\"syscalls\": [\n{\"names\": [\"raed\"], \"action\": \"SCMP_ACT_ALLOW\",\n"
        + "\"includes\": {\"arches\": [\"s390x\"]}}]")
    #expect(message { _ = try load(text) } == #"filter.json:3: unknown syscall "raed"; did you mean "read"?"#)
  }

  @Test("a file of the most bytes is read, one byte more is refused")
  func size() throws {
    let padding = 1 << 20
    let text = resolvedFormat + String(repeating: " ", count: padding - resolvedFormat.utf8.count)
    #expect(throws: Never.self) { try load(text) }
    #expect(
      message { _ = try load(text + " ") } == "filter.json:1: the file has 1048577 bytes; it may have 1048576")
  }

  @Test(
    "only a plain file name of the profiles folder is taken",
    arguments: ["", ".", "..", "../filter.json", "/etc/passwd", "a/filter.json", "a\u{0}b"])
  func names(_ name: String) throws {
    let folder = try Folder()
    try folder.write(resolvedFormat, to: "filter.json")
    let section = SeccompSection(source: .localhost(name), location: here)
    #expect(
      message { _ = try resolve(section, profilesFolder: folder.path, mode: .enforce, environment: intel) }
        == "profiles/web.yaml:7: localhostProfile \"\(name)\" is no plain file name; name a file in \(folder.path)")
  }

  @Test("a link inside the folder is followed, one that leads out of it is not")
  func links() throws {
    let folder = try Folder()
    let outside = try Folder()
    try folder.write(resolvedFormat, to: "filter.json")
    try outside.write(resolvedFormat, to: "other.json")
    symlink("filter.json", folder.path + "/inside.json")
    symlink(outside.path + "/other.json", folder.path + "/absolute.json")
    symlink("../" + (outside.path.split(separator: "/").last ?? "") + "/other.json", folder.path + "/relative.json")
    func read(_ name: String) -> String {
      message {
        _ = try resolve(
          SeccompSection(source: .localhost(name), location: here), profilesFolder: folder.path, mode: .enforce,
          environment: intel)
      }
    }
    #expect(read("inside.json") == "")
    for name in ["absolute.json", "relative.json"] {
      #expect(
        read(name) == "profiles/web.yaml:7: cannot open \(folder.path)/\(name) (links may not leave the folder): "
          + "invalid cross-device link")
    }
  }

  @Test("what is no regular file is refused and does not hold the reader")
  func irregular() throws {
    let folder = try Folder()
    mkfifo(folder.path + "/pipe.json", 0o600)
    let section = SeccompSection(source: .localhost("pipe.json"), location: here)
    #expect(
      message { _ = try resolve(section, profilesFolder: folder.path, mode: .enforce, environment: intel) }
        == "profiles/web.yaml:7: cannot read \(folder.path)/pipe.json (not a regular file): invalid argument")
    let missing = SeccompSection(source: .localhost("none.json"), location: here)
    #expect(
      message { _ = try resolve(missing, profilesFolder: folder.path, mode: .enforce, environment: intel) }
        == "profiles/web.yaml:7: cannot open \(folder.path)/none.json (links may not leave the folder): "
        + "no such file or directory")
  }
}

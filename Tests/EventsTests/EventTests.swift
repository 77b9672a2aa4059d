import BPF
import CStockade
import Enforcement
import Events
import Glibc
import Policy
import System
import Testing

private let subject = Subject(
  containerID: "c1", containerName: "app", podName: "web-1", podNamespace: "shop", podUID: "u1", image: "nginx:1")

private func profile() -> Profile {
  var profile = Profile(name: "web", file: "web.yaml")
  var process = ProcessSection()
  process.rules = [
    PathRule(path: "/bin/id", isDirectory: false, action: .block, location: Location(file: "web.yaml", line: 9))
  ]
  profile.process = process
  return profile
}

private func decoder(known: Bool = true, commandLine: [UInt8]? = nil) -> EventDecoder {
  EventDecoder(
    subject: { _, _ in known ? EventSubject(subject: subject, profile: profile(), tier: .signal) : nil },
    commandLine: { _ in commandLine }, bootOffsetNanoseconds: { 1_000_000_000 })
}

private func header(_ kind: stockade_event_kind, _ effect: stockade_effect, _ reason: stockade_reason) -> stockade_event
{
  var header = stockade_event()
  header.cgroup_id = 7
  header.kind = kind.rawValue
  header.effect = effect.rawValue
  header.reason = reason.rawValue
  header.rule = STOCKADE_NO_RULE
  header.pid = 42
  header.comm.0 = UInt8(ascii: "x")
  return header
}

@Suite struct EventTests {
  @Test("a killed exec names container, profile, rule, path and arguments")
  func exec() {
    var header = header(STOCKADE_EVENT_EXEC, STOCKADE_KILLED, STOCKADE_BY_RULE)
    header.rule = 0
    let event = KernelEvent(
      header: header, path: Array("/bin/id".utf8), arguments: [Array("id".utf8), Array("-u".utf8)])
    let record = decoder().decode(event)
    #expect(
      record?.json.text
        == #"{"time":"1970-01-01T00:00:01.000000000Z","kind":"exec","action":"Block","effect":"killed","#
        + #""reason":"rule","container":{"id":"c1","name":"app"},"pod":{"namespace":"shop","name":"web-1","uid":"u1"},"#
        + #""image":"nginx:1","cgroupId":7,"profile":"web","rule":"process.rules[0] (web.yaml:9)","tier":"signal","#
        + #""process":{"pid":42,"parentPid":0,"uid":0,"comm":"x","path":"/bin/id","arguments":["id","-u"],"#
        + #""argumentsSource":"kernel"}}"#)
    #expect(record?.summary == "killed exec /bin/id (id -u): rule process.rules[0] (web.yaml:9) of profile web")
  }

  @Test("what is refused behind a pod's gate has the path of the hook in whose hands it was")
  func hook() {
    let event = KernelEvent(
      header: header(STOCKADE_EVENT_EXEC, STOCKADE_KILLED, STOCKADE_NOT_OPEN), path: Array("/sbin/ldconfig".utf8),
      hook: Array("/usr/bin/a hook".utf8))
    let record = decoder(commandLine: []).decode(event)
    #expect(
      record?.json.text.hasSuffix(
        #""path":"/sbin/ldconfig","arguments":[],"argumentsSource":"proc","hook":"/usr/bin/a hook"}}"#) == true)
    #expect(record?.summary == "killed exec /sbin/ldconfig by /usr/bin/a hook: notOpen of profile web")
  }

  @Test("a mapping behind a gate whose file was not looked at has no path")
  func unknownMapping() {
    let event = KernelEvent(header: header(STOCKADE_EVENT_MAP, STOCKADE_REFUSED, STOCKADE_NOT_OPEN))
    let file = decoder(commandLine: []).decode(event)?.file
    #expect(file != nil && file?.path == nil)
  }

  @Test(
    "a refused access to a file has what was tried and on what, and a mapping what was mapped",
    arguments: [
      (
        STOCKADE_EVENT_FILE, "/etc/shadow", STOCKADE_BY_DEFAULT, 0, 3,
        #""file":{"path":"/etc/shadow","access":["Read","Write"]}"#
      ),
      (STOCKADE_EVENT_FILE, "", STOCKADE_BY_DEFAULT, 0, 1, #""file":{"path":"/","access":["Read"]}"#),
      (STOCKADE_EVENT_FILE, "", STOCKADE_UNKNOWN_PATH, 1, 2, #""file":{"access":["Write"]}"#),
      (
        STOCKADE_EVENT_FILE, "/end", STOCKADE_OVER_LONG_PATH, 1, 2,
        #""file":{"path":"/end","pathTruncated":true,"access":["Write"]}"#
      ),
      (STOCKADE_EVENT_MAP, "/lib/a.so", STOCKADE_NEW_EXECUTABLE, 0, 0, #""file":{"path":"/lib/a.so"}"#),
    ] as [(stockade_event_kind, String, stockade_reason, UInt8, UInt32, String)])
  func file(
    _ kind: stockade_event_kind, _ path: String, _ reason: stockade_reason, _ truncated: UInt8, _ access: UInt32,
    _ expected: String
  ) throws {
    var header = header(kind, STOCKADE_REFUSED, reason)
    header.access = access
    header.path_truncated = truncated
    let text = try #require(decoder().decode(KernelEvent(header: header, path: Array(path.utf8)))).json.text
    #expect(text.contains(expected) && text.contains(#""tier":"signal""#))
  }

  @Test("a refused connection has its peer, and arguments that say that they were read later")
  func connect() {
    var header = header(STOCKADE_EVENT_CONNECT, STOCKADE_REFUSED, STOCKADE_BY_DEFAULT)
    header.family = UInt8(AF_INET6)
    header.protocol = 6
    header.remote_port = 443
    header.remote_address.15 = 1
    let record = decoder(commandLine: Array("nc\0-6\0".utf8)).decode(KernelEvent(header: header))
    #expect(record?.peer?.address == "::1")
    #expect(record?.process?.arguments == ["nc", "-6"])
    #expect(record?.process?.argumentsSource == "proc")
    #expect(record?.summary == "refused connect [::1]:443 (TCP) (nc -6): defaultAction of profile web")
  }

  @Test("arguments that were read later are told up to their limit", arguments: [(0, false), (1, true)])
  func longCommandLine(past: Int, isTruncated: Bool) {
    let text = [UInt8](repeating: UInt8(ascii: "a"), count: EventDecoder.argumentsMaxBytes + past)
    let header = header(STOCKADE_EVENT_CONNECT, STOCKADE_REFUSED, STOCKADE_BY_DEFAULT)
    let process = decoder(commandLine: text).decode(KernelEvent(header: header))?.process
    #expect(process?.arguments.map(\.utf8.count) == [EventDecoder.argumentsMaxBytes])
    #expect(process?.argumentsAreTruncated == isTruncated)
  }

  @Test("of a command line no more is read than shows that there is more")
  func commandLine() throws {
    var child = pid_t()
    let words = ["tail", "-f", "/dev/null", String(repeating: "/", count: 100_000) + "dev/null"]
    let arguments = words.map { strdup($0) } + [nil]
    defer { for word in arguments { free(word) } }
    try #require(posix_spawnp(&child, words[0], nil, nil, arguments, environ) == 0)
    defer {
      kill(child, SIGKILL)
      waitpid(child, nil, 0)
    }
    // Empty until its exec is over.
    while EventDecoder.readCommandLine(pid: UInt32(child))?.isEmpty == true { sched_yield() }
    #expect(EventDecoder.readCommandLine(pid: UInt32(child))?.count == EventDecoder.argumentsMaxBytes + 1)
  }

  @Test("a refused use of the kernel names the word of the profile")
  func kernel() {
    var header = header(STOCKADE_EVENT_KERNEL, STOCKADE_REFUSED, STOCKADE_BY_RULE)
    header.surface = STOCKADE_SURFACE_IO_URING.rawValue
    let record = decoder(commandLine: Array("ring\0".utf8)).decode(KernelEvent(header: header))
    #expect(record?.surface == "ioUring" && record?.rule == "kernel.block ioUring")
    #expect(record?.summary == "refused kernel ioUring (ring): rule kernel.block ioUring of profile web")
    #expect(record?.json.text.contains(#""tier":"signal","surface":"ioUring","process":{"#) == true)
  }

  @Test("what the kernel refused for want of a policy has no rule")
  func kernelUndecided() {
    var header = header(STOCKADE_EVENT_KERNEL, STOCKADE_REFUSED, STOCKADE_POLICY_GONE)
    header.surface = STOCKADE_SURFACE_MOUNT.rawValue
    let record = decoder().decode(KernelEvent(header: header))
    #expect(record?.surface == "mount" && record?.rule == nil && record?.reason == "policyGone")
  }

  @Test("a refused trace has its target, and the profile of that")
  func trace() {
    var header = header(STOCKADE_EVENT_TRACE, STOCKADE_REFUSED, STOCKADE_PROTECTION)
    (header.target_id, header.target_pid) = (8, 77)
    let record = decoder().decode(KernelEvent(header: header))
    #expect(record?.target == .init(pid: 77, subject: subject) && record?.profile == "web")
    #expect(record?.summary == "refused trace of process 77 in app ([x]): protection of profile web")
    #expect(record?.json.text.contains(#""target":{"pid":77,"container":{"id":"c1","name":"app"},"pod":{"#) == true)
  }

  @Test(
    "what belongs to the daemon is refused by no profile",
    arguments: [
      (STOCKADE_PROTECTED_FILE, "file"), (STOCKADE_PROTECTED_MOUNT, "mount"), (STOCKADE_PROTECTED_BPF, "bpf"),
      (STOCKADE_PROTECTED_PROCESS, "process"),
    ])
  func protected(what: stockade_protected, word: String) {
    var header = header(STOCKADE_EVENT_PROTECTED, STOCKADE_REFUSED, STOCKADE_PROTECTION)
    header.surface = what.rawValue
    let record = decoder().decode(KernelEvent(header: header))
    #expect(record?.surface == word && record?.profile == "" && record?.target == nil)
    #expect(record?.json.text.contains(#""reason":"protection""#) == true)
  }

  @Test("a record of an unknown container keeps its cgroup id")
  func unknown() {
    let event = KernelEvent(header: header(STOCKADE_EVENT_EXEC, STOCKADE_KILLED, STOCKADE_POLICY_GONE))
    let text = decoder(known: false).decode(event)?.json.text
    #expect(text?.contains(#""cgroupId":7"#) == true && text?.contains(#""reason":"policyGone""#) == true)
    #expect(text?.contains("container") == false)
  }

  @Test("a kind or effect of another version is left out")
  func otherVersion() {
    var strange = header(STOCKADE_EVENT_EXEC, STOCKADE_KILLED, STOCKADE_BY_RULE)
    strange.kind = 99
    #expect(decoder().decode(KernelEvent(header: strange)) == nil)
  }

  @Test("a rule index beyond the profile is named without a line")
  func ruleBeyond() {
    var header = header(STOCKADE_EVENT_EXEC, STOCKADE_AUDITED, STOCKADE_ARGUMENT)
    header.rule = 5
    header.argument = 2
    #expect(decoder().decode(KernelEvent(header: header))?.rule == "process.rules[5].arguments[2]")
  }

  @Test("counters that rose are told with how much")
  func losses() {
    let before = KernelCounters([1, 2, 3])
    let after = KernelCounters([1, 5, 3, 1])
    #expect(
      after.losses(since: before) == [
        .init(counter: .eventsDroppedRate, count: 3), .init(counter: .markFailed, count: 1),
      ])
    #expect(after.losses(since: after).isEmpty)
  }
}

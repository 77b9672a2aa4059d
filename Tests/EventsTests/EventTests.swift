import BPF
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

private func decoder(known: Bool = true, profile: Profile? = profile(), commandLine: [UInt8]? = nil) -> EventDecoder {
  EventDecoder(
    tier: .signal, subject: { _, _ in known ? (subject, profile) : nil },
    commandLine: { _ in commandLine }, bootOffsetNanoseconds: { 1_000_000_000 })
}

private func event(
  _ kind: KernelEvent.Kind, _ effect: KernelEvent.Effect, _ reason: EventReason, rule: Int? = nil, path: String = ""
) -> KernelEvent {
  var event = KernelEvent(
    cgroupID: CgroupID(7), kind: kind, effect: effect, reason: reason, rule: rule,
    process: .init(pid: 42, comm: Array("x".utf8)))
  event.path = Array(path.utf8)
  return event
}

@Suite struct EventTests {
  @Test("a time that no clock reaches is told as the last one that there is")
  func lateTime() {
    for time in [UInt64.max, UInt64(Int64.max)] {
      var event = event(.exec, .killed, .rule)
      event.timeNanoseconds = time
      #expect(decoder().decode(event).timeNanoseconds == .max)
    }
  }

  @Test("a killed exec names container, profile, rule, path and arguments")
  func exec() {
    var event = event(.exec, .killed, .rule, rule: 0, path: "/bin/id")
    event.arguments = [Array("id".utf8), Array("-u".utf8)]
    let record = decoder().decode(event)
    #expect(
      record.json.text
        == #"{"time":"1970-01-01T00:00:01.000000000Z","kind":"exec","action":"Block","effect":"killed","#
        + #""reason":"rule","container":{"id":"c1","name":"app"},"pod":{"namespace":"shop","name":"web-1","uid":"u1"},"#
        + #""image":"nginx:1","cgroupId":7,"profile":"web","rule":"process.rules[0] (web.yaml:9)","tier":"signal","#
        + #""process":{"pid":42,"parentPid":0,"uid":0,"comm":"x","path":"/bin/id","arguments":["id","-u"],"#
        + #""argumentsSource":"kernel"}}"#)
    #expect(record.summary == "killed exec /bin/id (id -u): rule process.rules[0] (web.yaml:9) of profile web")
  }

  @Test("an event repeats the tags of its rule, whichever section it is of, and no other's")
  func tags() {
    var profile = profile()
    profile.process!.rules[0].tags = ["T1033", "team:web"]
    profile.network.egress = NetworkDirection()
    profile.network.egress!.rules = [NetworkRule(action: .block, location: Location(file: "web.yaml", line: 12))]
    profile.network.egress!.rules[0].tags = ["T1071"]
    let decoder = decoder(profile: profile)
    let exec = decoder.decode(event(.exec, .killed, .rule, rule: 0, path: "/bin/id"))
    #expect(exec.json.text.contains(#""rule":"process.rules[0] (web.yaml:9)","tags":["T1033","team:web"],"#))
    #expect(decoder.decode(event(.connect, .refused, .rule, rule: 0)).tags == ["T1071"])
    #expect(decoder.decode(event(.exec, .killed, .defaultAction)).tags == [])
    #expect(decoder.decode(event(.exec, .killed, .rule, rule: 7)).tags == [])
  }

  @Test("what is refused behind a pod's gate has the path of the hook in whose hands it was")
  func hook() {
    var event = event(.exec, .killed, .notOpen, path: "/sbin/ldconfig")
    event.hook = Array("/usr/bin/a hook".utf8)
    let record = decoder(commandLine: []).decode(event)
    #expect(
      record.json.text.hasSuffix(
        #""path":"/sbin/ldconfig","arguments":[],"argumentsSource":"proc","hook":"/usr/bin/a hook"}}"#) == true)
    #expect(record.summary == "killed exec /sbin/ldconfig by /usr/bin/a hook: notOpen of profile web")
  }

  @Test("a mapping behind a gate whose file was not looked at has no path")
  func unknownMapping() {
    let file = decoder(commandLine: []).decode(event(.map, .refused, .notOpen)).file
    #expect(file != nil && file?.path == nil)
  }

  @Test(
    "a refused access to a file has what was tried and on what, and a mapping what was mapped",
    arguments: [
      (
        .file, "/etc/shadow", .defaultAction, false, [.read, .write],
        #""file":{"path":"/etc/shadow","access":["Read","Write"]}"#
      ),
      (.file, "", .defaultAction, false, [.read], #""file":{"path":"/","access":["Read"]}"#),
      (.file, "", .unknownPath, true, [.write], #""file":{"access":["Write"]}"#),
      (
        .file, "/end", .overLongPath, true, [.write],
        #""file":{"path":"/end","pathTruncated":true,"access":["Write"]}"#
      ),
      (.map, "/lib/a.so", .newExecutables, false, [], #""file":{"path":"/lib/a.so"}"#),
    ] as [(KernelEvent.Kind, String, EventReason, Bool, [Access], String)])
  func file(
    _ kind: KernelEvent.Kind, _ path: String, _ reason: EventReason, _ isTruncated: Bool, _ access: [Access],
    _ expected: String
  ) {
    var event = event(kind, .refused, reason, path: path)
    (event.access, event.pathIsTruncated) = (access, isTruncated)
    let text = decoder().decode(event).json.text
    #expect(text.contains(expected) && text.contains(#""tier":"signal""#))
  }

  @Test("a refused connection has its peer, and arguments that say that they were read later")
  func connect() {
    var event = event(.connect, .refused, .defaultAction)
    event.peer = .init(address: [UInt8](repeating: 0, count: 15) + [1], port: 443, protocolNumber: 6)
    let record = decoder(commandLine: Array("nc\0-6\0".utf8)).decode(event)
    #expect(record.peer?.address == "::1")
    #expect(record.process?.arguments == ["nc", "-6"])
    #expect(record.process?.argumentsSource == .proc)
    #expect(record.summary == "refused connect [::1]:443 (TCP) (nc -6): defaultAction of profile web")
  }

  @Test("arguments that were read later are told up to their limit", arguments: [(0, false), (1, true)])
  func longCommandLine(past: Int, isTruncated: Bool) {
    let text = [UInt8](repeating: UInt8(ascii: "a"), count: EventDecoder.argumentsMaxBytes + past)
    let process = decoder(commandLine: text).decode(event(.connect, .refused, .defaultAction)).process
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
    var event = event(.kernel, .refused, .rule)
    event.surface = .ioUring
    let record = decoder(commandLine: Array("ring\0".utf8)).decode(event)
    #expect(record.surface == .ioUring && record.rule == .kernelBlock(.ioUring))
    #expect(record.summary == "refused kernel ioUring (ring): rule kernel.block ioUring of profile web")
    #expect(record.json.text.contains(#""tier":"signal","surface":"ioUring","process":{"#) == true)
  }

  @Test("a refused socket has its family")
  func socketFamily() throws {
    var event = event(.kernel, .refused, .rule)
    event.socketFamily = .alg
    let record = decoder(commandLine: Array("crypt\0".utf8)).decode(event)
    #expect(record.rule == .kernelSockets)
    #expect(record.summary == "refused kernel sockets of alg (crypt): rule kernel.sockets of profile web")
    #expect(record.json.text.contains(#""surface":"sockets","socketFamily":"alg","process":{"#) == true)
  }

  @Test("what the kernel refused for want of a policy has no rule")
  func kernelUndecided() {
    var event = event(.kernel, .refused, .policyGone)
    event.surface = .mount
    let record = decoder().decode(event)
    #expect(record.surface == .mount && record.rule == nil && record.reason == .policyGone)
  }

  @Test("a refused trace has its target, and the profile of that")
  func trace() {
    var event = event(.trace, .refused, .protection)
    event.target = .init(pid: 77, cgroupID: CgroupID(8))
    let record = decoder().decode(event)
    #expect(record.target == .init(pid: 77, subject: subject) && record.profile == "web")
    #expect(record.summary == "refused trace of process 77 in app ([x]): protection of profile web")
    #expect(record.json.text.contains(#""target":{"pid":77,"container":{"id":"c1","name":"app"},"pod":{"#) == true)
  }

  @Test("what belongs to the daemon is refused by no profile", arguments: KernelEvent.Protected.allCases)
  func protected(what: KernelEvent.Protected) {
    var event = event(.protected, .refused, .protection)
    event.protected = what
    let record = decoder().decode(event)
    #expect(record.protected == what && record.profile == "" && record.target == nil)
    #expect(record.json.text.contains(#""reason":"protection""#) == true)
  }

  @Test("a record of an unknown container keeps its cgroup id")
  func unknown() {
    let text = decoder(known: false).decode(event(.exec, .killed, .policyGone)).json.text
    #expect(text.contains(#""cgroupId":7"#) && text.contains(#""reason":"policyGone""#))
    #expect(!text.contains("container"))
  }

  @Test("a reason of another version is told by its number")
  func otherVersion() {
    #expect(decoder().decode(event(.exec, .killed, .unknown(99))).json.text.contains(#""reason":"unknown(99)""#))
  }

  @Test("a rule index beyond the profile is named without a line")
  func ruleBeyond() {
    var event = event(.exec, .audited, .argument, rule: 5)
    event.argument = 2
    #expect(decoder().decode(event).rule?.text == "process.rules[5].arguments[2]")
  }

  @Test("of a container that an earlier process confined the rule's number is told, and no profile")
  func inherited() {
    let record = decoder(profile: nil).decode(event(.exec, .killed, .rule, rule: 3))
    #expect(record.rule?.text == "process.rules[3]" && record.profile == "" && record.tier == .signal)
    #expect(decoder(known: false).decode(event(.exec, .killed, .rule, rule: 3)).rule == nil)
  }

  @Test("counters that rose are told with how much")
  func losses() {
    let before = KernelCounters([.eventsDroppedFull: 1, .eventsDroppedRate: 2, .flowsFull: 3])
    let after = KernelCounters([.eventsDroppedFull: 1, .eventsDroppedRate: 5, .flowsFull: 3, .markFailed: 1])
    #expect(
      after.losses(since: before) == [
        .init(counter: .eventsDroppedRate, count: 3), .init(counter: .markFailed, count: 1),
      ])
    #expect(after.losses(since: after).isEmpty)
  }
}

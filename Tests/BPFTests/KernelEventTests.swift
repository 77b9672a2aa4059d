import CStockade
import Glibc
import Policy
import Testing

@testable import BPF

/// Records of the ring buffer, byte by byte.
struct KernelEventTests {
  private func record(
    path: String = "", arguments: String = "", _ change: (inout stockade_event) -> Void = { _ in }
  ) -> [UInt8] {
    var header = stockade_event()
    (header.kind, header.effect) = (STOCKADE_EVENT_EXEC.rawValue, STOCKADE_KILLED.rawValue)
    header.path_length = UInt16(path.utf8.count)
    header.arguments_length = UInt16(arguments.utf8.count)
    change(&header)
    let call =
      header.kind == STOCKADE_EVENT_SYSCALL.rawValue ? withUnsafeBytes(of: stockade_syscall()) { Array($0) } : []
    return withUnsafeBytes(of: header) { Array($0) } + Array(path.utf8) + Array(arguments.utf8) + call
  }

  private func event(_ bytes: [UInt8]) -> KernelEvent? { bytes.withUnsafeBytes { KernelEvent(bytes: $0) } }

  @Test(
    "arguments are split at their NULs, empty ones included",
    arguments: [
      ("", []), ("\0", [""]), ("a\0", ["a"]), ("a\0\0b\0", ["a", "", "b"]), ("a\0\0", ["a", ""]), ("cut", ["cut"]),
    ])
  func arguments(_ text: String, _ words: [String]) throws {
    let event = try #require(self.event(record(path: "/bin/a", arguments: text)))
    #expect(event.path == Array("/bin/a".utf8))
    #expect(event.arguments == words.map { Array($0.utf8) })
  }

  @Test("a record that is shorter than it says is none")
  func short() {
    let whole = record(path: "/bin/a", arguments: "a\0")
    for length in 0..<whole.count { #expect(event(Array(whole.prefix(length))) == nil) }
    // The ring buffer rounds up.
    #expect(event(whole + [0, 0, 0]) != nil)
  }

  /// Of every number that the kernel could write.
  private func read<Value>(
    _ change: (inout stockade_event, UInt32) -> Void, _ value: (KernelEvent) -> Value?
  ) -> [Value] {
    (0..<1024).compactMap { number in event(record { change(&$0, number) }).flatMap(value) }
  }

  @Test("each kind, effect and protected thing has a number, and a record with another number is none")
  func numbers() {
    let kinds = read({ $0.kind = $1 }) { $0.kind }
    #expect(kinds.count == KernelEvent.Kind.allCases.count && Set(kinds) == Set(KernelEvent.Kind.allCases))
    let effects = read({ $0.effect = $1 }) { $0.effect }
    #expect(effects.count == KernelEvent.Effect.allCases.count && Set(effects) == Set(KernelEvent.Effect.allCases))
    let things = read({ ($0.kind, $0.surface) = (STOCKADE_EVENT_PROTECTED.rawValue, $1) }) { $0.protected }
    #expect(Set(things) == Set(KernelEvent.Protected.allCases))
    let surfaces = read({ ($0.kind, $0.surface) = (STOCKADE_EVENT_KERNEL.rawValue, $1) }) { $0.surface }
    #expect(Set(surfaces) == Set(KernelSurface.allCases))
  }

  @Test("a refused socket has a family and no peer")
  func families() throws {
    for family in SocketFamily.allCases {
      let event = try #require(
        self.event(
          record {
            ($0.kind, $0.surface) = (STOCKADE_EVENT_KERNEL.rawValue, STOCKADE_SURFACE_SOCKETS.rawValue)
            $0.family = family.rawValue
          }))
      #expect(event.socketFamily == family && event.surface == nil && event.peer == nil)
    }
  }

  @Test("each reason has a number and a word, and another number is kept")
  func reasons() {
    let reasons = read({ $0.reason = $1 }) { $0.reason }
    #expect(Set(reasons).isSuperset(of: EventReason.allCases) && Set(reasons).count == reasons.count)
    #expect(reasons.last == .unknown(1023) && reasons.last?.word == "unknown(1023)")
    #expect(Set(EventReason.allCases.map(\.word)).count == EventReason.allCases.count)
  }

  @Test("what a record does not have is nil")
  func absent() throws {
    let event = try #require(self.event(record { $0.rule = STOCKADE_NO_RULE }))
    #expect(event.revision == nil && event.rule == nil && event.process == nil && event.peer == nil)
    #expect(event.target == nil && event.access == [] && event.surface == nil && event.protected == nil)
  }

  @Test("a system call has six arguments, and is none if a byte of it is missing")
  func syscall() throws {
    let header = Array(record { $0.kind = STOCKADE_EVENT_SYSCALL.rawValue }.prefix(MemoryLayout<stockade_event>.size))
    var call = stockade_syscall()
    (call.result, call.number, call.architecture, call.is_certain) = (-13, 0x4000_0053, 0xc000_003e, 1)
    (call.arguments.0, call.arguments.5) = (.max, 6)
    let bytes = header + withUnsafeBytes(of: call) { Array($0) }
    let found = try #require(event(bytes)?.syscall)
    #expect(found.arguments == [.max, 0, 0, 0, 0, 6] && found.errno == 13 && found.isCertain)
    #expect(found.number == 0x4000_0053 && found.architecture == 0xc000_003e)
    for length in 0..<bytes.count { #expect(event(Array(bytes.prefix(length))) == nil) }
    #expect(KernelEvent.Syscall(number: 83, architecture: 0, result: 83).errno == nil)
  }

  @Test("process, peer, target and access are read from their fields")
  func fields() throws {
    let bytes = record {
      ($0.time_ns, $0.cgroup_id, $0.revision, $0.rule, $0.argument) = (1, 2, 3, 4, 5)
      ($0.pid, $0.parent_pid, $0.uid) = (6, 7, 8)
      ($0.comm.0, $0.comm.1) = (UInt8(ascii: "a"), UInt8(ascii: "b"))
      ($0.family, $0.protocol, $0.local_port, $0.remote_port) = (UInt8(AF_INET), 9, 10, 11)
      ($0.remote_address.0, $0.remote_address.3, $0.remote_address.4) = (12, 13, 14)
      ($0.target_id, $0.target_pid, $0.access) = (15, 16, 3)
      ($0.path_truncated, $0.arguments_truncated) = (1, 1)
    }
    var expected = KernelEvent(
      cgroupID: CgroupID(2), revision: Revision(3), kind: .exec, effect: .killed, reason: .unknown(0), rule: 4,
      process: .init(pid: 6, parentPID: 7, uid: 8, comm: Array("ab".utf8)))
    (expected.timeNanoseconds, expected.argument, expected.access) = (1, 5, [.read, .write])
    expected.peer = .init(address: [12, 0, 0, 13], port: 11, localPort: 10, protocolNumber: 9)
    expected.target = .init(pid: 16, cgroupID: CgroupID(15))
    (expected.pathIsTruncated, expected.argumentsAreTruncated) = (true, true)
    #expect(event(bytes) == expected)
  }
}

import Glibc
import Testing

@testable import System

@Suite(.enabled(if: geteuid() == 0, "needs root: only root has capabilities to give up")) struct CapabilitiesTests {
  /// The sets of the calling thread, by their names in `/proc/PID/status`.
  private static func sets() throws -> [String: [String]] {
    let text = try Files.text("/proc/thread-self/status")
    return Dictionary(
      uniqueKeysWithValues: ["CapPrm", "CapEff", "CapInh", "CapBnd"].map { name in
        let mask = ProcFields.values(of: name, in: text).first.flatMap { UInt64($0, radix: 16) } ?? 0
        return (name, Capabilities.names(in: mask))
      })
  }

  private static let kept = ["CAP_NET_ADMIN", "CAP_BPF"]
  private static let passable = ["CAP_CHOWN", "CAP_NET_ADMIN", "CAP_BPF"]

  /// What a thread that begins with `prologue` has.
  private func found(_ body: @escaping @Sendable () throws -> [String: [String]]) throws -> [String: [String]] {
    let result = Monitor<Result<[String: [String]], any Error>?>(nil)
    try Thread { result.withLock { $0 = Result(catching: body) } }.join()
    return try #require(result.read { $0 }).get()
  }

  @Test("a thread keeps what it is told, passes on what it is told, and the threads that it starts have no more")
  func keep() throws {
    for isChild in [false, true] {
      let sets = try found {
        try Capabilities.keep(Self.kept, passable: Self.passable)
        if !isChild { return try Self.sets() }
        let inner = Monitor<[String: [String]]?>(nil)
        try Thread { inner.withLock { $0 = try? Self.sets() } }.join()
        return inner.read { $0 } ?? [:]
      }
      #expect(sets["CapPrm"] == Self.kept && sets["CapEff"] == Self.kept && sets["CapInh"] == [])
      #expect(sets["CapBnd"] == Self.passable)
    }
  }

  @Test("what a thread gave up does not come back, and asking for it again is no error where nothing has to be dropped")
  func again() throws {
    let sets = try found {
      try Capabilities.keep(["CAP_BPF"], passable: ["CAP_BPF"])
      try Capabilities.keep(Self.kept, passable: ["CAP_BPF"])
      return try Self.sets()
    }
    #expect(sets["CapPrm"] == ["CAP_BPF"] && sets["CapBnd"] == ["CAP_BPF"])
  }

  @Test("where the bounding set cannot be dropped, that is an error, and the rest is given up all the same")
  func withoutSetPCap() throws {
    let sets = try found {
      try Capabilities.keep(["CAP_BPF"], passable: Capabilities.names)
      #expect(throws: Errno.self) { try Capabilities.keep([], passable: []) }
      return try Self.sets()
    }
    #expect(sets["CapPrm"] == [] && sets["CapBnd"] != [])
  }
}

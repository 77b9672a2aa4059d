import Policy
import Testing

@testable import Seccomp

@Suite struct RuntimeInitTests {
  @Test("a filter that denies the init's calls by its default gets them, and says so")
  func added() throws {
    let resolved = try resolved(filter(rule("read", "write")))
    let program = try program(resolved)
    for call in RuntimeInit.always + RuntimeInit.withoutNoNewPrivileges {
      #expect(program.decide(call, on: "SCMP_ARCH_X86_64") == .allow)
    }
    #expect(program.decide("connect", on: "SCMP_ARCH_X86_64") == .errno(1))
    let note = try #require(
      resolved.notes.map(\.description).first { $0.hasPrefix("added for the runtime's init, which runs") })
    #expect(note.contains(" execve ") && !note.contains(" write ") && !note.contains(" read "))
  }

  @Test("the init gets threads, but no processes and no namespaces")
  func threads() throws {
    let resolved = try resolved(filter(rule("read")))
    let program = try program(resolved)
    func clone(_ flags: UInt64) -> FilterAction? {
      program.decide("clone", on: "SCMP_ARCH_X86_64", arguments: [flags])
    }
    #expect(clone(CloneFlags.goThread) == .allow)
    #expect(clone(CloneFlags.glibcThread) == .allow)
    #expect(clone(0x11) == .errno(1))
    #expect(clone(CloneFlags.goThread | 0x1000_0000) == .errno(1))
    #expect(resolved.notes.map(\.description).contains("added for the runtime's init: clone, for threads only"))
  }

  @Test("a filter that allows by default gets nothing")
  func denyList() throws {
    let denying = filter(default: "SCMP_ACT_ALLOW", rule("mount", action: "SCMP_ACT_ERRNO"))
    #expect(try resolved(denying).filter == denying)
  }

  @Test("a call that only some containers need may be denied by a rule, and the note says which then start")
  func noNewPrivileges() throws {
    let notes = try resolved(
      filter(default: "SCMP_ACT_ALLOW", rule("setuid", action: "SCMP_ACT_ERRNO", line: 12))
    ).notes.map(\.description)
    #expect(
      notes.contains(
        "profiles/web.yaml:12: \"setuid\" is denied, so only a container with allowPrivilegeEscalation: false starts"))
  }

  @Test("conditions on a call that the init makes stay as they are, with a note")
  func conditions() throws {
    let limited = rule("openat", if: [argument(2, "MASKED_EQ", 3, 0)], line: 12)
    let resolved = try resolved(filter(limited))
    #expect(resolved.filter.syscalls.filter { $0.names.contains("openat") } == [limited])
    let program = try program(resolved)
    #expect(program.decide("openat", on: "SCMP_ARCH_X86_64", arguments: [0, 0, 0]) == .allow)
    #expect(program.decide("openat", on: "SCMP_ARCH_X86_64", arguments: [0, 0, 1]) == .errno(1))
    #expect(
      resolved.notes.map(\.description).contains(
        "profiles/web.yaml:12: \"openat\" has conditions; the runtime's init makes this call too, and a container "
          + "whose conditions do not cover it does not start"))
  }

  @Test("clone that is denied by a rule stays denied, with a note")
  func deniedClone() throws {
    let resolved = try resolved(
      filter(default: "SCMP_ACT_ALLOW", rule("clone", "clone3", action: "SCMP_ACT_ERRNO", line: 12)))
    #expect(try program(resolved).decide("clone", on: "SCMP_ARCH_X86_64") == .errno(1))
    #expect(
      resolved.notes.map(\.description).contains {
        $0.hasPrefix("profiles/web.yaml:12: \"clone\" is denied; if the runtime's init needs a thread")
      })
    #expect(
      resolved.notes.map(\.description).contains {
        $0.hasPrefix("profiles/web.yaml:12: \"clone3\" is denied with something else")
      })
  }
}

@Suite struct AuditTests {
  private static let denying = filter(
    default: "SCMP_ACT_KILL_PROCESS", rule("read"), rule("dup", action: "SCMP_ACT_ERRNO", errno: 5),
    rule("dup2", action: "SCMP_ACT_TRAP"), rule("dup3", action: "SCMP_ACT_TRACE", errno: 1),
    rule("pipe", action: "SCMP_ACT_KILL"), rule("pipe2", action: "SCMP_ACT_KILL_THREAD"))

  @Test("in mode Audit what would be denied is logged, by every action and by the default")
  func logged() throws {
    let resolved = try resolved(Self.denying, mode: .audit)
    let program = try program(resolved)
    for call in ["dup", "dup2", "dup3", "pipe", "pipe2", "connect", "clone3"] {
      #expect(program.decide(call, on: "SCMP_ARCH_X86_64") == .log)
    }
    #expect(program.decide("read", on: "SCMP_ARCH_X86_64") == .allow)
    #expect(resolved.filter.syscalls.allSatisfy { $0.errnoReturn == nil })
    #expect(throws: Never.self) { try adapt(resolved, to: .withoutErrno) }
  }

  @Test("in mode Audit no architecture kills", arguments: ["SCMP_ARCH_X86", "SCMP_ARCH_X32"])
  func architectures(_ architecture: String) throws {
    let enforced = try program(try resolved(Self.denying))
    #expect(enforced.decide("read", on: architecture) == .killThread)
    let resolved = try resolved(Self.denying, mode: .audit)
    #expect(try program(resolved).decide("read", on: architecture) == .allow)
    #expect(try program(resolved).decide("dup", on: architecture) == .log)
    #expect(
      resolved.notes.map(\.description).contains { $0.hasPrefix("mode Audit: added ") && $0.contains(architecture) })
    #expect(!resolved.notes.map(\.description).contains { $0.hasPrefix("calls of ") })
  }

  @Test("a filter that logs everything is one, although it denies nothing")
  func onlyLogs() throws {
    let resolved = try resolved(filter(default: "SCMP_ACT_LOG"))
    #expect(resolved.filter.defaultAction == "SCMP_ACT_LOG")
  }
}

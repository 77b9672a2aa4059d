import Policy
import Testing

@testable import Recording
@testable import Seccomp

/// The filter, and the kernel section.
@Suite struct RecordedKernelTests {
  @Test("clone may not make namespaces, unless the workload made some")
  func namespaces() throws {
    func program(_ calls: Set<String>) throws -> FilterProgram {
      var recording = Recording.of()
      recording.syscalls = ["SCMP_ARCH_X86_64": calls]
      let section = try #require(RecordedProfile(of: [recording]).profile.seccomp)
      let resolved = try resolve(
        section, profilesFolder: "/", mode: .enforce, environment: RecordedProfileTests.environment)
      return try FilterProgram(
        adapt(resolved, to: .full).filter, architecture: .x86_64, at: section.location)
    }
    let fork: UInt64 = 17
    let namespace: UInt64 = 0x1000_0000
    for (calls, forks, makesNamespaces, clone3) in [
      (["clone3"], true, false, FilterAction.errno(38)), (["read"], false, false, .errno(38)),
      (["clone", "unshare"], true, true, .errno(38)), (["clone", "clone3", "unshare"], true, true, .allow),
    ] as [(Set<String>, Bool, Bool, FilterAction)] {
      let program = try program(calls)
      #expect((program.decide("clone", on: "SCMP_ARCH_X86_64", arguments: [fork]) == .allow) == forks)
      let made = program.decide("clone", on: "SCMP_ARCH_X86_64", arguments: [fork | namespace])
      #expect((made == .allow) == makesNamespaces)
      #expect(program.decide("clone3", on: "SCMP_ARCH_X86_64") == clone3)
    }
  }

  @Test("what kernel.sockets would take away beside sockets keeps it out of the profile")
  func sockets() {
    for (architecture, call) in [("SCMP_ARCH_X86_64", "io_uring_setup"), ("SCMP_ARCH_X86", "read")] {
      var recording = RecordedProfileTests.web
      recording.syscalls[architecture, default: []].insert(call)
      let made = RecordedProfile(of: [recording])
      #expect(made.profile.socketFamilies == nil)
      #expect(made.text.contains("# No kernel.sockets: it would refuse"))
    }
  }

  @Test("what was used is not blocked, and a call that nobody knows is left out")
  func surfaces() {
    var recording = RecordedProfileTests.web
    recording.surfaces = [.mount: 1, .executableMemory: 2]
    recording.syscalls["SCMP_ARCH_X86_64"]?.insert("no_such_call")
    let made = RecordedProfile(of: [recording])
    #expect(made.profile.kernelBlock.count == KernelSurface.allCases.count - 2)
    #expect(made.leftOut == ["no_such_call"])
    recording.surfaces = [:]
    recording.syscalls = [:]
    #expect(!RecordedProfile(of: [recording]).profile.kernelBlock.contains(.executableMemory))
  }
}

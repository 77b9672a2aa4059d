import Compilation
import Policy
import PolicyTesting
import Testing

@Suite struct CompileRecordedTests {
  private func compile(_ change: (inout Profile) -> Void) throws -> CompiledPolicy {
    var profile = Profile(name: "web", file: "web.yaml")
    change(&profile)
    return try PolicyCompiler.compile(profile, isRecorded: true)
  }

  @Test("all sections are there and audit, and so does bind(2) to every port")
  func empty() throws {
    let policy = try compile { _ in }
    #expect(policy.process?.defaultAction == .audit && policy.process?.newExecutables == .audit)
    #expect(policy.process?.auditsEntrypoint == true)
    #expect(policy.file?.defaultAction == .audit)
    #expect(policy.egress?.defaultAction == .audit && policy.ingress?.defaultAction == .audit)
    #expect(
      policy.binds.map(\.action) == [.audit, .audit] && policy.binds.allSatisfy { $0.first == 0 && $0.last == .max })
  }

  @Test("surfaces that are not blocked are audited, and those that are blocked stay so")
  func surfaces() throws {
    let kernel = try compile { $0.kernelBlock = [.mount, .bpf] }.kernel
    #expect(kernel?.blocked == [.mount, .bpf])
    #expect(kernel?.audited == Set(KernelSurface.allCases).subtracting([.mount, .bpf]))
  }

  @Test("sockets of all families are told, and those that are blocked stay so")
  func families() throws {
    let open = try compile { _ in }.kernel?.sockets
    #expect(open == .init(families: [], action: .audit))
    let listed = try compile { $0.socketFamilies = [.unix] }.kernel?.sockets
    #expect(listed == .init(families: [.unix], action: .block, auditsListed: true))
    let audited = try compile {
      ($0.socketFamilies, $0.mode) = ([.unix], .audit)
    }.kernel?.sockets
    #expect(audited == .init(families: [], action: .audit))
  }

  @Test("a port of `bind` is told and stays allowed, though ingress blocks it")
  func binds() throws {
    let policy = try compile {
      $0.network.ingress = .section(.block)
      $0.network.bind = BindList(
        ports: [PortRule(transport: .tcp, first: 80, last: 80)], location: Location(file: "web.yaml", line: 1))
    }
    #expect(policy.binds.first?.action == .audit && policy.binds.first?.first == 80)
    #expect(policy.binds.dropFirst().allSatisfy { $0.action == .block })
  }

  @Test("a recorded profile is another text than the same profile")
  func text() throws {
    let profile = Profile(name: "web", file: "web.yaml")
    #expect(try CompiledProfile(profile) != CompiledProfile(profile, recording: .facts))
    #expect(try CompiledProfile(profile) == CompiledProfile(profile))
  }
}

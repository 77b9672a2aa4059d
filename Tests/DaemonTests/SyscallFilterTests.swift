import BPF
import Daemon
import Glibc
import Logging
import Policy
import Testing

@testable import Seccomp

/// Which events of calls become records, by the filters that were sent.
@Suite struct SyscallFilterTests {
  private static let cgroup = CgroupID(7)
  private static let place = Location(file: "web.yaml", line: 5)

  private func sent(_ change: (inout SeccompFilter) -> Void) throws -> (filter: SeccompFilter, of: ResolvedSeccomp) {
    var filter = SeccompFilter(defaultAction: "SCMP_ACT_ALLOW")
    var rule = SeccompFilter.Rule(names: ["mkdir"], action: "SCMP_ACT_ERRNO")
    (rule.location, rule.index) = (Self.place, 0)
    filter.syscalls = [rule]
    change(&filter)
    let resolved = try resolve(
      SeccompSection(source: .inline(filter), location: Self.place), profilesFolder: "/nonexistent", mode: .enforce,
      environment: environment)
    return (try adapt(resolved, to: .full).filter, resolved)
  }

  private func filters(
    _ wanted: NodeConfiguration.SeccompEvents = .auto, known: Bool = true,
    _ change: (inout SeccompFilter) -> Void = { _ in }
  ) throws -> SyscallFilters {
    let filters = SyscallFilters(
      nil, problem: "a test", architecture: .x86_64, log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    filters.begin(wanted)
    filters.insert("c1", Self.cgroup, known ? try sent(change) : nil)
    return filters
  }

  private func call(_ number: Int32, result: Int64 = -1, isCertain: Bool = false) -> KernelEvent.Syscall {
    .init(
      number: number, architecture: 0xc000_003e, arguments: [0, 0, 0, 0, 0, 0], result: result, isCertain: isCertain)
  }

  @Test("a call that the container's filter denies is told with its rule, and one that fails by itself is not")
  func replayed() throws {
    let filters = try filters()
    let ruling = try #require(filters.ruling(Self.cgroup, call(83)))
    #expect(ruling.name == "mkdir" && ruling.error == "EPERM")
    #expect(ruling.rule?.text == "seccomp.syscalls[0] (web.yaml:5)")
    #expect(filters.ruling(Self.cgroup, call(84)) == nil)
    #expect(filters.ruling(Self.cgroup, call(84, isCertain: true)) == nil, "another filter denied it")
    #expect(filters.ruling(CgroupID(8), call(83)) == nil)
  }

  @Test("of a container whose filter is not known, only what is certain is told, and without a rule")
  func unknown() throws {
    let filters = try filters(known: false)
    #expect(filters.ruling(Self.cgroup, call(83)) == nil)
    let ruling = try #require(filters.ruling(Self.cgroup, call(83, isCertain: true)))
    #expect(ruling.rule == nil && ruling.name == "mkdir")
  }

  @Test("a reconnect does not forget the filter that was sent, and another container in the cgroup has another")
  func reconnect() throws {
    let filters = try filters()
    filters.insert("c1", Self.cgroup, nil)
    #expect(filters.ruling(Self.cgroup, call(83)) != nil)
    filters.insert("c2", Self.cgroup, nil)
    #expect(filters.ruling(Self.cgroup, call(83)) == nil)
  }

  @Test("what a container did before its end is told after it")
  func ended() throws {
    let filters = try filters()
    filters.keep { $0 != "c1" }
    #expect(filters.ruling(Self.cgroup, call(83)) != nil)
  }

  @Test("nothing is told if the configuration asks for nothing")
  func unwanted() throws { #expect(try filters(.none).ruling(Self.cgroup, call(83)) == nil) }

  @Test("clone3 that answers ENOSYS is not told")
  func fallback() throws {
    let filters = try filters {
      ($0.syscalls[0].names, $0.syscalls[0].errnoReturn) = (["clone3"], UInt32(ENOSYS))
    }
    #expect(filters.ruling(Self.cgroup, call(435, result: Int64(-ENOSYS))) == nil)
  }

  @Test("a call that a tracer let pass, and the child of a logged fork, are not told")
  func otherwise() throws {
    let traced = try filters { $0.syscalls[0].action = "SCMP_ACT_TRACE" }
    #expect(traced.ruling(Self.cgroup, call(83)) == nil)
    #expect(traced.ruling(Self.cgroup, call(83, result: Int64(-ENOSYS))) != nil)
    let logged = try filters { ($0.syscalls[0].action, $0.syscalls[0].names) = ("SCMP_ACT_LOG", ["fork"]) }
    #expect(logged.ruling(Self.cgroup, call(57, result: 0)) == nil)
    #expect(logged.ruling(Self.cgroup, call(57, result: 42))?.isAudited == true)
  }
}

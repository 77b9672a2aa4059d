import Glibc
import Testing

@testable import Try

@Suite("what a run needs")
struct RequirementTests {
  @Test("without root it says so, before anything else", .enabled(if: geteuid() == 0, "needs root"))
  func root() async {
    let result = await #expect(processExitsWith: .exitCode(125), observing: [\.standardErrorContent]) {
      seteuid(65534)
      exit(Try.main(["--profile", "/nosuch", "--runc", "nosuch", "--", "true"]) { _ in fatalError("no plugin") })
    }
    let said = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
    #expect(said.contains("stockade try: it takes root to make containers: run stockade try as root\n"))
  }

  @Test("a machine without runc is told how to get it")
  func runc() async {
    let result = await #expect(processExitsWith: .exitCode(125), observing: [\.standardErrorContent]) {
      setenv("PATH", "/nosuch", 1)
      exit(Try.main(["--profile", "/nosuch", "--", "true"]) { _ in fatalError("no plugin") })
    }
    let said = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
    #expect(
      geteuid() != 0
        || said.contains(
          "cannot run runc: no such file or directory; install it (apt-get install runc), or name another OCI runtime")
    )
  }
}

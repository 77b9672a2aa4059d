import Testing

@testable import Daemon

@Suite struct OtherStockadeTests {
  @Test(
    "a service is told from what ends with its runtime by its command line",
    arguments: [
      ("/usr/local/sbin/stockade\0run\0--config\0x\0", true), ("stockade\0run\0", true),
      ("10-stockade\0", false), ("stockade\0kept\0stockade\010\0/run/nri/nri.sock\0", false),
      ("run\0", false), ("stockade\0\0run\0", false), ("", false),
    ])
  func commandLine(line: String, expected: Bool) { #expect(OtherStockade.isService(Array(line.utf8)) == expected) }

  @Test("one of another pid namespace is a service, and one that has ended is none")
  func process() {
    #expect(OtherStockade(pid: nil).isService)
    #expect(!OtherStockade(pid: .max).isService)
  }
}

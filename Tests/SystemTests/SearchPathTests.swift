import Glibc
import System
import Testing

@Suite struct SearchPathTests {
  @Test("the first program of a name that may be run is found; else the error says whether there is one")
  func find() throws {
    let folder = "/tmp/stockade-search-\(UInt64.random(in: 0...UInt64.max))"
    try Files.makeFolder(folder + "/first")
    try Files.makeFolder(folder + "/second")
    for (name, mode) in [("first/tool", mode_t(0o644)), ("second/tool", 0o755), ("first/text", 0o644)] {
      try Files.write("", to: "\(folder)/\(name)", mode: mode)
    }
    defer {
      for name in ["first/tool", "second/tool", "first/text"] { unlink("\(folder)/\(name)") }
      for name in ["/first", "/second", ""] { rmdir(folder + name) }
    }
    let search = SearchPath(["\(folder)/none", "\(folder)/first", "\(folder)/second"])
    #expect(try search.find("tool") == "\(folder)/second/tool")
    #expect(try search.find("\(folder)/second/tool") == "\(folder)/second/tool")
    #expect(throws: Errno(EACCES, "run text")) { try search.find("text") }
    #expect(throws: Errno(ENOENT, "run other")) { try search.find("other") }
    #expect(throws: Errno(EACCES, "run \(folder)/first/text")) { try search.find("\(folder)/first/text") }
  }
}

import Testing

@testable import BPF

@Suite struct EntranceTests {
  private let entrance = Entrance()

  private func clear(_ isEmpty: Bool = true, meanwhile: () throws(BPFError) -> Void = {}) throws -> Bool {
    var isRemoved = false
    try entrance.clear(
      if: { () throws(BPFError) in
        try meanwhile()
        return isEmpty
      }
    ) { isRemoved = true }
    return isRemoved
  }

  @Test("what is found empty is removed, and nothing else")
  func removed() throws {
    #expect(try clear())
    #expect(try !clear(false))
    try entrance.enter {}
    #expect(try clear(), "it came before")
  }

  @Test("whoever comes while it is looked does not wait, and keeps what is there")
  func entered() throws {
    // With the lock held meanwhile, this would not end.
    #expect(try !clear { () throws(BPFError) in try entrance.enter {} })
    #expect(try clear { () throws(BPFError) in try entrance.hold {} }, "that is no one who comes")
  }

  @Test("one whose write fails may have come all the same")
  func failed() throws {
    let kept = try !clear {
      try? entrance.enter { () throws(BPFError) in throw .unavailable("a test") }
    }
    #expect(kept)
  }
}

import System
import Testing

@Suite("recent values")
struct RecentValuesTests {
  @Test("the oldest gives way, and what was removed leaves room")
  func limit() {
    var values = RecentValues<Int, String>(limit: 3)
    for key in 1...3 { values.insert("\(key)", for: key) }
    values.insert("new", for: 1)
    #expect(values.count == 3 && values[1] == "new")
    values.insert("4", for: 4)
    #expect(values[1] == nil && values[4] == "4" && values.count == 3)
    values.remove(2)
    values.insert("2", for: 2)
    #expect(values.count == 3 && values[3] == "3")
    values.insert("5", for: 5)
    #expect(values[3] == nil && values[2] == "2")
    values.keep { $0 == 5 }
    #expect(values.count == 1)
  }

  @Test("ever so many insertions and removals leave nothing")
  func churn() {
    var values = RecentValues<Int, Int>(limit: 10)
    for key in 0..<10_000 {
      values.insert(key, for: key)
      if key % 3 > 0 { values.remove(key) }
    }
    #expect(values.count == 10)
    #expect((0..<10_000).filter { values[$0] != nil }.allSatisfy { $0 % 3 == 0 && $0 > 9_900 })
  }
}

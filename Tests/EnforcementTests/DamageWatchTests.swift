import BPF
import Enforcement
import Testing

/// What of the damage is told, and when.
@Suite struct DamageWatchTests {
  private var watch = DamageWatch()
  private let mended = Damage(.maps, gone: ["containers"])
  private let broken = Damage(.maps, gone: ["containers"], problem: "read-only file system")

  @Test("what is mended at once is told each time that it happens")
  mutating func mendedAtOnce() {
    for found in [[mended], [], [mended], [mended]] { #expect(watch.news(found) == found) }
  }

  @Test("what stands is told once, and once when it is mended", arguments: [true, false])
  mutating func standing(isMendedByUs: Bool) {
    #expect(watch.news([broken]) == [broken])
    for _ in 0..<3 { #expect(watch.news([broken]).isEmpty) }
    #expect(watch.news(isMendedByUs ? [mended] : []) == [mended])
    #expect(watch.news([]).isEmpty)
  }

  @Test("what gets worse, or has another reason, is told")
  mutating func changed() {
    #expect(watch.news([broken]) == [broken])
    let worse = Damage(.maps, gone: ["containers", "rate"], problem: broken.problem)
    #expect(watch.news([worse]) == [worse])
    let other = Damage(.maps, gone: ["containers", "rate"], problem: "no space left on device")
    #expect(watch.news([other]) == [other])
  }

  @Test("each container's is told for itself")
  mutating func containers() {
    let (one, two) = (Damage(.network(1), detached: ["egress"], problem: "p"), Damage(.network(2), gone: ["bind4"]))
    #expect(watch.news([one]) == [one])
    #expect(watch.news([one, two]) == [two])
    #expect(watch.news([two]) == [two, Damage(.network(1), detached: ["egress"])])
  }

  @Test("beyond eight names the others are counted, and what is not known is said")
  func text() {
    let names = (1...9).map { "n\($0)" }
    #expect(
      Damage(.programs, detached: ["a", "b"], gone: names, replaced: ["c"]).what
        == "programs of the node: programs did not run: a, b; pins were gone: n1, n2, n3, n4, n5, n6, n7, n8 and 1 more; "
        + "pins were something else's: c")
    #expect(Damage(.maps, problem: "p").what == "tables: it could not be put right")
  }
}

@Suite struct FillWatchTests {
  @Test("a table is told of at 90 percent, once, and again after it was below 80")
  func fills() {
    var watch = FillWatch()
    func isTold(_ count: Int) -> Bool { !watch.news([MapFill("gates", count, of: 1000)]).isEmpty }
    let counts = [0, 899, 900, 1000, 850, 900, 800, 900, 799, 899, 900]
    #expect(counts.filter(isTold) == [900, 900])
    #expect(watch.news([MapFill("rate", 10, of: 10)]).map(\.name) == ["rate"], "each by itself")
  }
}

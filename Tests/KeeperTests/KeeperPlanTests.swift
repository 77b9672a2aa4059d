import Testing

@testable import Keeper

@Suite struct KeeperPlanTests {
  typealias Event = KeeperPlan.Event
  typealias Action = KeeperPlan.Action

  /// The actions that are not `nothing`, with the number of the event that each one followed.
  private func run(_ plan: inout KeeperPlan, _ events: [Event]) -> [String] {
    events.enumerated().compactMap { index, event in
      let action = plan.receive(event)
      return action == .nothing ? nil : "\(index): \(action)"
    }
  }

  private func looks(_ count: Int, beat: Bool = false) -> [Event] { Array(repeating: .look(beat: beat), count: count) }

  /// A plan whose launched plugin is replaced already.
  private var replaced: KeeperPlan {
    var plan = KeeperPlan()
    _ = plan.receive(.servantEnded)
    _ = plan.receive(.started)
    return plan
  }

  @Test("a launched plugin that is gone is replaced at once")
  func launchedEnds() {
    var plan = KeeperPlan()
    #expect(run(&plan, looks(3, beat: true) + [.servantEnded]) == ["3: start"])
    #expect(plan.receive(.started) == .nothing)
    #expect(plan.state == .serves(.started, silent: 0, looks: 0))
  }

  @Test("3 seconds without a beat are the end of it, and one beat less is not")
  func silence() {
    #expect(KeeperPlan.silentLooksMax * KeeperPlan.servingLookMilliseconds == 3000)
    var plan = KeeperPlan()
    let most = KeeperPlan.silentLooksMax - 1
    #expect(run(&plan, looks(most) + [.look(beat: true)] + looks(most)) == [])
    #expect(run(&plan, looks(1)) == ["0: kill"])
    #expect(run(&plan, looks(100)) == [], "it is killed once")
    #expect(plan.receive(.servantEnded) == .start)
  }

  @Test("one that the keeper started and that is silent is killed as well")
  func silenceOfStarted() {
    var plan = replaced
    #expect(run(&plan, looks(KeeperPlan.silentLooksMax)) == ["5: kill"])
    #expect(plan.receive(.servantEnded) == .start)
  }

  @Test("who fails again and again waits longer each time, to a limit, and is forgiven in the end")
  func backOff() {
    var plan = replaced
    var waits: [Int] = []
    for _ in 0..<12 {
      var wait = 0
      var action = plan.receive(.servantEnded)
      while action != .start {
        action = plan.receive(.look(beat: false))
        wait += 1
      }
      waits.append(wait)
      _ = plan.receive(.started)
    }
    #expect(waits == [0, 5, 10, 20, 40, 50, 50, 50, 50, 50, 50, 50])
    _ = run(&plan, looks(KeeperPlan.soundLooks, beat: true))
    #expect(plan.receive(.servantEnded) == .start)
  }

  @Test("without a socket it is looked for again and again, more rarely in the end, and said until it was heard")
  func noSocket() {
    var plan = KeeperPlan()
    #expect(plan.receive(.servantEnded) == .start)
    var complaints: [Int] = []
    var starts = 1
    for look in 0..<10_000 {
      if look > 0, plan.receive(.look(beat: false)) != .start { continue }
      starts += 1
      guard plan.receive(.notStarted) == .complain else { continue }
      complaints.append(look)
      // The first one is lost.
      if complaints.count == 2 { #expect(plan.receive(.complained) == .nothing) }
    }
    #expect(complaints == [KeeperPlan.vainStartsMax - 1, KeeperPlan.vainStartsMax + 9])
    #expect(starts < 10_000 / 10 + KeeperPlan.vainStartsMax + 2)
    #expect(KeeperPlan.vainStartsMax * KeeperPlan.waitingLookMilliseconds == 10_000)
  }

  @Test("with the runtime gone, one that the keeper started is asked to end, waited for, and killed after a second")
  func runtimeEnds() {
    var plan = replaced
    #expect(plan.receive(.runtimeEnded) == .terminate)
    #expect(run(&plan, looks(KeeperPlan.endingLooksMax)) == ["9: kill"])
    #expect(KeeperPlan.endingLooksMax * KeeperPlan.waitingLookMilliseconds == 1000)
    #expect(run(&plan, looks(100)) == [])
    #expect(plan.receive(.servantEnded) == .end)
    #expect(plan.state == .over)
  }

  @Test("with the runtime gone, a launched plugin ends by itself, or is killed after a second: it has the lock")
  func runtimeEndsBeforeLaunched() {
    var plan = KeeperPlan()
    #expect(plan.receive(.runtimeEnded) == .nothing)
    #expect(plan.receive(.servantEnded) == .end)
    plan = KeeperPlan()
    _ = plan.receive(.runtimeEnded)
    #expect(run(&plan, looks(KeeperPlan.endingLooksMax)) == ["9: kill"])
    #expect(plan.receive(.servantEnded) == .end)
  }

  @Test("with the runtime gone nothing is started, whatever comes after")
  func nothingAfterRuntime() {
    for first: [Event] in [[], [.servantEnded], [.servantEnded, .started], [.servantEnded, .notStarted]] {
      var plan = KeeperPlan()
      _ = run(&plan, first)
      let rest: [Event] = [.runtimeEnded, .look(beat: false), .servantEnded, .look(beat: true), .toldToEnd]
      #expect(!run(&plan, rest + looks(100)).contains { $0.hasSuffix("start") }, "\(first)")
    }
  }

  @Test("told to end, it ends what it started, and leaves a launched plugin alone")
  func toldToEnd() {
    var plan = KeeperPlan()
    #expect(plan.receive(.toldToEnd) == .end)
    plan = replaced
    #expect(plan.receive(.toldToEnd) == .terminate)
    #expect(plan.receive(.servantEnded) == .end)
    plan = KeeperPlan()
    _ = run(&plan, [.servantEnded, .notStarted])
    #expect(plan.receive(.toldToEnd) == .end)
  }

  @Test("never are there two: one is started only once the one before has ended")
  func neverTwo() {
    let all: [Event] = [
      .look(beat: true), .look(beat: false), .servantEnded, .runtimeEnded, .toldToEnd, .started, .notStarted,
    ]
    for seed in 0..<2000 {
      var random = UInt64(seed + 1)
      var plan = KeeperPlan()
      var isThere = true
      for _ in 0..<200 {
        random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        var event = all[Int(random >> 33) % all.count]
        // What can happen: an end of one that is there; a start only where it is asked for.
        if event == .servantEnded, !isThere { continue }
        if event == .started || event == .notStarted { continue }
        if event == .servantEnded { isThere = false }
        while plan.receive(event) == .start {
          #expect(!isThere, "seed \(seed)")
          event = random & 1 << 40 == 0 ? .started : .notStarted
          isThere = event == .started
        }
      }
    }
  }
}

import BPF
import Enforcement
import Glibc
import Policy
import PolicyTesting
import System
import Testing

/// What the kernel does of random execs under random profiles, against what Policy decides from the rules.
@Suite(.enabled(if: ExecBench.isPossible, ExecBench.why), .serialized)
struct ExecOracleTests {
  @Test("the kernel decides as the profile's rules say", arguments: 0..<12 as Range<UInt64>)
  func sameDecisions(_ seed: UInt64) throws {
    var random = SplitMix(state: seed)
    let world = try ExecWorld()
    let paths = RandomPaths(folder: world.folder)
    for name in paths.files { _ = try world.program(name) }
    for _ in 0..<4 {
      var profile = Profile(name: "random", file: "random.yaml")
      profile.process = paths.process(&random)
      try world.apply(profile)
      for _ in 0..<12 { compare(profile, world, paths, &random) }
    }
  }

  private func compare(
    _ profile: Profile, _ world: ExecWorld, _ paths: RandomPaths, _ random: inout SplitMix
  ) {
    let path = paths.path(paths.files.randomElement(using: &random)!)
    // Python refuses an empty argv[0].
    let words =
      ["p"] + (0..<Int.random(in: 0...3, using: &random)).map { _ in paths.words.randomElement(using: &random)! }
    let before = world.events.count
    let list = words.map { "'\($0)'" }.joined(separator: ", ")
    let answer = world.run("child(lambda: os.execv('\(path)', [\(list)]))")
    let events = world.events.dropFirst(before)
    PropertyCount.add("real execs")
    let expected = profile.decideExec(path: path, isNew: true, arguments: words)
    let context = Comment(rawValue: "\(path) \(words) under \(profile.process!)")
    #expect(answer == (expected.action == .block ? "killed" : "ran"), context)
    #expect(events.count == (expected.action == .allow ? 0 : 1), context)
    guard let event = events.first else { return }
    #expect(event.reason == expected.reason.kernelReason, context)
    if expected.reason != .newExecutables {
      #expect(event.rule == expected.rule, context)
    }
    if let argument = expected.argument { #expect(event.argument == argument, context) }
  }
}

extension Decision.Reason {
  /// nil: what is allowed for this reason is not reported.
  fileprivate var kernelReason: EventReason? {
    switch self {
    case .rule: .rule
    case .defaultAction: .defaultAction
    case .newExecutables: .newExecutables
    case .fileless: .fileless
    case .overLongPath: .overLongPath
    case .argument: .argument
    case .overLongArguments: .overLongArguments
    case .noSection, .entrypoint: nil
    }
  }
}

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
  private static let names = ["a", "ab", "b", "d/a", "d/ab", "d/e/a", "d/e/b", "d/e/f/a", "de/a"]
  private static let directories = ["", "d", "d/e", "d/e/f", "de"]
  private static let words = ["", "x", "xy", "yx", "xyxy", "-x", "y y", "xx"]

  @Test("the kernel decides as the profile's rules say", arguments: 0..<12 as Range<UInt64>)
  func sameDecisions(_ seed: UInt64) throws {
    var random = SplitMix(state: seed)
    let world = try ExecWorld()
    for name in Self.names { _ = try world.program(name) }
    for _ in 0..<4 {
      var profile = Profile(name: "random", file: "random.yaml")
      profile.process = section(world.folder, &random)
      try world.apply(profile)
      for _ in 0..<12 { compare(profile, world, &random) }
    }
  }

  private func compare(_ profile: Profile, _ world: ExecWorld, _ random: inout SplitMix) {
    let path = "\(world.folder)/\(Self.names.randomElement(using: &random)!)"
    // Python refuses an empty argv[0].
    let words =
      ["p"] + (0..<Int.random(in: 0...3, using: &random)).map { _ in Self.words.randomElement(using: &random)! }
    let before = world.events.count
    let list = words.map { "'\($0)'" }.joined(separator: ", ")
    let answer = world.run("child(lambda: os.execv('\(path)', [\(list)]))")
    let events = world.events.dropFirst(before)
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

  private func section(_ folder: String, _ random: inout SplitMix) -> ProcessSection {
    var section = ProcessSection()
    section.defaultAction = Action.allCases.randomElement(using: &random)!
    // Everything is new here: mostly allowed, so that the rules are seen.
    section.newExecutables = [.allow, .allow, .allow, .audit, .block].randomElement(using: &random)!
    section.rules = (0..<Int.random(in: 0...7, using: &random)).map { _ in rule(folder, &random) }
    return section
  }

  private func rule(_ folder: String, _ random: inout SplitMix) -> PathRule {
    let isDirectory = Bool.random(using: &random)
    let name = (isDirectory ? Self.directories : Self.names).randomElement(using: &random)!
    var rule = PathRule(
      path: name.isEmpty ? folder : "\(folder)/\(name)", isDirectory: isDirectory,
      action: Action.allCases.randomElement(using: &random)!, location: Location(file: "random.yaml", line: 1))
    rule.recursive = isDirectory && Bool.random(using: &random)
    rule.allowNew = Bool.random(using: &random)
    if Bool.random(using: &random) {
      rule.arguments = (0..<Int.random(in: 1...3, using: &random)).map { _ in argument(&random) }
    }
    return rule
  }

  private func argument(_ random: inout SplitMix) -> ArgumentRule {
    ArgumentRule(
      kind: ArgumentRule.Kind.allCases.randomElement(using: &random)!,
      text: Self.words.dropFirst().randomElement(using: &random)!,
      index: Bool.random(using: &random) ? nil : Int.random(in: 0...3, using: &random),
      action: Action.allCases.randomElement(using: &random)!)
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

import BPF
import CBPF
import CStockade
import Compilation
import Enforcement
import Glibc
import Policy
import PolicyTesting
import System
import Testing

/// The kernel's decision about a file that is mapped as code, against what Policy decides from the rules. LSM programs
/// cannot be run on demand, so a program runs the same functions.
@Suite(.enabled(if: ExecBench.isPossible, ExecBench.why), .serialized)
struct MappingOracleTests {
  private static let names = ["a", "d/a", "d/e/a"]

  @Test("of a mapped file's rule and its argument rules the strictest decides", arguments: 0..<8 as Range<UInt64>)
  func sameDecisions(_ seed: UInt64) throws {
    var random = SplitMix(state: seed)
    let world = try ExecWorld()
    for name in Self.names { _ = try world.program(name) }
    let object = try TestObject.load(
      TestObject.compiled("mapping_decision"),
      sharing: ["policies", "path_rules", "path_hash_keys", "arguments", "counters", "events", "rate"]
    ) { try world.bench.policy.shared.descriptor($0)!.number }
    defer { bpf_object__close(object) }
    let program = bpf_program__fd(bpf_object__find_program_by_name(object, "mapping_decision"))
    for _ in 0..<8 {
      var profile = Profile(name: "random", file: "random.yaml")
      profile.process = section(world.folder, &random)
      try world.apply(profile)
      for name in Self.names {
        let path = "\(world.folder)/\(name)"
        let file = try FileDescriptor(open: path, O_RDONLY)
        let answer = try TestObject.run(program, [UInt64(file.number), #require(world.revision).number])
        PropertyCount.add("real paths")
        let expected = profile.decideMapping(path: path, isNew: true)
        let context = Comment(rawValue: "\(path) under \(profile.process!)")
        #expect(Action(rawValue: UInt8(answer & 0xff)) == expected.action, context)
        if expected.reason == .rule { #expect(Int(answer >> 16) == expected.rule, context) }
      }
    }
  }

  private func section(_ folder: String, _ random: inout SplitMix) -> ProcessSection {
    var section = ProcessSection()
    section.defaultAction = .block
    section.newExecutables = Action.allCases.randomElement(using: &random)!
    section.rules = (0..<Int.random(in: 1...5, using: &random)).map { _ in
      let name = Self.names.randomElement(using: &random)!
      var rule = PathRule(
        path: "\(folder)/\(name)", isDirectory: false, action: Action.allCases.randomElement(using: &random)!,
        location: Location(file: "random.yaml", line: 1))
      rule.allowNew = Bool.random(using: &random)
      rule.arguments = (0..<Int.random(in: 0...2, using: &random)).map { _ in
        ArgumentRule(kind: .equals, text: "x", index: nil, action: Action.allCases.randomElement(using: &random)!)
      }
      return rule
    }
    return section
  }
}

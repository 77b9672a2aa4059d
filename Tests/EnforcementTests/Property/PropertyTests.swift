import Glibc
import Policy
import PolicyTesting
import Testing

/// The reference model against the kernel's own decisions, on random profiles and questions. `explain`, `diff` and
/// recordings trust the model because of this.
@Suite(.enabled(if: ExecBench.isPossible, ExecBench.why), .serialized)
struct PropertyTests {
  /// How many questions a run asks.
  private static let questions = 100_000
  private static let seedVariable = "STOCKADE_PROPERTY_SEED"

  /// The seed of this run; another one each time, unless the environment has one.
  private static let seed = getenv(seedVariable).flatMap { UInt64(String(cString: $0)) } ?? .random(in: 1 ... .max)

  private static var remedy: String { "\(seedVariable)=\(seed) repeats the run" }

  @Test("model and kernel say the same, and a model with one broken rule does not")
  func sameVerdicts() throws {
    let kernel = try PropertyKernel()
    var generator = PropertyGenerator(seed: Self.seed)
    var hunt = MutantHunt()
    var (count, wrong) = (0, 0)
    while count < Self.questions {
      let profile = generator.profile()
      try kernel.apply(profile)
      for _ in 0..<PropertyGenerator.questionsOfProfile {
        let question = generator.question()
        let (said, expected) = (try kernel.verdict(on: question), profile.verdict(on: question))
        count += 1
        hunt.look(profile, question, expected, count)
        if said == expected { continue }
        wrong += 1
        Issue.record(
          "\(question): the kernel says \(said.map(\.text) ?? "nothing"), the model \(expected.text); \(Self.remedy)")
        // More of them would say the same.
        if wrong == 5 { return }
      }
    }
    print("property: \(count) questions, \(hunt.found.count) of \(Mutant.all.count) mutants found, seed \(Self.seed)")
    for (name, after) in hunt.found.sorted(by: { $0.value < $1.value }) { print("property: after \(after): \(name)") }
    #expect(hunt.missing.isEmpty, "\(Self.remedy)")
  }
}

/// Finds out after how many questions each mutant says something else than the model.
private struct MutantHunt {
  private(set) var found: [String: Int] = [:]
  private var left = Mutant.all

  var missing: [String] { left.map(\.name) }

  mutating func look(_ profile: Profile, _ question: PropertyQuestion, _ expected: PropertyVerdict, _ count: Int) {
    left.removeAll { mutant in
      if mutant.verdict(of: profile, on: question) == expected { return false }
      found[mutant.name] = count
      return true
    }
  }
}

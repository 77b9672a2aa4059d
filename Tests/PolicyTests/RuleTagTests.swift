import Policy
import Testing

/// The tags of rules in a profile's text.
struct RuleTagTests {
  private func text(_ tags: String) -> String {
    """
    apiVersion: stockade.dev/v1alpha1
    kind: SecurityProfile
    metadata: {name: p}
    spec:
      process: {rules: [{path: /a, action: Block, tags: \(tags)}]}
      file: {rules: [{path: /b, action: Block, tags: \(tags)}]}
      network: {ingress: {rules: [{ports: [{port: 1}], action: Block, tags: \(tags)}]}}

    """
  }

  @Test("each kind of rule can have tags")
  func kinds() throws {
    let layer = try ProfileLayer.parse(Array(text("[T1059.004, 'owner:web/1', a_b-c]").utf8), file: "p.yaml")
    let profile = try ProfileResolver(layers: [:], lookedIn: "profiles").resolve(layer)
    let expected = ["T1059.004", "owner:web/1", "a_b-c"]
    #expect(profile.process?.rules[0].tags == expected)
    #expect(profile.fileAccess?.rules[0].tags == expected)
    #expect(profile.network.ingress?.rules[0].tags == expected)
  }

  @Test(
    "a tag is a short word, and a rule has few",
    arguments: [
      ("[]", "tags is empty; add to it or leave it out"), ("[a, a]", "names \"a\" twice; remove one"),
      ("[a b]", "tags[0] \"a b\" is no tag; write at most 64 letters, digits and . _ - : /"),
      ("['ä']", "tags[0] \"ä\" is no tag"), ("[\(String(repeating: "x", count: 65))]", "is no tag"),
      ("[1]", "tags[0] is the number 1; write it in quotes"),
      ("[a, b, c, d, e, f, g, h, i]", "tags has 9 elements; at most 8 fit"), ("word", "is the text"),
    ])
  func broken(tags: String, message: String) {
    let problems = problems(of: text(tags)) ?? "none"
    #expect(problems.split(separator: "\n").filter { $0.contains(message) }.count == 3, "\(problems)")
  }
}

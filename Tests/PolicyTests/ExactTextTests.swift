import Policy
import PolicyTesting
import System
import Testing

/// Texts that only look alike are different paths, as for the kernel.
@Suite struct ExactTextTests {
  private static let composed = "/data/\u{e4}"
  private static let decomposed = "/data/a\u{308}"

  @Test("the same characters in other bytes are another text")
  func bytes() {
    #expect(Self.composed == Self.decomposed)
    #expect(ExactText(Self.composed) != ExactText(Self.decomposed))
    #expect(Set([ExactText(Self.composed), ExactText(Self.decomposed), ExactText(Self.composed)]).count == 2)
    #expect(ExactText(Self.decomposed) < ExactText(Self.composed))
  }

  @Test("rules, their arguments and their aliases are equal only byte for byte")
  func rules() {
    #expect(PathRule.path(Self.composed, .block) != .path(Self.decomposed, .block))
    let arguments = [Self.composed, Self.decomposed].map {
      ArgumentRule(kind: .equals, text: $0, index: 1, action: .block)
    }
    #expect(arguments[0] != arguments[1])
    let aliases = [Self.composed, Self.decomposed].map {
      RuleAlias(section: .file, rule: 0, path: $0, isOfImage: true)
    }
    #expect(Set(aliases).count == 2)
  }

  @Test("two folders whose names only look alike are two")
  func folders() {
    var profile = Profile(name: "web", file: "web.yaml")
    profile.process = .section(.block, .path("\(Self.composed)/x", .allow), .path("\(Self.decomposed)/x", .allow))
    #expect(RulePaths(of: profile).folders.count == 3)
  }

  @Test("a path is divided at each slash, also before an accent")
  func names() { #expect("/data/\u{308}x/y".pathNames == ["data", "\u{308}x", "y"]) }

  @Test("two files whose names only look alike are both read, and a change from one spelling to the other is one")
  func profiles() throws {
    try withFolder { folder in
      let rule = { (path: String) in "process: {defaultAction: Block, rules: [{path: \(path), action: Allow}]}" }
      try Files.write(file(rule(Self.composed), name: "a"), to: "\(folder)/\u{e4}.yaml")
      try Files.write(file(rule(Self.composed), name: "b"), to: "\(folder)/a\u{308}.yaml")
      var store = ResolvedProfiles(folder: folder)
      #expect(store.reload().changed == ["a", "b"])
      try Files.write(file(rule(Self.decomposed), name: "b"), to: "\(folder)/a\u{308}.yaml")
      #expect(store.reload().changed == ["b"])
    }
  }
}

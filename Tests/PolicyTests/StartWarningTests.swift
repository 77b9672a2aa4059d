import Policy
import Testing

@Suite struct StartWarnings {
  @Test(
    "a profile under which nothing can start is accepted with a warning",
    arguments: [
      ("process: {defaultAction: Block}", 5),
      ("process:\n  defaultAction: Block\n  rules: [{path: /bin/sh, action: Block}]", 6),
      ("file: {defaultAction: Block}", 5),
      ("file:\n  rules: [{directory: /, action: Allow, access: [Write]}]\n  defaultAction: Block", 7),
    ])
  func warned(spec: String, line: Int) throws {
    let warnings = try profile(spec).warnings
    #expect(warnings.map(\.location) == [Location(file: "p.yaml", line: line)])
    #expect(warnings.allSatisfy { $0.message.contains("starts; add ") })
  }

  @Test(
    "where some program can start there is no warning",
    arguments: [
      "mode: Audit\nprocess: {defaultAction: Block}", "process: {defaultAction: Block, allowEntrypoint: true}",
      "process: {defaultAction: Block, rules: [{path: /bin/sh, action: Allow}]}",
      "process: {defaultAction: Block, rules: [{directory: /bin, action: Audit}]}", "process: {defaultAction: Audit}",
      "file: {defaultAction: Block, rules: [{directory: /, recursive: true, access: [Read], action: Allow}]}",
    ])
  func silent(spec: String) throws { #expect(try profile(spec).warnings == []) }

  @Test("what counts is the joined profile, and the warning stands where the default is set")
  func joined() throws {
    let base = try layer("process: {defaultAction: Block}", name: "base")
    let resolver = ProfileResolver(layers: ["base": base], lookedIn: "profiles")
    let child = try layer("extends: [base]\nprocess: {allowEntrypoint: true}", name: "child")
    #expect(try resolver.resolve(child).warnings == [])
    let other = try layer("extends: [base]\nmode: Enforce", name: "other")
    #expect(try resolver.resolve(other).warnings.map(\.location.line) == [5])
  }
}

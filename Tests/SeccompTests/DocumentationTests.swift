import Policy
import System
import Testing

@testable import Seccomp

@Suite struct SeccompDocumentationTests {
  private let text: String

  init() throws {
    let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
    text = try Files.text("/\(root)/docs/seccomp.md")
  }

  @Test("the examples load, and no way round the first is known")
  func examples() throws {
    let folder = try Folder()
    let examples = text.split(separator: "```").filter { $0.hasPrefix("yaml\n") }.map { $0.dropFirst("yaml\n".count) }
    #expect(examples.count == 3)
    var notes: [[String]] = []
    for example in examples {
      try folder.write(String(example), to: "example.yaml")
      let profile = try Profile.load(file: folder.path + "/example.yaml")
      let section = try #require(profile.seccomp)
      let resolved = try resolve(
        section, profilesFolder: folder.path, mode: profile.mode, environment: intel)
      notes.append(resolved.notes.map(\.description))
    }
    #expect(notes.first == [])
  }

  @Test("each call that is added is listed")
  func added() {
    for call in RuntimeInit.always + RuntimeInit.withoutNoNewPrivileges {
      #expect(text.contains("`\(call)`"), "\(call)")
    }
  }

  @Test(
    "the limits are the code's",
    arguments: [
      ("syscall names in all rules", FilterCheck.callsMax), ("rules about one call", FilterCheck.rulesPerCallMax),
      ("conditions in all rules, counted for each name", FilterCheck.conditionsMax),
      ("instructions of the finished program", FilterProgram.instructionsMax),
      ("seconds of CPU time for libseccomp", Int(FilterInput.secondsMax)),
    ])
  func limits(_ limit: String, _ value: Int) {
    #expect(text.contains("| \(limit) | \(value) |"))
  }
}

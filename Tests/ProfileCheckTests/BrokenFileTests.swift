import Daemon
import Policy
import System
import Testing

@testable import ProfileCheck

/// Each folder of `Broken` is one profiles folder; its `expected.txt` has every message.
private let folder = "\(root)/Tests/ProfileCheckTests/Broken"
private let cases = (try? Files.names(in: folder)) ?? []

@Suite struct BrokenFileTests {
  private func expected(_ name: String) throws -> [String] {
    try Files.text("\(folder)/\(name)/expected.txt").split(separator: "\n").map(String.init)
  }

  /// In no order and each once: the daemon tells of files before it tells of what is joined.
  private func messages(_ lines: [String], of name: String) -> [String] {
    Set(lines.map { $0.replacing("\(folder)/\(name)/", with: "").replacing(" in \(folder)/\(name);", with: " in F;") })
      .sorted()
  }

  @Test("there are at least 40 broken files")
  func number() { #expect(cases.count >= 40) }

  @Test("profile check tells each message of a broken file", arguments: cases)
  func check(name: String) throws {
    let files = try checked(["\(folder)/\(name)"])
    let findings = files.flatMap(\.findings).filter { $0.severity == .error }
    let lines = findings.map { "\($0.file):\($0.line.map { "\($0)" } ?? "-"): \($0.message)" }
    #expect(messages(lines, of: name) == (try expected(name).sorted()))
    #expect(files.contains { $0.verdict == .broken })
    #expect(files.allSatisfy { $0.verdict != .refused })
  }

  @Test("the daemon's loader gives the same verdict in the same words", arguments: cases)
  func daemon(name: String) throws {
    let library = LoadedProfiles(folder: "\(folder)/\(name)", environment: environment)
    let report = library.reload()
    #expect(messages(report.messages, of: name) == (try expected(name).sorted()))
    let files = try checked(["\(folder)/\(name)"])
    let accepted = files.filter { $0.verdict == .accepted }.compactMap(\.profile).sorted()
    #expect(library.names == accepted)
  }

  @Test("the messages of one file are in the order of its lines, and no line has an echo", arguments: cases)
  func order(name: String) throws {
    for file in try checked(["\(folder)/\(name)"]) {
      let lines = file.findings.filter { $0.file == file.file }.compactMap(\.line)
      #expect(lines == lines.sorted())
      #expect(Set(file.findings.map(\.message)).count == file.findings.count)
    }
  }

  @Test("a file that is named alone has the messages that it has in its folder", arguments: cases)
  func single(name: String) throws {
    let inFolder = try checked(["\(folder)/\(name)"]).first { $0.file.hasSuffix("/p.yaml") }
    #expect(try checked(["\(folder)/\(name)/p.yaml"]) == [inFolder])
  }
}

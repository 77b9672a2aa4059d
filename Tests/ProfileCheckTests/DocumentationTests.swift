import Enforcement
import Policy
import System
import Testing

@testable import ProfileCheck

@Suite struct DocumentationTests {
  private let text: String

  init() throws { text = try Files.text("\(root)/docs/profile-check.md") }

  private func example(_ kind: String) throws -> String {
    let parts = text.split(separator: "```", omittingEmptySubsequences: false)
    return String(try #require(parts.first { $0.hasPrefix(kind + "\n") }).dropFirst(kind.count + 1))
  }

  @Test("the sample prints what the document shows")
  func transcript() throws {
    let folder = try Folder(["shop.yaml": try example("yaml")])
    let node = try node("tier=lsm,cgroup=v2")
    let printed = CheckReport(try checked(["\(folder.path)/shop.yaml"], on: node), node).text
    let command = "    $ stockade profile check --node tier=lsm,cgroup=v2 shop.yaml\n"
    let indented = printed.replacing(folder.path + "/", with: "").split(separator: "\n").map { "    \($0)\n" }
    #expect(text.contains(command + indented.joined() + "\n"))
  }

  @Test("the words of the tables are the code's")
  func words() {
    for severity in Finding.Severity.allCases { #expect(text.contains("\n| `\(severity.rawValue)` |")) }
    for verdict in CheckedFile.Verdict.allCases { #expect(text.contains("\n| `\(verdict.rawValue)` |")) }
    let tiers = Tier.allCases.map { "`\($0.name)`" }.joined(separator: ", ")
    #expect(text.contains("| `tier` | \(tiers) |"))
    let layouts = CgroupHierarchy.Layout.allCases.map { "`\($0.rawValue)`" }.joined(separator: ", ")
    #expect(text.contains("| `cgroup` | \(layouts) |"))
    #expect(text.contains("at most \(ProfileFolder.filesMax)."))
    #expect(text.contains("taken for \(ContainerdVersion.firstWithErrno);"))
  }

  @Test("each key of the JSON is listed, and no other")
  func keys() throws {
    let folder = try Folder(["p.yaml": profile("mode: Adit")])
    let node = try node()
    let json = CheckReport(try checked([folder.path], on: node), node).json
    guard case .object(let top) = json else { return #expect(Bool(false), "no object") }
    var known: Set<String> = []
    for (name, value) in top {
      switch value {
      case .object(let members): known.formUnion(members.map { "\(name).\($0.0)" })
      case .array(let elements):
        guard case .object(let members)? = elements.first else { continue }
        known.formUnion(members.map { "\(name)[].\($0.0)" })
      default: known.insert(name)
      }
    }
    let listed = text.split(separator: "\n").compactMap { line -> String? in
      let cell = line.split(separator: "|").first?.split(separator: " ").first ?? ""
      return line.hasPrefix("| `") && cell.contains(".") ? String(cell.dropFirst().dropLast()) : nil
    }
    #expect(known == Set(listed) && known.count == 11)
  }
}

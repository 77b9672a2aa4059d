import CStockade
import Enforcement
import Glibc
import Policy
import PolicyTesting
import System
import Testing

/// What the kernel says of accesses to files under random profiles, against what Policy decides from the rules.
@Suite(.enabled(if: ExecBench.isPossible, ExecBench.why), .serialized)
struct FileOracleTests {
  private static let files = ["a", "ab", "b", "d/a", "d/ab", "d/e/a", "d/e/b", "d/e/f/a", "de/a"]
  private static let folders = ["", "d", "d/e", "d/e/f", "de", "empty"]
  private static let accesses: [Set<Access>] = [[.read], [.write], [.read, .write]]

  @Test("the kernel decides as the profile's rules say", arguments: 0..<8 as Range<UInt64>)
  func sameDecisions(_ seed: UInt64) throws {
    var random = SplitMix(state: seed)
    let tree = try FileTree(Self.files + Self.folders.map { "\($0)/" })
    let program = try FileProgram()
    for _ in 0..<20 {
      var profile = Profile(name: "random", file: "random.yaml")
      profile.fileAccess = section(tree.folder, &random)
      try program.apply(profile.fileAccess!)
      // A section that allows everything is not in the kernel at all: its hooks leave before any decision.
      if profile.fileAccess!.strictest == .allow { continue }
      for name in Self.files + Self.folders { try compare(profile, tree.path(name), program) }
    }
  }

  private func compare(_ profile: Profile, _ path: String, _ program: FileProgram) throws {
    let file = try FileDescriptor(open: path, O_RDONLY | O_NOFOLLOW)
    for access in Self.accesses {
      for reach in FileReach.allCases {
        let expected = profile.decideFile(path: path, access: access, reach: reach)
        let context = Comment(rawValue: "\(access) \(reach) \(path) under \(profile.fileAccess!)")
        guard let answer = try program.judge(file, access, reach) else {
          Issue.record("\(path) is not judged")
          continue
        }
        #expect(answer.action == expected.action, context)
        if expected.action == .allow { continue }
        let reason = expected.reason == .rule ? STOCKADE_BY_RULE : STOCKADE_BY_DEFAULT
        #expect(answer.reason == reason.rawValue, context)
        #expect(answer.rule == expected.rule.map { UInt16($0) } ?? .max, context)
      }
    }
  }

  private func section(_ folder: String, _ random: inout SplitMix) -> FileSection {
    var section = FileSection()
    section.defaultAction = Action.allCases.randomElement(using: &random)!
    section.rules = (0..<Int.random(in: 0...7, using: &random)).map { _ in rule(folder, &random) }
    return section
  }

  private func rule(_ folder: String, _ random: inout SplitMix) -> PathRule {
    let isDirectory = Bool.random(using: &random)
    let name = (isDirectory ? Self.folders : Self.files + Self.folders).randomElement(using: &random)!
    var rule = PathRule(
      path: name.isEmpty ? folder : "\(folder)/\(name)", isDirectory: isDirectory,
      action: Action.allCases.randomElement(using: &random)!, location: Location(file: "random.yaml", line: 1))
    rule.recursive = isDirectory && Bool.random(using: &random)
    rule.access = Self.accesses.randomElement(using: &random)!
    return rule
  }
}

/// A folder with files and folders in it, gone with this object. Names that end in a slash are folders.
final class FileTree {
  let folder: String

  init(_ names: [String]) throws {
    var template = Array("/tmp/stockade-test-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw Errno(errno, "make a folder in /tmp") }
    folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    for name in names {
      if let slash = name.lastIndex(of: "/") { try Files.makeFolder("\(folder)/\(name[..<slash])") }
      if name.last != "/" { try Files.write("x", to: "\(folder)/\(name)") }
    }
  }

  deinit { removeTree(folder) }

  func path(_ name: String) -> String { name.isEmpty ? folder : "\(folder)/\(name)" }
}

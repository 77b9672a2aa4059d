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
  @Test("the kernel decides as the profile's rules say", arguments: 0..<8 as Range<UInt64>)
  func sameDecisions(_ seed: UInt64) throws {
    var random = SplitMix(state: seed)
    var paths = RandomPaths(folder: "")
    paths.directories.append("empty")
    let tree = try FileTree(paths.files + paths.directories.map { "\($0)/" })
    paths.folder = tree.folder
    let program = try FileProgram()
    for _ in 0..<20 {
      var profile = Profile(name: "random", file: "random.yaml")
      profile.fileAccess = paths.file(&random)
      try program.apply(profile.fileAccess!)
      // A section that allows everything is not in the kernel at all: its hooks leave before any decision.
      if profile.fileAccess!.strictest == .allow { continue }
      for name in paths.files + paths.directories { try compare(profile, paths.path(name), program) }
    }
  }

  private func compare(_ profile: Profile, _ path: String, _ program: FileProgram) throws {
    let file = try FileDescriptor(open: path, O_RDONLY | O_NOFOLLOW)
    for access in RandomPaths.accesses {
      for reach in FileReach.allCases {
        let expected = profile.decideFile(path: path, access: access, reach: reach)
        let context = Comment(rawValue: "\(access) \(reach) \(path) under \(profile.fileAccess!)")
        guard let answer = try program.judge(file, access, reach) else {
          Issue.record("\(path) is not judged")
          continue
        }
        PropertyCount.add("real paths")
        #expect(answer.action == expected.action, context)
        let softened = try program.judge(file, access, reach, inAudit: true)
        #expect(softened?.action == min(expected.action, .audit) && softened?.rule == answer.rule, context)
        if expected.action == .allow { continue }
        let reason = expected.reason == .rule ? STOCKADE_BY_RULE : STOCKADE_BY_DEFAULT
        #expect(answer.reason == reason.rawValue, context)
        #expect(answer.rule == expected.rule.map { UInt16($0) } ?? .max, context)
      }
    }
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

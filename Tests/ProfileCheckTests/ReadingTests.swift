import Glibc
import Policy
import System
import Testing

@testable import ProfileCheck

@Suite struct ReadingTests {
  @Test("a folder is read as the daemon reads it: other suffixes are told, dot files are not")
  func folder() throws {
    let folder = try Folder([
      "p.yaml": profile("mode: Audit"), "q.yml": "{", ".r.yaml": "{", "s.txt": "{", "t.json": "{",
    ])
    let files = try checked([folder.path])
    #expect(files.map(\.verdict) == [.accepted, .broken])
    #expect(
      files.lines(in: folder.path) == [
        "q.yml: error: the daemon does not read this file: its name does not end in .yaml"
      ])
    #expect(try checked([folder.path + "/"]).map(\.file) == files.map(\.file))
  }

  @Test("a folder without profiles, and what is not there, are errors")
  func nothing() throws {
    let folder = try Folder([:])
    #expect(
      try checked([folder.path]).lines(in: "/tmp") == [
        "\(folder.path.dropFirst(5)): error: no file whose name ends in .yaml; nothing was checked"
      ])
    let missing = try checked(["\(folder.path)/p.yaml", "/nowhere/p.yaml"])
    #expect(missing.map(\.verdict) == [.broken, .broken])
    #expect(missing[0].findings[0].message.hasSuffix("p.yaml: no such file or directory"))
    #expect(missing[1].findings[0].message.hasSuffix("p.yaml: no such file or directory"))
  }

  @Test("files over the limit are told, and one of them that is named")
  func limit() throws {
    var texts: [String: String] = [:]
    for number in 1000...1000 + ProfileFolder.filesMax {
      texts["\(number).yaml"] = profile("mode: Audit", name: "p\(number)")
    }
    let folder = try Folder(texts)
    let why = "the folder has 1025 profiles, and only the first 1024 are read"
    let files = try checked([folder.path])
    #expect(files.count == 1025)
    #expect(files.lines(in: folder.path) == ["2024.yaml: error: the daemon does not read this file: \(why)"])
    #expect(
      try checked(["\(folder.path)/2024.yaml"]).lines(in: folder.path)
        == ["2024.yaml: warning: the daemon does not read this file from its folder: \(why)"])
  }

  @Test(
    "a named file that the daemon would not read from its folder is checked and warned of",
    arguments: [("p.yml", "its name does not end in .yaml"), (".p.yaml", "its name begins with a dot")])
  func named(name: String, why: String) throws {
    let folder = try Folder([name: profile("mode: Audit")])
    let files = try checked(["\(folder.path)/\(name)"])
    #expect(files.map(\.verdict) == [.accepted])
    #expect(
      files.lines(in: folder.path)
        == ["\(name): warning: the daemon does not read this file from its folder: \(why)"])
  }

  @Test("a named file whose profile's name another file has is broken, as for the daemon")
  func sharedName() throws {
    let folder = try Folder(["p.yaml": profile("mode: Audit"), "q.yaml": profile("mode: Audit")])
    #expect(
      try checked(["\(folder.path)/p.yaml"]).lines(in: folder.path)
        == ["p.yaml:3: error: metadata.name \"p\" is also in q.yaml:3; rename one of them"])
  }

  @Test("standard input is a profile; it may be the new text of a file that is there")
  func standardInput() throws {
    let files = try checked(["-"], input: profile("mode: Adit"))
    #expect(files.lines(in: "") == ["-:5: error: spec.mode is the text \"Adit\"; did you mean \"Audit\"?"])
    #expect(try checked(["-"], input: profile("mode: Audit")).map(\.verdict) == [.accepted])
  }

  @Test("a profile of more bytes than there may be is told")
  func size() throws {
    let text = String(repeating: "#", count: 1 << 20) + "\n"
    #expect(
      try checked(["-"], input: text).lines(in: "")
        == ["-:1: error: the file has 1048577 bytes; it may have 1048576"])
  }
}

@Suite struct EncodingTests {
  @Test("a profile with a byte order mark is accepted, and one in UTF-16 is told to be that")
  func marks() throws {
    let text = "\u{feff}" + profile("mode: Audit")
    #expect(try checked(["-"], input: text).map(\.verdict) == [.accepted])
    let wide = text.utf16.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8($0 >> 8)] }
    var check = ProfileCheck(
      node: try node(), environment: environment, readStandardInput: { () throws(Errno) in wide })
    #expect(
      check.check(["-"]).lines(in: "") == ["-:1: error: the file is UTF-16 or UTF-32; save it as UTF-8"])
  }

  @Test("a filter as Python's json.dumps writes it, with an emoji in a comment, is accepted")
  func surrogates() throws {
    let filter = #"""
      {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["mount"], "action": "SCMP_ACT_ERRNO", "comment": "no \ud83d\ude00"}]}
      """#
    let folder = try Folder([
      "p.yaml": profile("seccomp: {type: Localhost, localhostProfile: f.json}"), "f.json": filter,
    ])
    #expect(try checked([folder.path]).map(\.verdict) == [.accepted])
  }
}

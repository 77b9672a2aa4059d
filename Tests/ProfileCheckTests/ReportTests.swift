import Testing

@testable import ProfileCheck

@Suite struct ReportTests {
  @Test("for people: a line for each finding as compilers write it, one for each file, and a summary")
  func text() throws {
    let folder = try Folder(["p.yaml": profile("mode: Adit"), "q.yaml": profile("mode: Audit", name: "q")])
    let node = try node()
    #expect(
      CheckReport(try checked([folder.path], on: node), node).text.replacing(folder.path + "/", with: "") == """
        p.yaml:5: error: spec.mode is the text "Adit"; did you mean "Audit"?
        p.yaml: broken: profile p
        q.yaml: accepted: profile q
        2 files, 1 error, 0 warnings; judged for tier lsm, cgroup v2 and containerd 2.3

        """)
  }

  @Test("a file's name adds no line and moves no cursor")
  func names() throws {
    let folder = try Folder(["p\n\u{1b}[1Aq.yaml": profile("mode: Audit")])
    let text = CheckReport(try checked([folder.path], on: try node()), try node()).text
    #expect(text.contains("/p\\n\\u{1B}[1Aq.yaml: accepted: profile p\n"), "\(text)")
  }

  @Test("for programs: the node, the files and the findings")
  func json() throws {
    let folder = try Folder(["p.yaml": profile("mode: Adit")])
    let node = try node("tier=none", isRoot: false)
    let report = CheckReport(try checked([folder.path], on: node), node)
    #expect(
      report.json.text.replacing(folder.path + "/", with: "")
        == #"{"node":{"tier":"none","cgroup":"v2","containerd":null},"#
        + #""files":[{"file":"p.yaml","profile":"p","verdict":"broken"}],"#
        + #""findings":[{"file":"p.yaml","line":5,"severity":"error","profile":"p","#
        + #""message":"spec.mode is the text \"Adit\"; did you mean \"Audit\"?"}]}"#)
    #expect(report.status == 1)
  }
}

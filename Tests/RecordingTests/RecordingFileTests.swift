import Policy
import PolicyTesting
import Testing

@testable import Recording
@testable import Seccomp

@Suite struct RecordingFileTests {
  private static let front = """
    "apiVersion": "stockade.dev/v1alpha1", "kind": "Recording", "workload": "web", "tier": "lsm",
    "began": "2026-01-31T09:30:00.000000000Z", "seconds": 60
    """

  private func parse(_ text: String) throws -> Recording {
    try RecordingFile.parse(Array(text.utf8), file: "web.json")
  }

  @Test("a recording has one fact a line, sorted")
  func text() {
    var recording = Recording.of(
      [("/b", .read), ("/a", .write)],
      execs: [.of("/usr/sbin/nginx", isEntrypoint: true), .of("/tmp/x\n", isNew: true, ["x", "-a"])])
    recording.syscalls = ["SCMP_ARCH_X86_64": ["write", "read"]]
    recording.connections[.init(direction: .egress, address: [10, 0, 0, 1], port: .init(transport: .tcp, port: 443))] =
      3
    recording.losses = ["events": 2]
    recording.unseen = [.capabilities: "no hook"]
    #expect(
      RecordingFile.text(of: recording) == #"""
        {
          "apiVersion": "stockade.dev/v1alpha1",
          "kind": "Recording",
          "workload": "web",
          "tier": "lsm",
          "began": "2026-01-31T09:30:00.000000000Z",
          "seconds": 60,
          "losses": [
            {"counter":"events","count":2}
          ],
          "unseen": [
            {"part":"capabilities","reason":"no hook"}
          ],
          "execs": [
            {"path":"/tmp/x\\x0a","new":true,"arguments":["x","-a"],"count":1},
            {"path":"/usr/sbin/nginx","entrypoint":true,"count":1}
          ],
          "files": [
            {"path":"/a","access":"Write","count":1},
            {"path":"/b","access":"Read","count":1}
          ],
          "connections": [
            {"direction":"egress","address":"10.0.0.1","protocol":"TCP","port":443,"count":3}
          ],
          "syscalls": [
            {"architecture":"SCMP_ARCH_X86_64","name":"read"},
            {"architecture":"SCMP_ARCH_X86_64","name":"write"}
          ]
        }

        """#)
  }

  @Test("random recordings come back from their files as they were, and give the same bytes again")
  func roundTrip() throws {
    var random = SplitMix(state: 14)
    for _ in 0..<500 {
      let recording = RandomRecording.recording(&random)
      let text = RecordingFile.text(of: recording)
      let read = try parse(text)
      #expect(read == recording)
      #expect(RecordingFile.text(of: read) == text)
    }
  }

  @Test(
    "each error names its line",
    arguments: [
      (#""execs": [{"path": "/a", "count": 1, "hash": 3}]"#, "unknown key \"hash\" in execs[0]"),
      (#""execs": [{"path": "a", "count": 1}]"#, "execs[0].path is \"a\"; write a path from the root"),
      (#""execs": [{"path": "/a//b", "count": 1}]"#, "execs[0].path is \"/a//b\"; write a path from the root"),
      (#""execs": [{"path": "/a/", "count": 1}]"#, "execs[0].path is \"/a/\"; write a path from the root"),
      (#""mappings": [{"path": "/a/../b", "count": 1}]"#, "mappings[0].path is \"/a/../b\"; write a path from"),
      (#""files": [{"path": "/./b", "access": "Read", "count": 1}]"#, "files[0].path is \"/./b\"; write a path from"),
      (
        #""syscalls": [{"architecture": "SCMP_ARCH_MOON", "name": "read"}]"#,
        "syscalls[0].architecture is \"SCMP_ARCH_MO"
      ),
      (
        #""syscalls": [{"architecture": "SCMP_ARCH_S390", "name": "read"}]"#,
        "syscalls[0].architecture is \"SCMP_ARCH_S3"
      ),
      (#""execs": [{"path": "/a"}]"#, "execs[0] has no count"),
      (#""execs": [{"count": 1}]"#, "execs[0] has no path"),
      (#""execs": [{"path": "/\\x0G", "count": 1}]"#, "execs[0].path has a backslash that begins no \\xNN"),
      (#""execs": [{"path": 3, "count": 1}]"#, "execs[0].path is the number 3; write a text in quotes"),
      (#""execs": [{"path": "/a", "count": -1}]"#, "execs[0].count is the number -1"),
      (
        #""execs": [{"path": "/a", "count": 1}, {"path": "/a", "count": 2}]"#,
        "execs[1] says the same as an earlier one"
      ),
      (#""files": [{"path": "/a", "access": "Exec", "count": 1}]"#, "files[0].access is the text \"Exec\""),
      (#""binds": [{"protocol": "ICMP", "port": 1, "count": 1}]"#, "binds[0].protocol is the text \"ICMP\""),
      (#""binds": [{"protocol": "TCP", "port": 65536, "count": 1}]"#, "binds[0].port is the number 65536"),
      (
        #""connections": [{"direction": "egress", "address": "10.0.0.1/8", "port": 1, "count": 1}]"#,
        "connections[0].address is \"10.0.0.1/8\", which is no IP address"
      ),
      (#""surfaces": [{"name": "moon", "count": 1}]"#, "surfaces[0].name is the text \"moon\""),
      (#""capabilities": [{"name": "CAP_X", "count": 1}]"#, "capabilities[0].name is \"CAP_X\""),
      (#""syscalls": [{"architecture": "x86", "name": "read"}]"#, "syscalls[0].architecture is \"x86\""),
      (#""syscalls": [{"architecture": "SCMP_ARCH_X86", "name": "re ad"}]"#, "syscalls[0].name is \"re ad\""),
      (#""unseen": [{"part": "all", "reason": ""}]"#, "unseen[0].part is the text \"all\""),
      (#""moon": []"#, "unknown key \"moon\" in the file"),
    ])
  func errors(_ member: String, _ message: String) {
    #expect {
      try parse("{\n\(Self.front),\n\(member)\n}")
    } throws: { error in
      let first = "\(error)".split(separator: "\n").first ?? ""
      return first.hasPrefix("web.json:4: \(message)")
    }
  }

  @Test(
    "a head without what it needs is refused",
    arguments: [
      ("{}", "the file has no apiVersion"), ("[]", "the file is a list"), ("", "the file is empty"),
      ("{", "never closed"),
      (#"{"apiVersion": "stockade.dev/v2", "kind": "Recording"}"#, "write stockade.dev/v1alpha1"),
      ("{\(front.replacing("2026-01-31", with: "2026-02-31"))}", "began is \"2026-02-31T"),
      ("{\(front.replacing("\"lsm\"", with: "\"best\""))}", "tier is the text \"best\""),
    ])
  func head(_ text: String, _ message: String) {
    #expect { try parse(text) } throws: { "\($0)".contains(message) }
  }

  @Test("a list may have as many facts as a file has room for, and no more")
  func counts() throws {
    func text(_ count: Int) -> String {
      let facts = (0..<count).map { #"{"path":"/\#($0)","access":"Read","count":1}"# }.joined(separator: ",\n")
      return "{\(Self.front), \"files\": [\(facts)]}"
    }
    #expect(try parse(text(RecordingFile.factsMax)).files.count == RecordingFile.factsMax)
    #expect { try parse(text(RecordingFile.factsMax + 1)) } throws: { "\($0)".contains("at most 65536 fit") }
  }

  @Test("a file that is too large is refused before it is read")
  func bytes() {
    let text = [UInt8](repeating: UInt8(ascii: " "), count: RecordingFile.bytesMax + 1)
    #expect { try RecordingFile.parse(text, file: "a") } throws: { "\($0)".contains("it may have 33554432") }
  }

  @Test("what a file has no room for is counted as lost, and the file is read again")
  func room() throws {
    var recording = Recording.of()
    for number in 0..<RecordingFile.factsMax + 7 {
      recording.files[.init(path: Array("/\(number)".utf8), access: .read)] = 1
    }
    let read = try parse(RecordingFile.text(of: recording))
    #expect(read.files.count == RecordingFile.factsMax)
    #expect(read.losses == ["facts": 7])
    #expect(!read.isWhole)
  }

  @Test("calls of every architecture that a recording may have make a filter that is accepted")
  func architectures() throws {
    var recording = Recording.of()
    for architecture in Architecture.allCases.flatMap({ [$0.ociName] + $0.compatible }) {
      recording.syscalls[architecture] = ["read", "write", "clone3"]
    }
    let read = try parse(RecordingFile.text(of: recording))
    #expect(read == recording)
    let section = try #require(try RecordedProfileTests.load(RecordedProfile(of: [read]).text).seccomp)
    let found = problems(
      of: section, profilesFolder: "/", mode: .enforce, environment: RecordedProfileTests.environment)
    #expect(found == [])
  }

  @Test("merged recordings have what any of them has, and see what each of them sees")
  func merged() {
    var one = Recording.of([("/a", .read)])
    var two = Recording.of([("/a", .read), ("/b", .write)])
    (one.tier, two.beganNanoseconds) = (.signal, 5)
    one.losses = ["events": .max]
    two.losses = ["events": 1]
    two.unseen = [.files: "x"]
    one.syscalls = ["SCMP_ARCH_X86_64": ["read"]]
    two.syscalls = ["SCMP_ARCH_X86_64": ["write"]]
    let merged = Recording(merging: [one, two])
    #expect(merged == Recording(merging: [two, one]))
    #expect(merged.files.map(\.value).sorted() == [1, 2])
    #expect(merged.losses == ["events": .max])
    #expect(merged.unseen == [.files: "x"])
    #expect(merged.syscalls == ["SCMP_ARCH_X86_64": ["read", "write"]])
    #expect((merged.tier, merged.beganNanoseconds, merged.seconds) == (.signal, 5, 120))
  }
}

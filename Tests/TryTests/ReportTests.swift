import Glibc
import System
import Testing

@testable import Try

/// Every line of `text` as Python's json reads it, again as JSON with sorted keys; nil where one is not JSON.
func pythonRecords(_ text: String) throws -> [String]? {
  let files = try TemporaryFolder()
  try Files.write(text, to: files.path + "/records")
  let script = """
    import json, sys
    for line in open(sys.argv[1], encoding="utf-8"):
        print(json.dumps(json.loads(line), sort_keys=True))
    """
  let printed = try Program.text(of: ["/usr/bin/python3", "-c", script, files.path + "/records"])
  return printed?.split(separator: "\n").map(String.init)
}

@Suite("what try -o json writes", .serialized, .enabled(if: canRunContainers, "needs root, runc and busybox-static"))
struct ReportTests {
  @Test("standard output is ours: what the command prints goes to standard error, and the result comes last")
  func streams() async throws {
    let printed = await tryRun(["-o", "json", "--", "sh", "-c", "echo out; echo err >&2; exit 3"], status: 3)
    let records = try #require(try pythonRecords(printed.output))
    #expect(
      records.dropFirst() == [
        #"{"exitStatus": 3, "kind": "run", "number": 1}"#, #"{"exitStatus": 3, "kind": "result", "runs": 1}"#,
      ])
    #expect(records.first?.hasSuffix(#"/bpf is of type bpf""#) == true)
    #expect(printed.errorLines.contains("out") && printed.errorLines.contains("err"))
  }

  @Test("a refusal has its reason, in the run and in the result")
  func refusal() async throws {
    let printed = await tryRun(
      ["-o", "json", "--", "true"], status: 125, script: .init(refused: "CreateContainer"))
    let records = try #require(try pythonRecords(printed.output))
    let error = #"{"cause": "refused", "message": "plugin refused CreateContainer (code 2): the script says no"}"#
    #expect(records.contains(#"{"error": \#(error), "exitStatus": 125, "kind": "run", "number": 1}"#))
    #expect(records.last == #"{"error": \#(error), "exitStatus": 125, "kind": "result", "runs": 1}"#)
  }

  @Test("what runc says of a command that it cannot start is in the result")
  func commandNotFound() async throws {
    let printed = await tryRun(["-o", "json", "--", "nosuch"], status: 127)
    let last = try #require(try pythonRecords(printed.output)?.last)
    #expect(last.hasPrefix(#"{"error": {"cause": "failed", "message": "runc create: "#))
    #expect(last.contains("executable file not found"))
  }

  @Test("what --exec runs, and what is told beside, are records")
  func others() async throws {
    let printed = await tryRun(
      [
        "-o", "json", "--timeout", "60", "--exec", "sh -c 'echo one; exit 4'", "--exec", "touch /tmp/done", "--", "sh",
        "-c", "until [ -e /tmp/done ]; do sleep 0.05; done",
      ], script: .init(refused: "StopContainer"))
    let records = try #require(try pythonRecords(printed.output))
    #expect(
      records.contains(
        #"{"command": ["sh", "-c", "echo one; exit 4"], "exitStatus": 4, "kind": "execution"}"#))
    #expect(records.contains { $0.hasPrefix(#"{"kind": "message", "message": "#) && $0.contains("the script says no") })
    #expect(printed.errorLines.contains("one"))
  }

  @Test("a series has a record for each run")
  func series() async throws {
    let printed = await tryRun(["-o", "json", "--repeat", "2", "--", "true"])
    let records = try #require(try pythonRecords(printed.output))
    #expect(records.filter { $0.contains(#""kind": "run""#) }.count == 2)
    #expect(records.last == #"{"exitStatus": 0, "kind": "result", "runs": 2}"#)
  }

  @Test("what cannot be set up has a result as well")
  func impossible() async throws {
    let printed = await tryRun(["-o", "json", "--runc", "nosuch", "--", "true"], status: 125)
    let records = try #require(try pythonRecords(printed.output))
    #expect(records.count == 1)
    #expect(records[0].contains(#""cause": "failed", "message": "cannot run nosuch: "#))
  }
}

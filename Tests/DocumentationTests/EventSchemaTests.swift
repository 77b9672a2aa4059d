import BPF
import Events
import Glibc
import Policy
import System
import Testing

/// docs/events.schema.json describes what is written, and nothing else.
@Suite(.enabled(if: hasValidator, "needs Debian's python3-jsonschema"))
struct EventSchemaTests {
  private static let schema =
    "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/") + "/docs/events.schema.json"

  /// The standard one has room for members that later versions add. A strict one has none.
  private static let validator = """
    import json, sys, jsonschema
    def close(part):
        if isinstance(part, dict):
            if "properties" in part: part["additionalProperties"] = False
            for value in part.values(): close(value)
        elif isinstance(part, list):
            for value in part: close(value)
    schema = json.load(open(sys.argv[1]))
    if sys.argv[2] == "strict": close(schema)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    for line in sys.argv[3:]:
        if not validator.is_valid(json.loads(line)): print(line)
    """

  /// The lines that are not as the schema says.
  private static func wrong(_ lines: [String], isStrict: Bool = true) throws -> [String] {
    let run = try ProgramRun(
      "/usr/bin/python3", arguments: ["python3", "-c", validator, schema, isStrict ? "strict" : "open"] + lines,
      seconds: 60)
    if run.status != 0 { throw Errno(EINVAL, "validate: \(run.error)") }
    return run.output.split(separator: "\n").map(String.init)
  }

  /// Records with every member, and with every word of a member.
  static let events: [Event] =
    EventDocumentTests.others + EventDocumentTests.fullest.map { .record($0) }
    + EventDocumentTests.audits.map { .audit($0) }
    + KernelEvent.Kind.allCases.map { .record(EventDocumentTests.record($0)) }
    + EventReason.allCases.map { reason in .record(EventDocumentTests.record { $0.reason = reason }) }
    + KernelEvent.Effect.allCases.map { effect in .record(EventDocumentTests.record { $0.effect = effect }) }
    + KernelSurface.allCases.map { surface in .record(EventDocumentTests.record(.kernel) { $0.surface = surface }) }
    + KernelEvent.Protected.allCases.map { part in
      .record(EventDocumentTests.record(.protected) { $0.protected = part })
    } + KernelCounter.allCases.map { .lost(EventLosses(timeNanoseconds: 0, counts: [.init(counter: $0, count: 1)])) }

  @Test("what is written is as the schema says, with no member that it does not name")
  func written() throws {
    #expect(Self.events.count > 60)
    let wrong = try Self.wrong(Self.events.map { $0.json(node: "n").text })
    #expect(wrong == [])
  }

  @Test("the standard schema has room for what later versions add, and for no other kind or type")
  func later() throws {
    let lines = Self.events.map { String($0.json(node: "n").text.dropLast()) + #","added":1}"# }
    let (wrong, strictlyWrong) = (try Self.wrong(lines, isStrict: false), try Self.wrong(lines))
    #expect(wrong == [])
    #expect(strictlyWrong == lines)
    let record = Event.record(EventDocumentTests.fullest[0]).json(node: "n").text
    let changes = [
      (#""kind":"exec""#, #""kind":"nothing""#), (#""pid":1"#, #""pid":"1""#), (#""time":""#, #""time":"x"#),
      (#""effect":"audited","#, ""), (#","node":"n""#, ""),
      (#""labels":{"app":"web"}"#, #""labels":{"app":1}"#), (#""imageDigest":"sha256:0"#, #""imageDigest":"0"#),
      (#""arguments":["a"]"#, #""arguments":"a""#),
    ]
    for (old, new) in changes {
      let changed = record.replacing(old, with: new)
      let wrong = try Self.wrong([changed], isStrict: false)
      #expect(changed != record && wrong == [changed], "\(new)")
    }
  }
}

let hasValidator =
  (try? ProgramRun("/usr/bin/python3", arguments: ["python3", "-c", "import jsonschema"], seconds: 10))?.status == 0

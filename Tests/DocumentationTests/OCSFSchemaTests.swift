import BPF
import Events
import Glibc
import Policy
import System
import Testing

/// The records of OCSF are as its published schema says.
@Suite(.enabled(if: hasValidator, "needs Debian's python3-jsonschema"))
struct OCSFSchemaTests {
  /// Makes a JSON schema of the tables, and prints the lines that are not as it says.
  private static let validator = """
    import json, re, sys, jsonschema
    def table(text): return [line.split() for line in text.splitlines()]
    types, rows, values = {}, {}, {}
    for kind, *names in table(sys.argv[1]):
        for name in names: types[name] = kind
    for holder, *names in table(sys.argv[2]): rows.setdefault(holder, []).extend(names)
    for name, *numbers in table(sys.argv[3]): values[name] = [int(number) for number in numbers]
    simple = {
        "string": {"type": "string"}, "integer": {"type": "integer"}, "long": {"type": "integer"},
        "boolean": {"type": "boolean"}, "any": {},
        "datetime": {"pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}[.][0-9]+Z$"},
        "uuid": {"pattern": "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"},
        "ip": {"type": "string", "pattern": "^[0-9a-f.:]{2,40}$"},
    }
    def attribute(holder, name):
        found = values.get(holder + "." + name, values.get(name))
        if found: return {"enum": found}
        if name == "type_uid": return {"type": "integer"}
        kind = types[name]
        inner = simple.get(kind.removesuffix("[]"), {"$ref": "#/$defs/" + kind.removesuffix("[]")})
        return {"type": "array", "items": inner, "minItems": 1} if kind.endswith("[]") else inner
    def shape(holder, names):
        plain = list(dict.fromkeys(name.rstrip("!?") for name in names))
        schema = {
            "type": "object", "properties": {name: attribute(holder, name) for name in plain},
            "required": [name[:-1] for name in names if name.endswith("!")], "additionalProperties": False,
        }
        choice = [{"required": [name[:-1]]} for name in names if name.endswith("?")]
        return schema | ({"anyOf": choice} if choice else {})
    classes = {int(holder) for holder in rows if holder.isdigit()}
    defs = {
        holder: shape(holder, (rows["every"] if holder.isdigit() else []) + names)
        for holder, names in rows.items() if holder != "every"
    }
    def is_right(record):
        if record.get("class_uid") not in classes: return False
        schema = {"$defs": defs, "$ref": "#/$defs/" + str(record["class_uid"])}
        jsonschema.Draft202012Validator.check_schema(schema)
        return (
            jsonschema.Draft202012Validator(schema).is_valid(record)
            and record["type_uid"] == record["class_uid"] * 100 + record["activity_id"]
            and record["category_uid"] == record["class_uid"] // 1000
            and ("action_id" in record) == ("security_control" in record["metadata"]["profiles"])
        )
    for line in sys.argv[4:]:
        if not is_right(json.loads(line)): print(line)
    """

  /// The lines that are not as the schema says.
  private static func wrong(_ lines: [String]) throws -> [String] {
    let tables = [OCSFShapes.types, OCSFShapes.attributes, OCSFShapes.values]
    let run = try ProgramRun("/usr/bin/python3", arguments: ["python3", "-c", validator] + tables + lines, seconds: 60)
    if run.status != 0 { throw Errno(EINVAL, "validate: \(run.error)") }
    return run.output.split(separator: "\n").map(String.init)
  }

  static let format = EventLineFormat(.ocsf, node: "node-1")

  @Test("what is written is as OCSF's schema says, with no attribute that it does not name")
  func written() throws {
    let lines = OCSFTests.events.map(Self.format.line)
    #expect(lines.count > 100)
    let wrong = try Self.wrong(lines)
    #expect(wrong == [])
  }

  @Test("the check finds a missing attribute, one that is unknown, and a value that is none of the list")
  func changed() throws {
    let line = Self.format.line(.record(EventDocumentTests.record()))
    let changes = [
      (#""time":0,"#, ""), (#""time":0"#, #""time":"0""#), (#""severity_id":1"#, #""severity_id":7"#),
      (#""activity_id":1"#, #""activity_id":2"#), (#""version":"1.4.0","#, ""), (#""pid":1,"#, ""),
      (#""message":"#, #""massage":"#), (#""class_uid":1007"#, #""class_uid":1006"#),
    ]
    for (old, new) in changes {
      let other = line.replacing(old, with: new)
      let wrong = try Self.wrong([other])
      #expect(other != line && wrong == [other], "\(new)")
    }
  }
}

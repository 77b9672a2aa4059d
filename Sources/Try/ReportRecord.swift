import System

/// The records of `-o json` that are not events; docs/try.md lists their members.
enum ReportRecord {
  static func message(_ text: String) -> JSON { ["kind": "message", "message": .string(text)] }

  static func execution(_ command: [String], status: Int32) -> JSON {
    ["kind": "execution", "command": .array(command.map { .string($0) }), "exitStatus": .integer(Int64(status))]
  }

  static func run(number: Int, status: Int32, error: TryError?) -> JSON {
    .object(
      [("kind", "run"), ("number", .integer(Int64(number))), ("exitStatus", .integer(Int64(status)))] + member(error))
  }

  static func result(status: Int32, runs: Int, error: TryError?) -> JSON {
    .object(
      [("kind", "result"), ("exitStatus", .integer(Int64(status))), ("runs", .integer(Int64(runs)))] + member(error))
  }

  private static func member(_ error: TryError?) -> [(String, JSON)] {
    guard let error else { return [] }
    return [("error", ["cause": error.isRefusal ? "refused" : "failed", "message": .string(error.fullDescription)])]
  }
}

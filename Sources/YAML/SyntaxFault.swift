import CYAML

/// Where libyaml stopped, and why, in its own words. Lines and columns count from 0, columns in code points.
struct SyntaxFault {
  struct Mark {
    var line: Int
    var column: Int
  }

  /// `did not find expected key`
  var problem: String
  /// `while parsing a block mapping`; empty: there is none.
  var context: String
  var mark: Mark
  /// Where the thing begins that `context` is about.
  var begin: Mark

  /// The fault of a parser that failed.
  init(_ state: yaml_parser_t) {
    problem = state.problem.map { String(cString: $0) } ?? "the parser failed"
    context = state.context.map { String(cString: $0) } ?? ""
    mark = Mark(line: state.problem_mark.line, column: state.problem_mark.column)
    begin = Mark(line: state.context_mark.line, column: state.context_mark.column)
  }
}

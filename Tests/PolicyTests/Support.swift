import Glibc
import Policy
import System
import Testing

/// A profile file named p.yaml around `spec`, whose first line is line 5.
func file(_ spec: String, name: String = "web") -> String {
  "apiVersion: stockade.dev/v1alpha1\nkind: SecurityProfile\nmetadata: {name: \(name)}\nspec:\n"
    + spec.split(separator: "\n", omittingEmptySubsequences: false).map { "  \($0)" }.joined(separator: "\n") + "\n"
}

func layer(_ spec: String, name: String = "web") throws -> ProfileLayer {
  try ProfileLayer.parse(Array(file(spec, name: name).utf8), file: "p.yaml")
}

/// The profile alone; it extends nothing.
func profile(_ spec: String) throws -> Profile {
  try ProfileResolver(layers: [:], lookedIn: "profiles").resolve(try layer(spec))
}

/// What is said of a whole file, nil where it is good.
func problems(of text: String) -> String? {
  do throws(PolicyError) {
    let layer = try ProfileLayer.parse(Array(text.utf8), file: "p.yaml")
    _ = try ProfileResolver(layers: [:], lookedIn: "profiles").resolve(layer)
    return nil
  } catch { return error.description }
}

/// A folder of its own for one test.
func withFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
  var template = Array("/tmp/stockade-policy-XXXXXX".utf8CString)
  let path = try #require(mkdtemp(&template).map { String(cString: $0) })
  defer {
    for name in (try? Files.names(in: path)) ?? [] { unlink("\(path)/\(name)") }
    rmdir(path)
  }
  return try body(path)
}

/// The top of the package.
let root = #filePath.split(separator: "/").dropLast(3).map { "/\($0)" }.joined()

/// The fenced YAML examples.
func examples(of document: String) throws -> [String] {
  let parts = try Files.text("\(root)/\(document)").split(separator: "```", omittingEmptySubsequences: false)
  return parts.enumerated().filter { $0.offset % 2 == 1 && $0.element.hasPrefix("yaml\n") }
    .map { String($0.element.dropFirst(5)) }
}

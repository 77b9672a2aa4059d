import Glibc
import System
import Testing

/// The order of the modules is that of ARCHITECTURE.md's table: each imports only what stands above it. A C library is
/// imported by one module.
@Suite struct ImportTests {
  /// Modules that may import a C target beside the one that wraps it, each with the reason.
  private static let exceptions: KeyValuePairs<String, (module: String, reason: String)> = [
    "CProtobuf": ("NRI", "its messages are structs that protobuf-c generated; TTRPC alone calls protobuf-c with them"),
    "CProtobuf": ("Control", "as for NRI"),
  ]

  private static let root = #filePath.split(separator: "/").dropLast(3).map { "/\($0)" }.joined()
  static let sources = root + "/Sources"
  /// From the top of ARCHITECTURE.md's table on.
  private let order: [String]
  /// What each module of Sources imports.
  private let imports: [String: Set<String>]

  init() throws {
    order = try Document("ARCHITECTURE.md").rows(headed: "module").flatMap { Document.code(in: $0[0]) }
    imports = try Self.importsByModule(of: Self.sources)
  }

  @Test("each module of Sources stands in the architecture's table, once, and nothing else does")
  func table() { #expect(order.sorted() == imports.keys.sorted()) }

  @Test("each module imports only modules that stand above it in the architecture's table")
  func upward() {
    for (place, module) in order.enumerated() {
      let wrong = imports[module, default: []].intersection(order[place...])
      #expect(wrong.isEmpty, "\(module) imports what does not stand above it")
    }
  }

  @Test("a C target is imported by one module alone, but for the exceptions, which are all in use")
  func libraries() throws {
    let libraries = try Files.names(in: Self.sources).filter {
      Files.exists("\(Self.sources)/\($0)/include")
    }
    for library in libraries + ["CStockade"] {
      let importers = Set(imports.filter { $0.value.contains(library) }.keys)
      let excepted = Set(Self.exceptions.filter { $0.key == library }.map(\.value.module))
      #expect(excepted.isSubset(of: importers), "\(library) has an exception that nobody needs")
      #expect(importers.subtracting(excepted).count == 1, "\(library) is imported by \(importers.sorted())")
    }
  }

  @Test("protobuf-c itself is called by TTRPC alone")
  func protobuf() throws {
    for file in try Self.swiftFiles(below: Self.sources + "/NRI") {
      #expect(try !Files.text(file).contains("protobuf_c_"), "\(file)")
    }
  }

  @Test(
    "an import is found whatever stands before it and whatever it names of a module",
    arguments: [
      ("import System", "System"), ("@testable import System", "System"), ("package import CSystem", "CSystem"),
      ("@_exported import System", "System"), ("import struct System.Errno", "System"),
      ("  import System // why", "System"), ("import System.Files", "System"), ("// import System", nil),
      ("/// import System", nil), ("important(System)", nil), ("let word = \"import System\"", nil),
    ] as [(String, String?)])
  func line(_ line: String, _ module: String?) { #expect(Self.module(importedIn: line[...]) == module) }
}

extension ImportTests {
  /// Of folders with Swift files in them.
  private static func importsByModule(of sources: String) throws -> [String: Set<String>] {
    var imports: [String: Set<String>] = [:]
    for module in try Files.names(in: sources) {
      for file in try swiftFiles(below: "\(sources)/\(module)") {
        let lines = try Files.text(file).split(separator: "\n")
        imports[module, default: []].formUnion(lines.compactMap(self.module(importedIn:)))
      }
    }
    return imports
  }

  /// nil: the line imports nothing.
  private static func module(importedIn line: Substring) -> String? {
    let words = line.split(separator: " ")
    let before: Set<Substring> = ["public", "package", "internal", "fileprivate", "private"]
    let kinds: Set<Substring> = ["typealias", "struct", "class", "enum", "protocol", "let", "var", "func"]
    guard let place = words.firstIndex(of: "import"),
      words[..<place].allSatisfy({ $0.hasPrefix("@") || before.contains($0) })
    else { return nil }
    let name = words[(place + 1)...].first { !kinds.contains($0) }
    return name?.split(separator: ".").first.map(String.init)
  }

  static func swiftFiles(below folder: String) throws -> [String] {
    try Files.names(in: folder).map { "\(folder)/\($0)" }.flatMap { path in
      let isFolder = try Files.status(path).st_mode & S_IFMT == S_IFDIR
      return isFolder ? try swiftFiles(below: path) : path.hasSuffix(".swift") ? [path] : []
    }
  }
}

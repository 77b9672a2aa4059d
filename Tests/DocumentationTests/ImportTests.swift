import Glibc
import System
import Testing

/// ARCHITECTURE.md: which module may see which C library.
@Suite struct ImportTests {
  private static let sources = #filePath.split(separator: "/").dropLast(3).map { "/\($0)" }.joined() + "/Sources"

  @Test(
    "a C library is imported by the modules that the architecture names",
    arguments: [("CBPF", ["BPF"]), ("CSeccomp", ["Seccomp"]), ("CYAML", ["YAML"]), ("CProtobuf", ["NRI", "TTRPC"])])
  func importers(_ library: String, _ modules: [String]) throws {
    let importing = try Files.names(in: Self.sources).filter { module in
      try Self.swiftFiles(below: "\(Self.sources)/\(module)").contains {
        try Files.text($0).contains("import \(library)\n")
      }
    }
    #expect(importing == modules)
  }

  private static func swiftFiles(below folder: String) throws -> [String] {
    try Files.names(in: folder).map { "\(folder)/\($0)" }.flatMap { path in
      let isFolder = try Files.status(path).st_mode & S_IFMT == S_IFDIR
      return isFolder ? try swiftFiles(below: path) : path.hasSuffix(".swift") ? [path] : []
    }
  }
}

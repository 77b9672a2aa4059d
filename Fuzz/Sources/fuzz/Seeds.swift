import Glibc
@testable import System

extension Target {
  /// Longer files teach the fuzzer little, and slow it down.
  private static let seedMaxBytes = 16 << 10

  /// Writes the inputs to begin with, each into a file of its own.
  func writeSeeds(to folder: String) throws(Errno) {
    var seeds = samples()
    for source in files {
      let names = try Files.names(in: source.path).sorted().filter { $0.hasSuffix(source.suffix) }
      for name in names { seeds.append(try Files.read("\(source.path)/\(name)")) }
    }
    for (number, seed) in seeds.enumerated() where seed.count <= Self.seedMaxBytes {
      let file = try FileDescriptor(open: "\(folder)/seed-\(number)", O_WRONLY | O_CREAT | O_TRUNC, mode: 0o644)
      try file.write(seed)
    }
  }
}

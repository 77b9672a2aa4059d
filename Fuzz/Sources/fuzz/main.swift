import Glibc
@testable import System

// One program for all targets, so that the product is built and linked once.
//   fuzz --list               the names of the targets
//   fuzz --seeds NAME FOLDER  writes inputs to begin with; in the root of the checkout
//   fuzz NAME ARGUMENT...     fuzzes; the arguments are libFuzzer's

/// libFuzzer as a library: https://llvm.org/docs/LibFuzzer.html
@_silgen_name("LLVMFuzzerRunDriver")
func runDriver(
  _ count: UnsafeMutablePointer<Int32>,
  _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
  _ read: @convention(c) (UnsafePointer<UInt8>?, Int) -> Int32
) -> Int32

func fail(_ problem: String) -> Never {
  put("fuzz: \(problem)\n", to: 2)
  exit(2)
}

func target(_ name: String?) -> Target {
  guard let found = Target.all.first(where: { $0.name == name }) else {
    fail("no target \(name ?? ""); there are \(Target.all.map { $0.name }.joined(separator: ", "))")
  }
  return found
}

let words = Array(CommandLine.arguments.dropFirst())
switch words.first {
case "--list": for target in Target.all { put(target.name + "\n", to: 1) }
case "--seeds" where words.count == 3:
  do { try target(words[1]).writeSeeds(to: words[2]) } catch { fail("\(error)") }
default:
  // A function of C can hold nothing, so the choice is global.
  Fuzzer.read = target(words.first).read
  var count = CommandLine.argc - 1
  var arguments = CommandLine.unsafeArgv + 1
  exit(
    runDriver(&count, &arguments) { bytes, count in
      Fuzzer.read(Array(UnsafeBufferPointer(start: bytes, count: count)))
      return 0
    })
}

enum Fuzzer {
  /// Set once, before the first input.
  nonisolated(unsafe) static var read: @Sendable ([UInt8]) -> Void = { _ in }
}

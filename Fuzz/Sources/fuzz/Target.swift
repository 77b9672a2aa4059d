/// One kind of input that comes from outside, and what reads it.
struct Target: Sendable {
  /// As hack/fuzz names it.
  let name: String
  /// Files of the checkout that are inputs to begin with.
  var files: [Folder] = []
  /// Inputs that no file has.
  var samples: @Sendable () -> [[UInt8]] = { [] }
  /// Reads an input, and ends this process if something does not hold that always must.
  let read: @Sendable ([UInt8]) -> Void

  struct Folder: Sendable {
    /// From the root of the checkout. Folders in it are not looked into.
    let path: String
    /// Of the files' names.
    let suffix: String
  }

  static let all: [Target] = [
    .trunk, .ttrpc, .nri, .session, .control, .profile, .configuration, .filter, .policies, .recording, .yaml, .json,
    .toml, .event, .mountinfo, .proc, .cgroup, .image, .http, .options,
  ]
}

/// Ends the process with a message that says what does not hold. The fuzzer then keeps the input.
func require(_ holds: Bool, _ text: @autoclosure () -> String) {
  if !holds { fatalError("DOES NOT HOLD: \(text())") }
}

/// A text of an input. What is no UTF-8 is replaced, as where the product reads such texts.
func text(_ bytes: some Sequence<UInt8>) -> String { String(decoding: Array(bytes), as: UTF8.self) }

extension [UInt8] {
  /// The input's first byte, which chooses among ways to read the others.
  func choice() -> (number: Int, rest: ArraySlice<UInt8>) { (Int(first ?? 0), dropFirst()) }

  /// The input's lines, for what has several texts.
  var lines: [String] { split(separator: 10, omittingEmptySubsequences: false).map { text($0) } }
}

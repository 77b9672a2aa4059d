import BPF
import CStockade
import Policy

extension CompiledPolicy {
  /// Adds the process section: its defaults in `policy`, and a kernel rule for each path and directory.
  /// `mode: Audit` is applied by the caller.
  mutating func add(_ process: ProcessSection) {
    policy.flags |= UInt32(STOCKADE_HAS_PROCESS.rawValue)
    if process.allowEntrypoint { policy.flags |= UInt32(STOCKADE_ALLOW_ENTRYPOINT.rawValue) }
    policy.process_default = process.defaultAction.rawValue
    policy.new_executables = process.newExecutables.rawValue
    policy.fileless = process.fileless.rawValue
    policy.over_long = process.overLong.rawValue
    let byMatch = Dictionary(grouping: process.rules.indices) { process.rules[$0].matchedBytes }
    for (bytes, indices) in byMatch.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
      paths.append((bytes, kernelRule(process.rules, indices)))
      if process.rules[indices[0]].isDirectory { setBit(bytes.count, in: &policy.directory_lengths) }
    }
    if process.rules.contains(where: { !$0.arguments.isEmpty }) {
      policy.flags |= UInt32(STOCKADE_HAS_ARGUMENTS.rawValue)
    }
    for index in process.rules.indices { addArguments(process.rules[index].arguments, rule: index) }
  }

  /// Of a directory, `direct` is decided by all its rules, `deep` by the recursive ones.
  private func kernelRule(_ rules: [PathRule], _ indices: [Int]) -> stockade_path_rule {
    let deep = indices.filter { rules[$0].isDirectory && rules[$0].recursive }
    return stockade_path_rule(
      direct: (rules.verdict(indices), stockade_verdict()), deep: (rules.verdict(deep), stockade_verdict()))
  }

  private mutating func addArguments(_ rules: [ArgumentRule], rule: Int) {
    for (position, argument) in rules.enumerated() {
      let text = Array(argument.text.utf8)
      var value = stockade_argument()
      value.kind = UInt8(argument.kind.kernelKind.rawValue)
      value.action = argument.action.rawValue
      value.length = UInt16(text.count)
      value.index = argument.index.map { UInt32($0) } ?? STOCKADE_NO_RULE
      withUnsafeMutableBytes(of: &value.text) { $0.copyBytes(from: text) }
      arguments.append((stockade_argument_key(revision: 0, rule: UInt32(rule), position: UInt32(position)), value))
    }
  }
}

extension [PathRule] {
  /// The kernel's verdict of the strictest of these rules; of none, an absent one.
  func verdict(_ indices: [Int]) -> stockade_verdict {
    guard let index = strictest(of: indices) else { return stockade_verdict() }
    let rule = self[index]
    return stockade_verdict(
      present: 1, action: rule.action.rawValue, allow_new: rule.allowNew ? 1 : 0, pad: 0, rule: UInt32(index),
      arguments: UInt32(rule.arguments.count))
  }
}

/// Of an array of 64-bit words in C.
func setBit<Words>(_ bit: Int, in words: inout Words) {
  withUnsafeMutableBytes(of: &words) { $0.bindMemory(to: UInt64.self)[bit / 64] |= 1 << UInt64(bit % 64) }
}

extension ArgumentRule.Kind {
  fileprivate var kernelKind: stockade_argument_kind {
    switch self {
    case .contains: STOCKADE_CONTAINS
    case .equals: STOCKADE_EQUALS
    case .prefix: STOCKADE_PREFIX
    }
  }
}

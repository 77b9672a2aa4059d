import BPF
import CStockade
import Policy

extension CompiledPolicy {
  /// Adds the file section: its defaults in `policy`, a kernel rule for each path and directory, and one for each
  /// folder above a rule that does not allow, so that the folder is not moved away from it. `mode: Audit` is applied by
  /// the caller.
  mutating func add(_ file: FileSection) {
    guard file.strictest != .allow else { return }
    policy.flags |= UInt32(STOCKADE_HAS_FILE.rawValue)
    policy.file_default = file.defaultAction.rawValue
    policy.file_strictest = file.strictest.rawValue
    var kernelRules: [[UInt8]: stockade_path_rule] = [:]
    for (bytes, indices) in Dictionary(grouping: file.rules.indices, by: { file.rules[$0].matchedBytes }) {
      kernelRules[bytes, default: stockade_path_rule()].direct = file.rules.verdicts(indices)
      guard file.rules[indices[0]].isDirectory else { continue }
      kernelRules[bytes]?.deep = file.rules.verdicts(indices.filter { file.rules[$0].recursive })
      setBit(bytes.count, in: &policy.file_directory_lengths)
    }
    for (folder, indices) in file.rules.restrictionsBelow {
      kernelRules[folder, default: stockade_path_rule()].deep = file.rules.verdicts(indices)
    }
    files = kernelRules.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map { ($0.key, $0.value) }
  }
}

extension [PathRule] {
  /// By access, in the order of `enum stockade_access`: of the rules that speak of it.
  fileprivate func verdicts(_ indices: [Int]) -> (stockade_verdict, stockade_verdict) {
    func speaking(of access: Access) -> [Int] { indices.filter { self[$0].access.contains(access) } }
    return (verdict(speaking(of: .read)), verdict(speaking(of: .write)))
  }

  /// Each folder above a rule that does not allow -> these rules. A directory's own path is above its contents.
  fileprivate var restrictionsBelow: [[UInt8]: [Int]] {
    var found: [[UInt8]: [Int]] = [:]
    for index in indices where self[index].action != .allow {
      let bytes = self[index].matchedBytes
      for end in bytes.indices.dropFirst() where bytes[end] == UInt8(ascii: "/") {
        found[[UInt8](bytes[..<end]), default: []].append(index)
      }
    }
    return found
  }
}

import Policy

extension CompiledPolicy.File {
  /// Contains the paths and directories of the rules. It also contains each folder above a rule that does not allow, so
  /// that the folder is not moved away from the rule. nil: the section allows everything.
  init?(_ section: FileSection) {
    guard section.strictest != .allow else { return nil }
    self.init(defaultAction: section.defaultAction, strictest: section.strictest)
    let rules = section.rules
    var byBytes: [[UInt8]: CompiledPolicy.Path] = [:]
    for (bytes, indices) in Dictionary(grouping: rules.indices, by: { rules[$0].matchedBytes }) {
      var path = CompiledPolicy.Path(bytes: bytes, direct: rules.verdicts(indices))
      if path.isDirectory { path.deep = rules.verdicts(indices.filter { rules[$0].recursive }) }
      byBytes[bytes] = path
    }
    for (folder, indices) in rules.restrictionsBelow {
      byBytes[folder, default: CompiledPolicy.Path(bytes: folder)].deep = rules.verdicts(indices)
    }
    paths = Array(byBytes.values)
    paths.sort()
  }
}

extension [PathRule] {
  /// The verdict for each access, from the rules about that access.
  fileprivate func verdicts(_ indices: [Int]) -> CompiledPolicy.Verdicts {
    func speaking(of access: Access) -> [Int] { indices.filter { self[$0].access.contains(access) } }
    return CompiledPolicy.Verdicts(read: verdict(speaking(of: .read)), write: verdict(speaking(of: .write)))
  }

  /// From each folder above a rule that does not allow, to these rules. A directory's own path counts as above its
  /// contents.
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

import Policy

extension CompiledPolicy.Process {
  init(_ section: ProcessSection) {
    self.init(
      defaultAction: section.defaultAction, newExecutables: section.newExecutables, fileless: section.fileless,
      overLong: section.overLong)
    (unknownPath, unknownMappedPath) = (section.unknownPath, section.unknownMappedPath)
    allowEntrypoint = section.allowEntrypoint
    let rules = section.rules
    for (bytes, indices) in Dictionary(grouping: rules.indices, by: { rules[$0].matchedBytes }) {
      let deep = indices.filter { rules[$0].isDirectory && rules[$0].recursive }
      paths.append(
        CompiledPolicy.Path(
          bytes: bytes, direct: .init(read: rules.verdict(indices)), deep: .init(read: rules.verdict(deep))))
    }
    paths.sort()
    // What stands for another rule at another path has the arguments of that rule.
    arguments = rules.indices.filter { rules[$0].origin == nil }.flatMap { rule in
      rules[rule].arguments.enumerated().map { .init(rule: rule, position: $0.offset, argument: $0.element) }
    }
  }
}

extension [CompiledPolicy.Path] {
  mutating func sort() { sort { $0.bytes.lexicographicallyPrecedes($1.bytes) } }
}

extension [PathRule] {
  /// The verdict of the strictest of these rules.
  func verdict(_ indices: [Int]) -> CompiledPolicy.Verdict? {
    strictest(of: indices).map { index in
      CompiledPolicy.Verdict(
        action: self[index].action, strictest: self[index].strictest, rule: number(index),
        allowsNew: self[index].allowNew,
        arguments: self[index].arguments.count)
    }
  }
}

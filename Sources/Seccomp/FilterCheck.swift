import Policy

/// Checks each word and number of a filter by itself.
enum FilterCheck {
  /// Most names in all rules of a filter.
  static let callsMax = 4096
  /// Most rules about one call; the rules of one call are compared with each other.
  static let rulesPerCallMax = 128
  /// Most conditions, counted for each name. libseccomp's time has a limit of its own, in FilterInput.
  static let conditionsMax = 512

  static func check(_ filter: SeccompFilter, at location: Location, _ faults: Faults, isPartial: Bool = false) {
    checkHead(filter, at: location, faults)
    for rule in filter.syscalls {
      check(rule, at: rule.location ?? location, faults, mayBeEmpty: isPartial)
    }
  }

  /// Checks what stands beside the rules.
  static func checkHead(_ filter: SeccompFilter, at location: Location, _ faults: Faults) {
    faults.value { () throws(SeccompError) in
      try checkDefault(filter, at: location.onLine(filter.lines.defaultAction))
    }
    for (index, architecture) in filter.architectures.enumerated() {
      let place = location.onLine(filter.lines.architectures, index)
      faults.value { () throws(SeccompError) in _ = try FilterWords.token(of: architecture, at: place) }
    }
    for (index, flag) in filter.flags.enumerated() {
      let place = location.onLine(filter.lines.flags, index)
      faults.value { () throws(SeccompError) in try FilterWords.checkFlag(flag, at: place) }
    }
  }

  private static func checkDefault(_ filter: SeccompFilter, at location: Location) throws(SeccompError) {
    _ = try FilterAction(word: filter.defaultAction, errnoReturn: filter.defaultErrno, at: location)
  }

  static func check(_ rule: SeccompFilter.Rule, at location: Location, _ faults: Faults, mayBeEmpty: Bool = false) {
    if rule.names.isEmpty, !mayBeEmpty {
      faults.add(.refused(location, "a rule without syscall names; add names or remove it"))
    }
    for (index, name) in rule.names.enumerated() {
      let place = location.onLine(rule.lines.names, index)
      faults.value { () throws(SeccompError) in try SyscallNames.check(name, at: place) }
    }
    let place = location.onLine(rule.lines.action)
    faults.value { () throws(SeccompError) in
      _ = try FilterAction(word: rule.action, errnoReturn: rule.errnoReturn, at: place)
    }
    var seen: Set<UInt32> = []
    for (index, argument) in rule.arguments.enumerated() {
      let place = location.onLine(rule.lines.arguments, index)
      faults.value { () throws(SeccompError) in
        try check(argument, isRepeated: !seen.insert(argument.index).inserted, at: place)
      }
    }
  }

  private static func check(
    _ argument: SeccompFilter.Argument, isRepeated: Bool, at location: Location
  ) throws(SeccompError) {
    guard !isRepeated else {
      throw .refused(
        location,
        "two conditions on argument \(argument.index): runc takes such conditions as alternatives, "
          + "not together; write one rule for each alternative")
    }
    guard argument.index < SeccompFilter.argumentsMax else {
      throw .refused(
        location, "argument index \(argument.index); a call has arguments 0 to \(SeccompFilter.argumentsMax - 1)")
    }
    _ = try FilterWords.comparison(argument.op, at: location)
    let (value, second) = (argument.value, argument.valueTwo)
    switch argument.op {
    case "SCMP_CMP_MASKED_EQ":
      // In OCI's words `value` is the mask and `valueTwo` what the masked argument must be.
      guard second & ~value == 0 else {
        throw .refused(location, "valueTwo \(second) has bits outside the mask \(value), so nothing can equal it")
      }
    case _ where second != 0:
      throw .refused(location, "valueTwo \(second) is used only with SCMP_CMP_MASKED_EQ; remove it")
    case "SCMP_CMP_LT" where value == 0, "SCMP_CMP_GT" where value == .max:
      throw .refused(location, "no argument is \(argument.op) \(value); the rule never matches")
    default: break
    }
  }

  /// Checks limits, and what concerns the rules of a whole filter. Called after conditions were resolved.
  static func checkWhole(_ filter: SeccompFilter, at location: Location) throws(SeccompError) {
    var (count, conditions) = (0, 0)
    var rulesOfCall: [String: Int] = [:]
    for rule in filter.syscalls {
      count += rule.names.count
      guard count <= callsMax else {
        throw .refused(rule.location ?? location, "more than \(callsMax) syscall names in all rules; unite rules")
      }
      conditions += rule.names.count * rule.arguments.count
      guard conditions <= conditionsMax else {
        throw .refused(
          rule.location ?? location,
          "more than \(conditionsMax) conditions in all rules, counted for each syscall name; use fewer")
      }
      for name in rule.names {
        rulesOfCall[name, default: 0] += 1
        guard rulesOfCall[name, default: 0] <= rulesPerCallMax else {
          throw .refused(
            rule.location ?? location, "more than \(rulesPerCallMax) rules about \"\(name)\"; unite them")
        }
      }
    }
    try checkWideValues(filter, at: location)
  }

  /// On a 32-bit ABI libseccomp compares only the low half. A wide value would match numbers that it does not name. A
  /// negative number (upper half all ones) keeps its meaning.
  private static func checkWideValues(_ filter: SeccompFilter, at location: Location) throws(SeccompError) {
    let architectures = filter.architectures.filter { FilterWords.with32BitArguments.contains($0) }
    guard let architecture = architectures.first else { return }
    for rule in filter.syscalls {
      for value in rule.arguments.flatMap({ [$0.value, $0.valueTwo] }) {
        let upper = value >> 32
        guard upper == 0 || upper == 0xffff_ffff else {
          throw .refused(
            rule.location ?? location,
            "the value \(value) needs more than 32 bits, and only its low half is compared for \(architecture); "
              + "remove that architecture or the rule")
        }
      }
    }
  }
}

extension Location {
  /// The same file, on a line that is known more exactly.
  func onLine(_ line: Int?) -> Location { Location(file: file, line: line ?? self.line) }

  func onLine(_ lines: [Int], _ index: Int) -> Location { onLine(index < lines.count ? lines[index] : nil) }
}

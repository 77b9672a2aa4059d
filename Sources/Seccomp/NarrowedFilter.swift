import Policy

/// A filter that denies what a profile's `kernel` section demands of it as well.
///
/// Rules that let a call pass get a condition more, so that they let less pass. If the default lets the call pass,
/// rules that deny are added. No rule that denies is changed. `FilterDemands.breach` asks the finished program whether
/// that was enough.
struct NarrowedFilter {
  private(set) var filter: SeccompFilter
  private let location: Location
  private let defaultStops: Bool

  init(
    _ filter: SeccompFilter, _ demands: FilterDemands, architecture: Architecture, at location: Location
  ) throws(SeccompError) {
    (self.filter, self.location) = (filter, location)
    defaultStops = try FilterAction(word: filter.defaultAction, errnoReturn: nil, at: location).stops
    if demands.deniesImpliedCode { try narrowPersonality() }
    guard let families = demands.families else { return }
    let numbers = Set(families.map { UInt64($0.rawValue) })
    for call in FilterDemands.socketCalls { try narrow(call, to: numbers, without: demands.hidden) }
    try deny(FilterDemands.ringCalls)
    // Calls of every other architecture kill. 32-bit programs hide a socket's family in memory.
    if !self.filter.architectures.isEmpty {
      (self.filter.architectures, self.filter.lines.architectures) = ([architecture.ociName], [])
    }
  }

  private func stops(_ rule: SeccompFilter.Rule) throws(SeccompError) -> Bool {
    try FilterAction(word: rule.action, errnoReturn: rule.errnoReturn, at: rule.location ?? location).stops
  }

  /// Takes the rules about a call that have an effect out of the filter, each with this name alone.
  private mutating func take(_ call: String) -> [SeccompFilter.Rule] {
    var taken: [SeccompFilter.Rule] = []
    for index in filter.syscalls.indices where filter.syscalls[index].names.contains(call) {
      var rule = filter.syscalls[index]
      (rule.names, rule.lines) = ([call], .init())
      taken.append(rule)
      filter.syscalls[index].remove(call)
    }
    filter.syscalls.removeAll(where: \.names.isEmpty)
    // An unconditional rule replaces all others.
    return taken.first(where: \.arguments.isEmpty).map { [$0] } ?? taken
  }

  /// Adds rules that deny a call which the default lets pass, beside what `rules` deny.
  private mutating func deny(
    _ call: String, if conditions: [[SeccompFilter.Argument]], beside rules: [SeccompFilter.Rule]
  ) {
    guard !defaultStops else { return }
    for arguments in conditions where !rules.contains(where: { $0.arguments == arguments || $0.arguments.isEmpty }) {
      var rule = SeccompFilter.Rule(names: [call], action: "SCMP_ACT_ERRNO")
      rule.arguments = arguments
      filter.syscalls.append(rule)
    }
  }

  private mutating func deny(_ calls: [String]) throws(SeccompError) {
    for call in calls {
      var denying: [SeccompFilter.Rule] = []
      for rule in take(call) where try stops(rule) { denying.append(rule) }
      filter.syscalls += denying
      // Conditions would leave a way.
      deny(call, if: [[]], beside: denying.filter(\.arguments.isEmpty))
    }
  }
}

// MARK: personality

extension NarrowedFilter {
  private mutating func narrowPersonality() throws(SeccompError) {
    let call = "personality"
    let rules = take(call)
    var denying: [SeccompFilter.Rule] = []
    for rule in rules {
      if try stops(rule) {
        denying.append(rule)
      } else {
        filter.syscalls += try withoutImpliedCode(rule)
      }
    }
    filter.syscalls += denying
    // All that have the bit, but the question, which has all bits.
    let bit = FilterDemands.impliedCode
    let patterns = (0..<32 as Range<UInt64>).map { UInt64(1) << $0 }.filter { $0 != bit }
      .map { BitPattern(mask: bit | $0, value: bit) }
    deny(call, if: patterns.map { [$0.condition(on: 0)] }, beside: denying)
  }

  /// The rule for what it means without the bit, and for the question.
  private func withoutImpliedCode(_ rule: SeccompFilter.Rule) throws(SeccompError) -> [SeccompFilter.Rule] {
    let (bit, question) = (FilterDemands.impliedCode, FilterDemands.question)
    guard let condition = rule.arguments.first(where: { $0.index == 0 }) else {
      return [BitPattern(mask: bit, value: 0), BitPattern(question)].map { rule.requiring($0) }
    }
    switch condition.op {
    case "SCMP_CMP_EQ":
      return condition.value & bit == 0 || condition.value & question == question ? [rule] : []
    case "SCMP_CMP_LT" where condition.value <= bit, "SCMP_CMP_LE" where condition.value < bit: return [rule]
    case "SCMP_CMP_MASKED_EQ":
      let (mask, value) = (condition.value, condition.valueTwo)
      var patterns: [BitPattern] = []
      if value & bit == 0 { patterns.append(BitPattern(mask: mask | bit, value: value)) }
      if value & question == mask & question {
        patterns.append(BitPattern(mask: mask | question, value: value | question))
      }
      return patterns.map { rule.requiring($0) }
    default:
      throw .refused(
        rule.location ?? location,
        "\(condition.op) on personality cannot be joined with kernel.block executableMemory; use SCMP_CMP_EQ or "
          + "SCMP_CMP_MASKED_EQ")
    }
  }
}

// MARK: sockets

extension NarrowedFilter {
  private mutating func narrow(
    _ call: String, to numbers: Set<UInt64>, without hidden: [HiddenFamily]
  ) throws(SeccompError) {
    var denying: [SeccompFilter.Rule] = []
    for rule in take(call) {
      if try stops(rule) {
        denying.append(rule)
      } else {
        filter.syscalls += try narrowed(rule, to: numbers, without: hidden)
      }
    }
    filter.syscalls += denying
    var conditions = BitPattern.coveringOthers(than: numbers).map { [$0.condition(on: 0)] }
    for family in hidden {
      conditions += BitPattern.covering(numbers.intersection(family.names)).map {
        [$0.condition(on: 0), family.pattern.condition(on: family.argument)]
      }
    }
    deny(call, if: conditions, beside: denying)
  }

  /// The rule for those of the families that it means.
  private func narrowed(
    _ rule: SeccompFilter.Rule, to numbers: Set<UInt64>, without hidden: [HiddenFamily]
  ) throws(SeccompError) -> [SeccompFilter.Rule] {
    let condition = rule.arguments.first { $0.index == 0 }
    let families = numbers.filter { condition?.matches($0) ?? true }
    let names = hidden.reduce(into: Set<UInt64>()) { $0.formUnion($1.names) }
    var rules = BitPattern.covering(families.subtracting(names)).map { rule.requiring($0) }
    for name in families.intersection(names).sorted() {
      var ofName = [rule.requiring(BitPattern(name))]
      for family in hidden where family.names.contains(name) {
        var narrowed: [SeccompFilter.Rule] = []
        for rule in ofName { narrowed += try self.rule(rule, without: family) }
        ofName = narrowed
      }
      rules += ofName
    }
    return rules
  }

  private func rule(
    _ rule: SeccompFilter.Rule, without hidden: HiddenFamily
  ) throws(SeccompError) -> [SeccompFilter.Rule] {
    guard let condition = rule.arguments.first(where: { $0.index == hidden.argument }) else {
      return hidden.others.map { rule.requiring($0, on: hidden.argument) }
    }
    guard hidden.examples.contains(where: condition.matches) else { return [rule] }
    throw .refused(
      rule.location ?? location,
      "\(condition.op) on argument \(hidden.argument) of \(rule.names[0]) cannot be joined with kernel.sockets, since "
        + "\(hidden.pattern.value) there makes a socket of the family \(hidden.family.name); use SCMP_CMP_MASKED_EQ with "
        + "another value, or list \(hidden.family.name)")
  }
}

extension SeccompFilter.Rule {
  /// With this condition in place of the one on the same argument.
  fileprivate func requiring(_ pattern: BitPattern, on index: UInt32 = 0) -> Self {
    var rule = self
    rule.arguments.removeAll { $0.index == index }
    rule.arguments.append(pattern.condition(on: index))
    return rule
  }

  fileprivate mutating func remove(_ name: String) {
    guard let index = names.firstIndex(of: name) else { return }
    names.remove(at: index)
    if index < lines.names.count { lines.names.remove(at: index) }
  }
}

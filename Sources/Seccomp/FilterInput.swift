import CSeccomp
import Glibc
import Policy
import System

/// A filter in libseccomp's numbers, with what its messages need.
struct FilterInput {
  /// The most CPU time that libseccomp may take. Real filters take some milliseconds. Some others, whose rules have
  /// several conditions, take endless time, and would do so in the runtime at each container's start.
  static let secondsMax: UInt32 = 2
  /// runc asks for a binary tree above this number of rules. For smaller programs a tree is not worth it.
  static let rulesWithoutTree = 32

  private var filter = stockade_filter()
  private var architectures: [UInt32] = []
  private var attributes: [stockade_attribute] = []
  private var conditions: [scmp_arg_cmp] = []
  private var rules: [stockade_rule] = []

  /// The words of the architectures, attributes and rules above.
  private var architectureWords: [String]
  private var attributeWords: [String] = []
  private var ruleNames: [(name: String, location: Location)] = []
  private let native: Architecture
  private let location: Location

  init(_ filter: SeccompFilter, architecture: Architecture, at location: Location) throws(SeccompError) {
    native = architecture
    self.location = location
    architectureWords = filter.architectures
    let action = try FilterAction(word: filter.defaultAction, errnoReturn: filter.defaultErrno, at: location)
    self.filter.default_action = action.value
    self.filter.native = try FilterWords.token(of: architecture.ociName, at: location)
    for word in filter.architectures { architectures.append(try FilterWords.token(of: word, at: location)) }
    for flag in filter.flags { add(flag: flag) }
    if filter.syscalls.reduce(0, { $0 + $1.names.count }) > Self.rulesWithoutTree {
      add(SCMP_FLTATR_CTL_OPTIMIZE, 2, "the order of the rules")
    }
    for rule in filter.syscalls { try add(rule, defaultAction: action) }
  }

  private mutating func add(flag: String) {
    switch flag {
    case "SECCOMP_FILTER_FLAG_LOG": add(SCMP_FLTATR_CTL_LOG, 1, flag)
    case "SECCOMP_FILTER_FLAG_SPEC_ALLOW": add(SCMP_FLTATR_CTL_SSB, 1, flag)
    default: break
    }
  }

  private mutating func add(_ attribute: scmp_filter_attr, _ value: UInt32, _ word: String) {
    attributes.append(stockade_attribute(name: attribute, value: value))
    attributeWords.append(word)
  }

  /// Does as runc does: leaves out a rule that does what the default does, and a name that libseccomp does not know.
  private mutating func add(_ rule: SeccompFilter.Rule, defaultAction: FilterAction) throws(SeccompError) {
    let place = rule.location ?? location
    let action = try FilterAction(word: rule.action, errnoReturn: rule.errnoReturn, at: place)
    guard action != defaultAction else { return }
    let first = conditions.count
    for argument in rule.arguments {
      let op = try FilterWords.comparison(argument.op, at: place)
      conditions.append(
        scmp_arg_cmp(arg: argument.index, op: op, datum_a: argument.value, datum_b: argument.valueTwo))
    }
    for name in rule.names {
      guard let number = SyscallNames.number(of: name) else { continue }
      rules.append(
        stockade_rule(
          action: action.value, number: number, first_condition: UInt32(first),
          condition_count: UInt32(rule.arguments.count)))
      ruleNames.append((name, place))
    }
  }

  /// The program's bytes.
  func build() throws(SeccompError) -> [UInt8] {
    let (outcome, bytes): (stockade_build, [UInt8])
    do { (outcome, bytes) = try built() } catch { throw .unreadable(location, error) }
    guard outcome.step == STOCKADE_STEP_DONE else { throw failure(outcome) }
    return bytes
  }

  private func built() throws(Errno) -> (stockade_build, [UInt8]) {
    let file = try FileDescriptor(memoryFile: "filter")
    return (try build(into: file), try Self.bytes(of: file))
  }

  private func build(into file: FileDescriptor) throws(Errno) -> stockade_build {
    var outcome = stockade_build()
    var failed: Errno?
    architectures.withUnsafeBufferPointer { architectures in
      attributes.withUnsafeBufferPointer { attributes in
        conditions.withUnsafeBufferPointer { conditions in
          rules.withUnsafeBufferPointer { rules in
            var filter = filter
            (filter.architectures, filter.architecture_count) = (architectures.baseAddress, UInt32(architectures.count))
            (filter.attributes, filter.attribute_count) = (attributes.baseAddress, UInt32(attributes.count))
            filter.conditions = conditions.baseAddress
            (filter.rules, filter.rule_count) = (rules.baseAddress, UInt32(rules.count))
            do throws(Errno) {
              try call("start a process that builds the filter") {
                stockade_build_filter(&filter, file.number, Self.secondsMax, &outcome)
              }
            } catch { failed = error }
          }
        }
      }
    }
    if let failed { throw failed }
    return outcome
  }

  private static func bytes(of file: FileDescriptor) throws(Errno) -> [UInt8] {
    try call("rewind the BPF program") { lseek(file.number, 0, SEEK_SET) }
    var bytes: [UInt8] = []
    while true {
      let part = try file.read(atMost: 65536)
      if part.isEmpty { return bytes }
      bytes += part
    }
  }

  private var unfinished: SeccompError {
    .libseccomp(
      location, doing: "build the filter",
      reason: "it did not end within \(Self.secondsMax) s of CPU time, nor would the runtime's at a container's start; "
        + "use fewer rules with several conditions for one call")
  }

  private func failure(_ outcome: stockade_build) -> SeccompError {
    guard outcome.error != 0 else { return unfinished }
    let index = Int(outcome.index)
    let reason = Errno(outcome.error, "").reason
    switch outcome.step {
    case STOCKADE_STEP_ARCHITECTURE:
      return .libseccomp(location, doing: "add architecture \(architectureWords[index])", reason: reason)
    case STOCKADE_STEP_NATIVE:
      return .libseccomp(location, doing: "make a filter for \(native.ociName)", reason: reason)
    case STOCKADE_STEP_ATTRIBUTE:
      return .libseccomp(location, doing: "set \(attributeWords[index])", reason: reason)
    case STOCKADE_STEP_RULE where outcome.error == EEXIST:
      // The other rule has the same conditions and another action. Nobody can tell which of the two is meant.
      return .refused(
        ruleNames[index].location,
        "another rule with the same conditions has another action for \"\(ruleNames[index].name)\"; remove one")
    case STOCKADE_STEP_RULE:
      let rule = ruleNames[index]
      return .libseccomp(rule.location, doing: "add the rule for \"\(rule.name)\"", reason: reason)
    case STOCKADE_STEP_EXPORT:
      return .libseccomp(location, doing: "make the BPF program of the filter", reason: reason)
    default:
      return .libseccomp(location, doing: "make a filter with the default action", reason: reason)
    }
  }
}

import Compilation
import Explanation
import Policy
import Seccomp

/// What is no rule, and changes what the rules come to.
func settingDifferences(_ a: Profile, _ b: Profile) -> [Difference] {
  zip(a.settings, b.settings).filter { $0 != $1 }.map { first, second in
    Difference("profile", first.key, side(first), side(second))
  }
}

private func side(_ setting: ProfileSetting) -> Difference.Side {
  Difference.Side("has \(setting.value)", laxity: setting.laxity, Decider(setting.key, setting.value))
}

/// What `kernel` says.
func kernelDifferences(_ a: Profile, _ b: Profile) -> [Difference] {
  func blocked(_ profile: Profile) -> Action { profile.mode == .audit ? .audit : .block }
  func differ(_ what: String, _ key: String, _ action: (Profile) -> Action) -> [KernelAnswer] {
    let (first, second) = (action(a), action(b))
    return first == second ? [] : [KernelAnswer(what: what, key: key, a: first, b: second)]
  }
  let surfaces = KernelSurface.allCases.flatMap { surface in
    differ(surface.rawValue, "kernel.block") { $0.kernelBlock.contains(surface) ? blocked($0) : .allow }
  }
  let named = SocketFamily.allCases.flatMap { family in
    differ(family.name, "kernel.sockets") { $0.socketFamilies?.contains(family) == false ? blocked($0) : .allow }
  }
  let unnamed = differ("all that have no name here", "kernel.sockets") {
    $0.socketFamilies == nil ? .allow : blocked($0)
  }
  let others = differ("", "kernel.otherContainers") { $0.effectOnOtherContainers }
  return lines("use of", surfaces) + lines("sockets of the families", named + unnamed)
    + lines("what other containers do to its processes", others)
}

private struct KernelAnswer {
  var what: String
  var key: String
  var a, b: Action
}

/// A line for all that have the same answers.
private func lines(_ verb: String, _ answers: [KernelAnswer]) -> [Difference] {
  Action.allCases.flatMap { a in
    Action.allCases.flatMap { b -> [Difference] in
      let found = answers.filter { ($0.a, $0.b) == (a, b) }
      guard let key = found.first?.key else { return [] }
      let names = found.map(\.what).filter { !$0.isEmpty }.joined(separator: ", ")
      let subject = names.isEmpty ? verb : "\(verb) \(names)"
      return [Difference("kernel", subject, Difference.Side(a, Decider(key)), Difference.Side(b, Decider(key)))]
    }
  }
}

/// What bind(2) may.
func bindDifferences(_ a: ComparedProfile, _ b: ComparedProfile) -> [Difference] {
  PortRule.TransportProtocol.allCases.flatMap { transport in
    var found: [(ports: ClosedRange<Int>, a: Difference.Side, b: Difference.Side)] = []
    for ports in bindRanges(a.binds + b.binds) {
      let port = UInt16(ports.lowerBound)
      let (first, second) = (a.bindSide(port, transport), b.bindSide(port, transport))
      guard first.laxity != second.laxity else { continue }
      if let last = found.last, last.ports.upperBound + 1 == ports.lowerBound, (last.a, last.b) == (first, second) {
        found[found.count - 1].ports = last.ports.lowerBound...ports.upperBound
      } else {
        found.append((ports, first, second))
      }
    }
    return found.map { ports, first, second in
      let text = ports.count == 1 ? "\(ports.lowerBound)" : "\(ports.lowerBound)-\(ports.upperBound)"
      return Difference("network.bind", "bind to \(transport.rawValue) \(text)", first, second)
    }
  }
}

/// Every range of ports that these tell apart. Port 0 may always be bound.
private func bindRanges(_ binds: [CompiledPolicy.PortVerdict]) -> [ClosedRange<Int>] {
  let starts = Set([1] + binds.flatMap { [Int($0.first), Int($0.last) + 1] })
    .filter { (1...65535).contains($0) }.sorted()
  return starts.enumerated().map { index, start in
    start...(index + 1 < starts.count ? starts[index + 1] - 1 : 65535)
  }
}

extension ComparedProfile {
  fileprivate func bindSide(_ port: UInt16, _ transport: PortRule.TransportProtocol) -> Difference.Side {
    let found = binds.first { $0.protocolNumber == transport.number && $0.first <= port && port <= $0.last }
    let key =
      profile.network.ingress == nil ? "no section network.ingress" : found == nil ? "network" : "network.ingress"
    return Difference.Side(found?.action ?? .allow, Decider(key, at: nil))
  }
}

/// What the system call filters say.
func filterDifferences(_ a: ComparedProfile, _ b: ComparedProfile) -> [Difference] {
  guard let first = a.filter, let second = b.filter else {
    if (a.filter == nil) == (b.filter == nil) { return [] }
    return [Difference("seccomp", "the pod's own system call filter", a.filterSide, b.filterSide)]
  }
  struct Key: Hashable {
    var a, b: FilterAction
    var suffix: String
  }
  var names: [Key: [String]] = [:]
  var order: [Key] = []
  for found in FilterDifference.all(first, second) {
    let key = Key(a: found.a, b: found.b, suffix: found.suffix)
    if names[key] == nil { order.append(key) }
    names[key, default: []].append(found.name)
  }
  return order.map { key in
    Difference(
      "seccomp", "the calls \((names[key] ?? []).joined(separator: " "))\(key.suffix)", a.side(key.a), b.side(key.b))
  }
}

/// Calls of which the filters were not compared wholly.
func filterNotes(_ a: ComparedProfile, _ b: ComparedProfile) -> [String] {
  guard let first = a.filter, let second = b.filter else { return [] }
  let names = FilterDifference.cut(first, second)
  if names.isEmpty { return [] }
  return [
    "of the calls \(names.joined(separator: " ")) the conditions tell apart more than "
      + "\(FilterDifference.examplesMax) combinations of arguments; so many were tried of each, and others may be "
      + "decided differently"
  ]
}

extension ComparedProfile {
  fileprivate var filterSide: Difference.Side {
    filter == nil
      ? Difference.Side("keeps", laxity: 1, Decider("no section seccomp"))
      : Difference.Side("replaces", laxity: 0, Decider("seccomp", at: profile.seccomp?.location))
  }

  fileprivate func side(_ action: FilterAction) -> Difference.Side {
    let says =
      action == .allow ? "lets pass" : action == .log ? "lets pass and logs" : "answers with \(action.effect) to"
    return Difference.Side(says, laxity: -action.strictness, Decider("seccomp", at: profile.seccomp?.location))
  }
}

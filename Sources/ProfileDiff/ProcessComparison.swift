import Explanation
import Policy
import YAML

/// What two profiles say of programs.
struct ProcessComparison {
  private struct Key: Hashable {
    var acts: [ProcessAct]
    @ExactText var arguments: String
    var a, b: Difference.Side
  }

  private let a, b: Profile
  private let indexA, indexB: RuleIndex
  private(set) var notes: [String] = []

  init(_ a: Profile, _ b: Profile) {
    (self.a, self.b) = (a.applyingMode(), b.applyingMode())
    (indexA, indexB) = (RuleIndex(a.process?.rules ?? []), RuleIndex(b.process?.rules ?? []))
    (writtenA, writtenB) = (a, b)
  }

  /// Deciders are named as the profiles write them.
  private let writtenA, writtenB: Profile

  mutating func differences() -> [Difference] {
    if a.process == nil, b.process == nil { return [] }
    var groups = Groups<Key>()
    for place in Place.all(of: (a.process?.rules ?? []) + (b.process?.rules ?? [])) {
      let (forA, forB) = (narrowed(a, indexA, place), narrowed(b, indexB, place))
      for (key, acts) in plainDifferences(place, forA, forB) {
        groups.add(place, to: Key(acts: acts, arguments: "", a: key.a, b: key.b))
      }
      for key in argumentDifferences(place, forA, forB) { groups.add(place, to: key) }
    }
    return fileless
      + groups.all.map { key, places in
        let words = ProcessAct.words(key.acts)
        return Difference(
          "process", "\(words.verb) of \(Place.text(of: places))\(words.which)\(key.arguments)", key.a, key.b)
      }
  }

  /// The profile with the rules about one place alone.
  private func narrowed(_ profile: Profile, _ index: RuleIndex, _ place: Place) -> Profile {
    var narrowed = profile
    let rules = Set((place == .overLong ? index.all : index.rules(for: place.example)).compactMap(\.origin))
    narrowed.process?.rules = (profile.process?.rules ?? []).enumerated().filter { rules.contains($0.offset) }.map {
      var rule = $0.element
      rule.origin = $0.offset
      return rule
    }
    return narrowed
  }

  private var fileless: [Difference] {
    let sides = [(a, writtenA), (b, writtenB)].map { profile, written in
      side(profile.decideExec(path: "/", isFileless: true), written)
    }
    guard sides[0].laxity != sides[1].laxity else { return [] }
    return [Difference("process", "exec and mapping of files without a path, such as memfds", sides[0], sides[1])]
  }

  private func side(_ decision: Decision, _ written: Profile) -> Difference.Side {
    Difference.Side(decision.action, written.decider(of: decision, in: .process))
  }

  // MARK: Without arguments

  private struct Pair: Hashable { var a, b: Difference.Side }

  private func plainDifferences(_ place: Place, _ forA: Profile, _ forB: Profile) -> [(Pair, [ProcessAct])] {
    var found: [(Pair, [ProcessAct])] = []
    for act in ProcessAct.allCases {
      let (first, second) = (decide(act, place, forA), decide(act, place, forB))
      guard first.action != second.action else { continue }
      let pair = Pair(a: side(first, writtenA), b: side(second, writtenB))
      if let index = found.firstIndex(where: { $0.0 == pair }) {
        found[index].1.append(act)
      } else {
        found.append((pair, [act]))
      }
    }
    return found
  }

  private func decide(_ act: ProcessAct, _ place: Place, _ profile: Profile) -> Decision {
    let path = place.example
    switch act {
    case .exec, .execNew, .entrypoint, .entrypointNew:
      return profile.decideExec(
        path: path, isNew: act == .execNew || act == .entrypointNew,
        isEntrypoint: act == .entrypoint || act == .entrypointNew, arguments: [path])
    case .mapping, .mappingNew:
      return profile.decideMapping(path: String(decoding: path, as: UTF8.self), isNew: act == .mappingNew)
    }
  }

  // MARK: With arguments

  private mutating func argumentDifferences(_ place: Place, _ forA: Profile, _ forB: Profile) -> [Key] {
    let path = place.example
    let lists = [forA, forB].map { profile -> [ArgumentRule] in
      let rules = profile.process?.rules ?? []
      return rules.deciding(path).map { rules[$0].arguments } ?? []
    }
    if lists[0] == lists[1] { return [] }
    var found: [Key] = []
    let plain = plainDifferences(place, forA, forB)
    for arguments in ArgumentExamples(lists[0] + lists[1], path).all {
      let decisions = [forA, forB].map { $0.decideExec(path: path, arguments: arguments) }
      guard decisions[0].action != decisions[1].action else { continue }
      let key = Key(
        acts: ProcessAct.allCases.filter { !$0.isMapping }, arguments: "",
        a: side(decisions[0], writtenA), b: side(decisions[1], writtenB))
      // What holds without arguments is told already, and of each pair of deciders one example.
      let isTold = plain.contains { $0.0 == Pair(a: key.a, b: key.b) && $0.1.contains(.exec) }
      if isTold || found.contains(where: { ($0.a, $0.b) == (key.a, key.b) }) { continue }
      found.append(Key(acts: key.acts, arguments: " with \(ArgumentExamples.text(arguments))", a: key.a, b: key.b))
    }
    if found.isEmpty {
      notes.append(
        "the argument rules about \(Place.text(of: [place])) are not written alike; of all arguments that were tried, "
          + "none is decided differently")
    }
    return found
  }
}

/// Values by key, in the order in which the keys came.
struct Groups<Key: Hashable> {
  private var places: [Key: [Place]] = [:]
  private var order: [Key] = []

  mutating func add(_ place: Place, to key: Key) {
    if places[key] == nil { order.append(key) }
    places[key, default: []].append(place)
  }

  var all: [(Key, [Place])] { order.map { ($0, places[$0] ?? []) } }
}

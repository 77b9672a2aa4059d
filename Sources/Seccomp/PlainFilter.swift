import Policy
import YAML

/// A filter of OCI, Docker or Podman as `type: Inline` can have it, without conditions.
package struct PlainFilter {
  /// Each rule has its place and index in the file.
  package let filter: SeccompFilter
  /// What the reader left out.
  package let notes: [SeccompNote]
  /// Rules that had no effect, since another rule about the same call has no conditions on its arguments.
  package let void: [(location: Location, text: String)]
  /// Rules that hold only under conditions.
  package let conditional: [ConditionalRule]

  /// A rule with conditions, decided for one environment.
  package struct ConditionalRule {
    package let location: Location
    package let index: Int
    /// Whether the rule is in the filter.
    package let applies: Bool
    /// Its conditions, in words.
    package let conditions: String
    /// Capabilities with which it would be decided in another way.
    package let capabilities: [String]
    /// Whether it is only for architectures on which there is no Stockade.
    package let isForeign: Bool
  }

  package init(_ root: Node, file: String, environment: SeccompEnvironment) throws(SeccompError) {
    let source = try LocalhostProfile.read(root, file: file)
    var filter = source.resolved(in: environment)
    for index in filter.syscalls.indices { filter.syscalls[index].nameOnce() }
    filter.architectures = filter.architectures.once
    filter.flags = filter.flags.once
    void = filter.removeVoidRules(Location(file: file, line: root.line))
    self.filter = filter
    notes = source.notes
    conditional = source.rules.enumerated().filter(\.element.isConditional).map { index, rule in
      rule.decided(index, file, environment)
    }
  }

  /// What is wrong with the filter as a section of a profile.
  package func problems(environment: SeccompEnvironment, at location: Location) -> [Problem] {
    let section = SeccompSection(source: .inline(filter), location: location)
    return Seccomp.problems(of: section, profilesFolder: "/", mode: .enforce, environment: environment)
  }
}

extension ConditionalFilter.Rule {
  fileprivate var isConditional: Bool {
    includes != ConditionalFilter.Conditions() || excludes != ConditionalFilter.Conditions()
  }

  fileprivate func decided(
    _ index: Int, _ file: String, _ environment: SeccompEnvironment
  ) -> PlainFilter.ConditionalRule {
    let parts = [("with", includes), ("without", excludes)].flatMap { word, conditions in
      conditions.words.map { "\(word) \($0)" }
    }
    let known = Architecture.allCases.map(\.goName)
    return PlainFilter.ConditionalRule(
      location: rule.location ?? Location(file: file, line: 1), index: index, applies: applies(in: environment),
      conditions: parts.joined(separator: " and "),
      capabilities: includes.capabilities.filter { isDecided(by: $0, in: environment) },
      isForeign: !includes.architectures.isEmpty && !includes.architectures.contains(where: known.contains))
  }
}

extension ConditionalFilter.Conditions {
  fileprivate var words: [String] {
    capabilities + (architectures.isEmpty ? [] : [architectures.joined(separator: " or ")])
      + (minimumKernel.map { ["kernel \($0.major).\($0.minor)"] } ?? [])
  }
}

extension SeccompFilter.Rule {
  /// A name that stands twice says nothing more.
  fileprivate mutating func nameOnce() {
    guard Set(names).count < names.count else { return }
    lines.names = []
    names = names.once
  }
}

extension SeccompFilter {
  /// libseccomp keeps the first rule of a call without conditions on arguments, and drops the others without a word. In
  /// a profile they would be a contradiction.
  fileprivate mutating func removeVoidRules(_ location: Location) -> [(location: Location, text: String)] {
    var deciding: [String: Int] = [:]
    for (index, rule) in syscalls.enumerated() where rule.arguments.isEmpty {
      for name in rule.names where deciding[name] == nil { deciding[name] = index }
    }
    var void: [(location: Location, text: String)] = []
    for index in syscalls.indices {
      let removed = syscalls[index].names.filter { deciding[$0].map { $0 != index } == true }
      guard !removed.isEmpty else { continue }
      let others = removed.filter { name in deciding[name].map { differ(index, $0) } == true }
      if !others.isEmpty {
        void.append(
          (
            syscalls[index].location ?? location,
            "\(syscalls[index].action) has no effect for \(others.joined(separator: " ")), since another rule without "
              + "conditions on arguments decides; it is left out"
          ))
      }
      syscalls[index].names.removeAll(where: removed.contains)
      syscalls[index].lines.names = []
    }
    syscalls.removeAll(where: \.names.isEmpty)
    return void
  }

  private func differ(_ first: Int, _ second: Int) -> Bool {
    syscalls[first].action != syscalls[second].action || syscalls[first].errnoReturn != syscalls[second].errnoReturn
  }
}

extension [String] {
  fileprivate var once: [String] {
    var seen: Set<String> = []
    return filter { seen.insert($0).inserted }
  }
}

import System
import YAML

/// The profiles of a folder, resolved. A profile that breaks later keeps its last good version.
package struct ResolvedProfiles: Sendable {
  package struct Report: Equatable, Sendable {
    /// Profiles that are new, different or gone, sorted.
    package var changed: [String] = []
    /// What is wrong, one line each: every problem of every file.
    package var messages: [String] = []

    package init(changed: [String] = [], messages: [String] = []) {
      self.changed = changed
      self.messages = messages
    }
  }

  package let folder: String
  /// Finds what else is wrong with a profile. This is asked if the profile's own text has errors already: such a
  /// profile gets no further, and everything must be reported at once.
  private let furtherProblems: @Sendable (Profile) -> [Problem]
  /// By path: the last good version of each file that is still there.
  private var layers: [ExactText: ProfileLayer] = [:]
  private var profiles: [String: Profile] = [:]
  /// By profile: why its present version cannot be used.
  private var failures: [String: PolicyError] = [:]
  /// Files without a usable version. Any profile may be meant by them.
  private var brokenFiles: [ProfileFile] = []
  /// Files that are not read: by path, why they are not read.
  private var ignored: [ExactText: String] = [:]

  /// Empty until the first `reload()`.
  package init(folder: String, furtherProblems: @escaping @Sendable (Profile) -> [Problem] = { _ in [] }) {
    self.folder = folder
    self.furtherProblems = furtherProblems
  }

  package var names: [String] { profiles.keys.sorted() }

  package func profile(named name: String) throws(PolicyError) -> Profile {
    if let profile = profiles[name] { return profile }
    if let failure = failures[name] { throw failure }
    throw .noSuchProfile(name: name, lookedIn: folder, advice: advice(for: name))
  }

  private func advice(for name: String) -> String {
    if let error = brokenFiles.first(where: { $0.names.contains(name) })?.error {
      return "; it may be in a file that has errors: \(error.firstLine)"
    }
    let unread = ignored.sorted { $0.key < $1.key }.first { ProfileFile.stem($0.key.wrappedValue) == name }
    if let unread { return "; \(unread.key.wrappedValue) is not read: \(unread.value)" }
    let names = Set(profiles.keys).union(failures.keys).sorted()
    return Suggestion.advice(for: name, among: names, otherwise: "add it or choose another")
  }

  /// Reads the folder again. A folder that cannot be read changes nothing.
  package mutating func reload() -> Report {
    let found: ProfileFolder
    do { found = try ProfileFolder(reading: folder) } catch {
      return Report(messages: ["\(error); the profiles that were read before stay in force"])
    }
    var report = Report(messages: found.messages)
    ignored = found.ignored
    takeLayers(found)
    let byName = Dictionary(uniqueKeysWithValues: layers.values.map { ($0.name, $0) })
    let resolver = ProfileResolver(layers: byName, broken: brokenFiles, lookedIn: folder)
    for (path, file) in found.files.sorted(by: { $0.key < $1.key }) where file.error != nil {
      report.add(file.everyProblem(resolver, furtherProblems), keptVersion: layers[path] != nil)
    }
    let before = profiles
    resolveAll(byName, resolver, &report)
    report.changed = Set(before.keys).union(profiles.keys).filter { before[$0] != profiles[$0] }.sorted()
    return report
  }

  private mutating func takeLayers(_ found: ProfileFolder) {
    var kept: [ExactText: ProfileLayer] = [:]
    for (path, file) in found.files where file.error == nil { kept[path] = file.layer }
    brokenFiles = []
    for (path, file) in found.files.sorted(by: { $0.key < $1.key }) where file.error != nil {
      // A last good version gives way to another file that now has its name.
      if let last = layers[path], !kept.values.contains(where: { $0.name == last.name }) {
        kept[path] = last
      } else {
        brokenFiles.append(file)
      }
    }
    layers = kept
  }

  private mutating func resolveAll(
    _ byName: [String: ProfileLayer], _ resolver: ProfileResolver, _ report: inout Report
  ) {
    let before = profiles
    (profiles, failures) = ([:], [:])
    for (name, layer) in byName.sorted(by: { $0.key < $1.key }) {
      let (profile, problems) = resolver.join(layer)
      if problems.isEmpty {
        profiles[name] = profile
      } else {
        let error = PolicyError.invalid((problems + furtherProblems(profile)).ordered(of: layer.location.file))
        failures[name] = error
        profiles[name] = before[name]
        report.add(error, keptVersion: before[name] != nil)
      }
    }
  }
}

extension ResolvedProfiles.Report {
  fileprivate mutating func add(_ error: PolicyError, keptVersion: Bool) {
    let consequence = keptVersion ? " (the last good version stays in force)" : ""
    messages += error.description.split(separator: "\n").map { $0 + consequence }
  }
}

extension ProfileFile {
  /// Why the file cannot be used: its own problems, and those that only show when it is joined and checked further.
  package func everyProblem(
    _ resolver: ProfileResolver, _ furtherProblems: (Profile) -> [Problem]
  ) -> PolicyError {
    if let unreadable { return .unreadable(unreadable) }
    guard let layer else { return .invalid(problems) }
    let (profile, joining) = resolver.join(layer)
    return .invalid((problems + joining + furtherProblems(profile)).ordered(of: path))
  }
}

extension Profile {
  /// One profile file, with its bases from the same folder.
  package static func load(
    file path: String, furtherProblems: (Profile) -> [Problem] = { _ in [] }
  ) throws(PolicyError) -> Profile {
    let file = ProfileFile(path)
    let resolver: ProfileResolver
    if file.layer?.extends.isEmpty != false {
      resolver = ProfileResolver(layers: [:], lookedIn: Files.folder(of: path))
    } else {
      do { resolver = ProfileResolver(try ProfileFolder(reading: Files.folder(of: path))) } catch {
        throw .unreadable(error)
      }
    }
    guard let layer = file.layer, file.error == nil else {
      throw file.everyProblem(resolver, furtherProblems)
    }
    let (profile, problems) = resolver.join(layer)
    if problems.isEmpty { return profile }
    throw .invalid((problems + furtherProblems(profile)).ordered(of: path))
  }
}

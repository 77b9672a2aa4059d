import System
import YAML

/// The profiles of a folder, resolved; what breaks later keeps its last good version.
package struct ProfileStore: Sendable {
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
  /// By path: the last good version of each file that is still there.
  private var layers: [String: ProfileLayer] = [:]
  private var profiles: [String: Profile] = [:]
  /// By profile: why its present version cannot be used.
  private var failures: [String: PolicyError] = [:]
  /// Of files without a usable version; any profile may be meant by them.
  private var brokenFiles: [PolicyError] = []

  /// Empty until the first `reload()`.
  package init(folder: String) { self.folder = folder }

  package var names: [String] { profiles.keys.sorted() }

  package func profile(named name: String) throws(PolicyError) -> Profile {
    if let profile = profiles[name] { return profile }
    if let failure = failures[name] { throw failure }
    let hints = brokenFiles.map { $0.description.split(separator: "\n").first.map(String.init) ?? "" }
    throw .noSuchProfile(name: name, lookedIn: folder, hints: hints)
  }

  /// Reads the folder again. A folder that cannot be read changes nothing.
  package mutating func reload() -> Report {
    let found: ProfileFolder
    do throws(Errno) { found = try ProfileFolder(reading: folder) } catch {
      return Report(messages: ["\(error); the profiles that were read before stay in force"])
    }
    var report = Report(messages: found.messages)
    takeLayers(found, &report)
    let before = profiles
    resolveAll(&report)
    report.changed = Set(before.keys).union(profiles.keys).filter { before[$0] != profiles[$0] }.sorted()
    return report
  }

  private mutating func takeLayers(_ found: ProfileFolder, _ report: inout Report) {
    let files = found.files.sorted { $0.key < $1.key }
    var kept = found.files.compactMapValues { try? $0.get() }
    brokenFiles = []
    for case (let path, .failure(let error)) in files {
      // A last good version gives way to another file that has its name now.
      if let last = layers[path], !kept.values.contains(where: { $0.name == last.name }) {
        kept[path] = last
      } else {
        brokenFiles.append(error)
      }
      report.add(error, keptVersion: kept[path] != nil)
    }
    layers = kept
  }

  private mutating func resolveAll(_ report: inout Report) {
    let byName = Dictionary(uniqueKeysWithValues: layers.values.map { ($0.name, $0) })
    let resolver = ProfileResolver(layers: byName, lookedIn: folder)
    let before = profiles
    (profiles, failures) = ([:], [:])
    for (name, layer) in byName.sorted(by: { $0.key < $1.key }) {
      do throws(PolicyError) { profiles[name] = try resolver.resolve(layer) } catch {
        failures[name] = error
        profiles[name] = before[name]
        report.add(error, keptVersion: before[name] != nil)
      }
    }
  }
}

extension ProfileStore.Report {
  fileprivate mutating func add(_ error: PolicyError, keptVersion: Bool) {
    let consequence = keptVersion ? " (the last good version stays in force)" : ""
    messages += error.description.split(separator: "\n").map { $0 + consequence }
  }
}

extension Profile {
  /// One profile file, with its bases from the same folder.
  package static func load(file: String) throws(PolicyError) -> Profile {
    let layer = try ProfileFolder.read(file)
    let parts = file.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    let folder =
      parts.count > 1 ? file.utf8.prefix(file.utf8.count - parts[parts.count - 1].count - 1) : Substring(".").utf8
    return try load(layer, folder: folder.isEmpty ? "/" : String(folder) ?? ".")
  }

  private static func load(_ layer: ProfileLayer, folder: String) throws(PolicyError) -> Profile {
    guard !layer.extends.isEmpty else {
      return try ProfileResolver(layers: [:], lookedIn: folder).resolve(layer)
    }
    let found: ProfileFolder
    do throws(Errno) { found = try ProfileFolder(reading: folder) } catch { throw .unreadable(error) }
    var layers: [String: ProfileLayer] = [:]
    for case .success(let other) in found.files.values { layers[other.name] = other }
    layers[layer.name] = layer
    return try ProfileResolver(layers: layers, lookedIn: folder).resolve(layer)
  }
}

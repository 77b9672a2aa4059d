import Policy
import Seccomp
import Synchronization

/// A profile that was loaded whole: its rules and its seccomp filter, both checked.
package struct LoadedProfile: Equatable, Sendable {
  package var profile: Profile
  /// nil: the profile has no `seccomp`.
  package var seccomp: ResolvedSeccomp?
}

/// The node's profiles, ready for use. Reading files and building filters happens in `reload`, never in a look-up.
package final class ProfileLibrary: Sendable {
  package struct Report: Sendable {
    /// Profiles whose text changed and can be used.
    package var changed: [LoadedProfile] = []
    /// Those of them whose filter is another one now: running containers keep theirs.
    package var staleFilters: [String] = []
    /// Profiles whose new text was refused, with the reason: the text of before stays.
    package var refused: [(name: String, reason: String)] = []
    /// What is wrong, a line each.
    package var messages: [String] = []
  }

  private struct State {
    var store: ProfileStore
    var loaded: [String: LoadedProfile] = [:]
    /// By name: why a profile that was read has no usable filter.
    var failures: [String: SeccompError] = [:]

    /// Those whose filter is in a file of its own, which can change while the profile does not.
    var localhostProfiles: [String] {
      store.names.filter {
        if case .localhost = try? store.profile(named: $0).seccomp?.source { return true }
        return false
      }
    }
  }

  private let state: Mutex<State>
  private let seccompFolder: String
  private let environment: SeccompEnvironment

  /// Empty until the first `reload`.
  package init(folder: String, environment: SeccompEnvironment) {
    state = Mutex(State(store: ProfileStore(folder: folder)))
    seccompFolder = folder
    self.environment = environment
  }

  /// One profile file, with its bases and seccomp files from the same folder.
  package init(file: String, environment: SeccompEnvironment) throws {
    let folder = file.lastIndex(of: "/").map { String(file[..<$0]) } ?? "."
    let profile = try Profile.load(file: file)
    seccompFolder = folder.isEmpty ? "/" : folder
    self.environment = environment
    var filters = FilterCache(folder: seccompFolder, environment: environment)
    let loaded = LoadedProfile(profile: profile, seccomp: try filters.filter(of: profile))
    state = Mutex(State(store: ProfileStore(folder: seccompFolder), loaded: [profile.name: loaded]))
  }

  package var names: [String] { state.withLock { $0.loaded.keys.sorted() } }

  /// - Throws: `PolicyError`, `SeccompError` or `Refusal`, saying which profile and where it was looked for.
  package func profile(named name: String) throws -> LoadedProfile {
    try state.withLock { state in
      if let loaded = state.loaded[name] { return loaded }
      if let failure = state.failures[name] { throw failure }
      _ = try state.store.profile(named: name)
      throw Refusal(profile: name, "it was read, but is not loaded whole")
    }
  }

  /// Reads the folder again. What is broken keeps its last good version, and so does what is refused, unless that is
  /// refused as well.
  ///
  /// - Parameter refusal: why a profile is no use here; nil where it is.
  package func reload(refusal: (Profile) -> String? = { _ in nil }) -> Report {
    // The files are read on a copy: a look-up never waits for a disk.
    var next = state.withLock { $0 }
    let read = next.store.reload()
    var report = Report(messages: read.messages)
    var filters = FilterCache(folder: seccompFolder, environment: environment)
    for name in Set(read.changed).union(next.localhostProfiles).sorted() {
      next.failures[name] = nil
      guard let profile = try? next.store.profile(named: name) else {
        next.loaded[name] = nil
        continue
      }
      if let old = next.loaded[name], refusal(old.profile) == nil, let reason = refusal(profile) {
        report.refused.append((name, reason))
        continue
      }
      do throws(SeccompError) {
        let loaded = LoadedProfile(profile: profile, seccomp: try filters.filter(of: profile))
        if loaded == next.loaded[name] { continue }
        if let old = next.loaded[name], old.seccomp != loaded.seccomp { report.staleFilters.append(name) }
        next.loaded[name] = loaded
        report.changed.append(loaded)
      } catch {
        report.messages.append("\(error)\(next.loaded[name] == nil ? "" : " (the last good version stays in force)")")
        if next.loaded[name] == nil { next.failures[name] = error }
      }
    }
    state.withLock { [next] in $0 = next }
    return report
  }
}

/// The filters of one loading. Most profiles share a base's, and libseccomp takes tens of milliseconds for each.
private struct FilterCache {
  let folder: String
  let environment: SeccompEnvironment
  private var filters: [(section: SeccompSection, mode: Mode, filter: ResolvedSeccomp)] = []

  init(folder: String, environment: SeccompEnvironment) {
    self.folder = folder
    self.environment = environment
  }

  /// nil: the profile has no `seccomp`.
  mutating func filter(of profile: Profile) throws(SeccompError) -> ResolvedSeccomp? {
    guard let section = profile.seccomp else { return nil }
    if let known = filters.first(where: { $0.section == section && $0.mode == profile.mode }) { return known.filter }
    let filter = try resolve(section, profilesFolder: folder, mode: profile.mode, environment: environment)
    filters.append((section, profile.mode, filter))
    return filter
  }
}

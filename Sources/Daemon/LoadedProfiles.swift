import Compilation
import Policy
import Seccomp
import Synchronization
import System

/// The node's profiles, ready for use. Only `reload` reads files and builds filters. A look-up does neither.
package final class LoadedProfiles: Sendable {
  package struct Report: Sendable {
    /// Profiles whose text changed and can be used.
    package var changed: [LoadedProfile] = []
    /// Changed profiles with another filter. Containers that run keep the old filter.
    package var staleFilters: [String] = []
    /// Profiles whose new text was refused, with the reason. Their old text stays.
    package var refused: [(name: String, reason: String)] = []
    /// What is wrong, a line each.
    package var messages: [String] = []
    /// What changed profiles say that is accepted, but that the author hardly meant.
    package var warnings: [Problem] = []

    /// What is wrong, with what was refused.
    var problems: [String] { messages + refused.map { Refusal(profile: $0.name, $0.reason).description } }
  }

  private struct State {
    var store: ResolvedProfiles
    var isRead = false
    var loaded: [String: LoadedProfile] = [:]
    /// By name: why a profile that was read cannot be loaded as a whole.
    var failures: [String: PolicyError] = [:]

    /// Profiles whose filter is in a file of its own. That file can change while the profile does not.
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
  private let recording: RecordingDetail

  /// Empty until the first `reload`.
  ///
  /// - Parameter recording: here and below: what is recorded of all containers of the profiles.
  package init(folder: String, environment: SeccompEnvironment, recording: RecordingDetail = .nothing) {
    let store = ResolvedProfiles(folder: folder) { profile in
      ProfileLoader(folder: folder, environment: environment).problems(of: profile)
    }
    state = Mutex(State(store: store))
    seccompFolder = folder
    self.environment = environment
    self.recording = recording
  }

  /// One profile file, with its bases and seccomp files from the same folder.
  package convenience init(file: String, environment: SeccompEnvironment, recording: RecordingDetail = .nothing) throws
  {
    let folder = Files.folder(of: file)
    let loader = ProfileLoader(folder: folder, environment: environment)
    let profile = try Profile.load(file: file, furtherProblems: loader.problems)
    try self.init(profile, folder: folder, environment: environment, recording: recording)
  }

  /// One profile.
  ///
  /// - Parameter folder: where its seccomp files are.
  package init(
    _ profile: Profile, folder: String, environment: SeccompEnvironment, recording: RecordingDetail = .nothing
  ) throws {
    seccompFolder = folder
    self.environment = environment
    self.recording = recording
    var loader = ProfileLoader(folder: folder, environment: environment, recording: recording)
    let loaded = try loader.load(profile)
    state = Mutex(State(store: ResolvedProfiles(folder: folder), isRead: true, loaded: [profile.name: loaded]))
  }

  /// Takes over what `other` has loaded, in place of profiles of the same name.
  package func adopt(_ other: LoadedProfiles) {
    let loaded = other.state.withLock { $0.loaded }
    state.withLock { $0.loaded.merge(loaded) { $1 } }
  }

  package var names: [String] { state.withLock { $0.loaded.keys.sorted() } }

  /// Also of profiles that cannot be used.
  package var allNames: [String] {
    state.withLock { state in Set(state.loaded.keys).union(state.failures.keys).union(state.store.names).sorted() }
  }

  /// Whether there is a profile of this name, usable or not.
  package func exists(_ name: String) -> Bool {
    do { _ = try profile(named: name) } catch let error as PolicyError {
      if case .noSuchProfile = error { return false }
    } catch {}
    return true
  }

  /// - Throws: `PolicyError` if there is no such profile, `Refusal` if it cannot be used: one line, for the runtime to
  ///   show.
  package func profile(named name: String) throws -> LoadedProfile {
    try state.withLock { state in
      if let loaded = state.loaded[name] { return loaded }
      if !state.isRead {
        throw Refusal(profile: name, "\(seccompFolder) is not read yet; look at the disk that it is on")
      }
      if let failure = state.failures[name] { throw Refusal(profile: name, failure.summary) }
      do throws(PolicyError) { _ = try state.store.profile(named: name) } catch {
        if case .noSuchProfile = error { throw error }
        throw Refusal(profile: name, error.summary)
      }
      throw Refusal(profile: name, "it was read, but is not loaded whole")
    }
  }

  /// Reads the folder again. A profile that is broken or refused keeps its last good version, unless that version is
  /// refused as well.
  ///
  /// - Parameter refusal: why a profile cannot be used on this node; nil: it can.
  package func reload(refusal: (Profile) -> String? = { _ in nil }) -> Report {
    // The files are read on a copy: a look-up never waits for a disk.
    var next = state.withLock { $0 }
    let read = next.store.reload()
    var report = Report(messages: read.messages)
    var loader = ProfileLoader(folder: seccompFolder, environment: environment, recording: recording)
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
      do {
        let loaded = try loader.load(profile)
        if loaded == next.loaded[name] { continue }
        if let old = next.loaded[name], old.setsOtherFilter(than: loaded) { report.staleFilters.append(name) }
        next.loaded[name] = loaded
        report.changed.append(loaded)
        report.warnings += loaded.warnings
      } catch {
        report.add(error, keptVersion: next.loaded[name] != nil)
        if next.loaded[name] == nil { next.failures[name] = error }
      }
    }
    next.isRead = true
    state.withLock { [next] in $0 = next }
    return report
  }
}

extension LoadedProfiles.Report {
  /// Adds each line once. Profiles that extend the same base share its filter, and so its problems.
  fileprivate mutating func add(_ error: PolicyError, keptVersion: Bool) {
    let consequence = keptVersion ? " (the last good version stays in force)" : ""
    for line in error.description.split(separator: "\n") where !messages.contains(line + consequence) {
      messages.append(line + consequence)
    }
  }
}

import Compilation
import Policy
import Seccomp

/// A profile that was loaded whole: its rules and its seccomp filter, both checked.
package struct LoadedProfile: Equatable, Sendable {
  package var profile: Profile
  /// nil: the profile has no `seccomp`.
  package var seccomp: ResolvedSeccomp?

  /// What is accepted and hardly meant.
  package var warnings: [Problem] {
    let ofSeccomp = (seccomp?.notes ?? []).filter(\.isWarning).map { note in
      Problem(note.location ?? seccomp?.location ?? Location(file: profile.file, line: 1), note.text)
    }
    return (profile.warnings + ofSeccomp).ordered(of: profile.file)
  }
}

/// Makes profiles of one folder ready for use: their filters are built, and their rules fit the kernel's tables.
package struct ProfileLoader {
  private let folder: String
  private let environment: SeccompEnvironment
  /// Most profiles share a base's filter, and libseccomp takes tens of milliseconds for each.
  private var filters: [(section: SeccompSection, mode: Mode, filter: Result<ResolvedSeccomp, SeccompError>)] = []

  package init(folder: String, environment: SeccompEnvironment) {
    self.folder = folder
    self.environment = environment
  }

  /// - Throws: `PolicyError.invalid` with everything that is wrong.
  package mutating func load(_ profile: Profile) throws(PolicyError) -> LoadedProfile {
    var problems = PolicyCompiler.problems(of: profile)
    var loaded = LoadedProfile(profile: profile)
    do throws(SeccompError) { loaded.seccomp = try filter(of: profile) } catch {
      problems += error.problems(elsewhere: profile.seccomp?.location ?? Location(file: profile.file, line: 1))
    }
    guard problems.isEmpty else { throw .invalid(problems.ordered(of: profile.file)) }
    return loaded
  }

  /// What `load` would throw for a profile of which only a part could be read.
  package func problems(of profile: Profile) -> [Problem] {
    let ofSeccomp = profile.seccomp.map {
      Seccomp.problems(of: $0, profilesFolder: folder, mode: profile.mode, environment: environment)
    }
    return PolicyCompiler.problems(of: profile) + (ofSeccomp ?? [])
  }

  private mutating func filter(of profile: Profile) throws(SeccompError) -> ResolvedSeccomp? {
    guard let section = profile.seccomp else { return nil }
    if let known = filters.first(where: { $0.section == section && $0.mode == profile.mode }) {
      return try known.filter.get()
    }
    let filter = Result { () throws(SeccompError) in
      try resolve(section, profilesFolder: folder, mode: profile.mode, environment: environment)
    }
    filters.append((section, profile.mode, filter))
    return try filter.get()
  }
}

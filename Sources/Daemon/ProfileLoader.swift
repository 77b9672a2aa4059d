import Compilation
import Policy
import Seccomp

/// A profile that was loaded as a whole: its rules are compiled, and its seccomp filter is built.
package struct LoadedProfile: Equatable, Sendable {
  package var compiled: CompiledProfile
  /// nil: the profile has no `seccomp`.
  package var seccomp: ResolvedSeccomp?

  package var profile: Profile { compiled.profile }

  /// What is accepted, but hardly meant.
  package var warnings: [Problem] {
    let ofSeccomp = (seccomp?.notes ?? []).filter(\.isWarning).map { note in
      Problem(note.location ?? seccomp?.location ?? Location(file: profile.file, line: 1), note.text)
    }
    return (profile.warnings + ofSeccomp).ordered(of: profile.file)
  }
}

/// Makes profiles of one folder ready for use. What cannot be compiled or built is found here, and not only when a
/// container starts.
package struct ProfileLoader {
  private let folder: String
  private let environment: SeccompEnvironment
  /// Most profiles share a base's filter, and libseccomp takes tens of milliseconds for each filter.
  private var filters: [(section: SeccompSection, mode: Mode, filter: Result<ResolvedSeccomp, SeccompError>)] = []

  package init(folder: String, environment: SeccompEnvironment) {
    self.folder = folder
    self.environment = environment
  }

  /// - Throws: `PolicyError.invalid` with everything that is wrong.
  package mutating func load(_ profile: Profile) throws(PolicyError) -> LoadedProfile {
    var problems: [Problem] = []
    var compiled: CompiledProfile?
    var seccomp: ResolvedSeccomp?
    do throws(CompilationError) { compiled = try CompiledProfile(profile) } catch {
      // Each section may be too large, and the error reports only one.
      problems = PolicyCompiler.problems(of: profile)
    }
    do throws(SeccompError) { seccomp = try filter(of: profile) } catch {
      problems += error.problems(elsewhere: profile.seccomp?.location ?? Location(file: profile.file, line: 1))
    }
    guard let compiled, problems.isEmpty else { throw .invalid(problems.ordered(of: profile.file)) }
    return LoadedProfile(compiled: compiled, seccomp: seccomp)
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

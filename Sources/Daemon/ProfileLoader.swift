import Compilation
import Policy
import Seccomp

/// A profile that was loaded as a whole: its rules are compiled, and its seccomp filter is built.
package struct LoadedProfile: Equatable, Sendable {
  package var compiled: CompiledProfile
  /// nil: the profile has no `seccomp`.
  package var seccomp: ResolvedSeccomp?

  package var profile: Profile { compiled.profile }

  /// Whether a container can have another filter under this text than under another one.
  func setsOtherFilter(than other: LoadedProfile) -> Bool {
    seccomp != other.seccomp || profile.seccomp?.replacesPod != other.profile.seccomp?.replacesPod
  }

  /// What is accepted, but hardly meant.
  package var warnings: [Problem] {
    let ofSeccomp = (seccomp?.notes ?? []).filter(\.isWarning).map { note in
      Problem(note.location ?? seccomp?.location ?? Location(file: profile.file, line: 1), note.text)
    }
    return (profile.warnings + ofLinks + ofSeccomp).ordered(of: profile.file)
  }

  private var ofLinks: [Problem] {
    compiled.paths.firstLeftOut.map { location in
      [
        Problem(
          location,
          "the path rules run through more than \(RulePaths.foldersMaximum) folders; from here on links in an image are "
            + "not followed for rules in further folders, so name the paths that links lead to")
      ]
    } ?? []
  }
}

/// Makes profiles of one folder ready for use. What cannot be compiled or built is found here, and not only when a
/// container starts.
package struct ProfileLoader {
  private let folder: String
  private let environment: SeccompEnvironment
  private let recording: RecordingDetail
  /// Most profiles share a base's filter, and libseccomp takes tens of milliseconds for each filter.
  private var filters: [(inputs: FilterInputs, filter: Result<ResolvedSeccomp, SeccompError>)] = []

  /// - Parameter recording: what is recorded of the containers of the profiles.
  package init(folder: String, environment: SeccompEnvironment, recording: RecordingDetail = .nothing) {
    self.folder = folder
    self.environment = environment
    self.recording = recording
  }

  /// - Throws: `PolicyError.invalid` with everything that is wrong.
  package mutating func load(_ profile: Profile) throws(PolicyError) -> LoadedProfile {
    var problems: [Problem] = []
    var compiled: CompiledProfile?
    var seccomp: ResolvedSeccomp?
    do { compiled = try CompiledProfile(profile, recording: recording) } catch { problems = error.problems }
    do { seccomp = try filter(of: profile) } catch {
      problems += error.problems(elsewhere: profile.seccomp?.location ?? Location(file: profile.file, line: 1))
    }
    guard let compiled, problems.isEmpty else { throw .invalid(problems.ordered(of: profile.file)) }
    return LoadedProfile(compiled: compiled, seccomp: seccomp)
  }

  /// What `load` would throw for a profile of which only a part could be read.
  package func problems(of profile: Profile) -> [Problem] {
    let ofSeccomp = profile.seccomp.map {
      Seccomp.problems(
        of: $0, profilesFolder: folder, mode: profile.mode, demands: FilterDemands(of: profile),
        environment: environment)
    }
    return PolicyCompiler.problems(of: profile) + (ofSeccomp ?? [])
  }

  private mutating func filter(of profile: Profile) throws(SeccompError) -> ResolvedSeccomp? {
    guard let section = profile.seccomp else { return nil }
    let inputs = FilterInputs(section: section, mode: profile.mode, demands: FilterDemands(of: profile))
    if let known = filters.first(where: { $0.inputs == inputs }) { return try known.filter.get() }
    let filter = Result { () throws(SeccompError) in
      try resolve(
        section, profilesFolder: folder, mode: inputs.mode, demands: inputs.demands, environment: environment)
    }
    filters.append((inputs, filter))
    return try filter.get()
  }
}

/// What a filter is made of.
private struct FilterInputs: Equatable {
  var section: SeccompSection
  var mode: Mode
  var demands: FilterDemands
}

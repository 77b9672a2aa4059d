import Daemon
import Policy
import Seccomp
import YAML

/// The profiles of a configuration: which of them can be read, and what happens to those that a container can get.
struct ProfileExamination {
  private(set) var findings: [Finding] = []
  private let configuration: NodeConfiguration
  private let judge: ProfileJudge

  init(_ file: ConfigurationFile, _ places: Places, _ judge: ProfileJudge) {
    configuration = file.configuration
    self.judge = judge
    let folder = configuration.profilesFolder
    let chosen = ProfileUses(configuration)
    guard places.exists(folder) || !chosen.isEmpty else {
      add(.limited, "there is no folder \(folder)", "put profiles there (config/profiles)")
      return
    }
    do {
      let library = LoadedProfiles(folder: places.root + folder, environment: try SeccompEnvironment.thisNode())
      let report = library.reload()
      for message in report.messages { add(.missing, message, "mend it") }
      for warning in report.warnings { add(.limited, "\(warning)", "mend it") }
      judgeAll(library, chosen, folder)
    } catch { add(.missing, "\(error)") }
  }

  private mutating func add(_ level: Finding.Level, _ found: String, _ advice: String? = nil) {
    findings.append(Finding(.profiles, level, found, advice))
  }

  private mutating func judgeAll(_ library: LoadedProfiles, _ chosen: ProfileUses, _ folder: String) {
    // If the node has no list, annotations may choose every profile.
    let others = configuration.allowedProfiles == nil ? Set(library.names).subtracting(chosen.names) : []
    for name in chosen.names + others.sorted() {
      let uses = chosen[name]
      do {
        judgeOne(try library.profile(named: name), uses)
      } catch {
        let why = "\(error)".split(separator: "\n").first ?? ""
        add(uses.level, "\(uses.text) cannot be had: \(why)")
      }
    }
    let count = library.names.count
    let unjudged = judge.unjudged.map { "; \($0)" } ?? ""
    add(.ok, "\(count) can be read in \(folder)\(unjudged)")
  }

  private mutating func judgeOne(_ loaded: LoadedProfile, _ uses: ProfileUses.Uses) {
    let assessment = judge.judge(loaded)
    if let reason = Assessment.line(assessment.objections) {
      add(uses.level, "\(uses.text) is refused on this node: \(reason)")
    }
    // A profile that merely lies in the folder says by itself that it may be partly enforced.
    if let reason = Assessment.line(assessment.ignored.map(\.description)), !uses.isEmpty {
      add(.limited, "\(uses.text) is not wholly enforced on this node: \(reason)")
    }
  }
}

/// Which parts of the configuration name which profile.
struct ProfileUses {
  struct Uses {
    var name: String
    /// Pods that ask for nothing get the profile from these.
    var choosers: [String] = []
    /// Annotations may choose the profile by these.
    var listers: [String] = []

    var isEmpty: Bool { choosers.isEmpty && listers.isEmpty }
    var level: Finding.Level { choosers.isEmpty ? .limited : .missing }

    /// `profile "web" of defaultProfile, binding "nginx"`
    var text: String {
      let places = choosers + listers
      return "profile \(quoted(name))" + (places.isEmpty ? "" : " of \(places.joined(separator: ", "))")
    }
  }

  /// The names, in the order of the file.
  private(set) var names: [String] = []
  private var uses: [String: Uses] = [:]
  var isEmpty: Bool { names.isEmpty }

  init(_ configuration: NodeConfiguration) {
    if let name = configuration.defaultProfile { add(name, "defaultProfile", to: \.choosers) }
    for binding in configuration.bindings {
      if let name = binding.profile { add(name, "binding \(quoted(binding.name))", to: \.choosers) }
      for name in binding.allowedProfiles ?? [] {
        add(name, "allowedProfiles of binding \(quoted(binding.name))", to: \.listers)
      }
    }
    for name in configuration.allowedProfiles ?? [] { add(name, "allowedProfiles", to: \.listers) }
  }

  subscript(name: String) -> Uses { uses[name] ?? Uses(name: name) }

  private mutating func add(_ name: String, _ place: String, to list: WritableKeyPath<Uses, [String]>) {
    guard name != ProfileName.unconfined else { return }
    if uses[name] == nil { names.append(name) }
    var known = self[name]
    if !known[keyPath: list].contains(place) { known[keyPath: list].append(place) }
    uses[name] = known
  }
}

/// Decides as the plugin does at Create, for an ordinary pod.
struct ProfileJudge {
  private let node: NodeCapabilities?
  private let support: SeccompSupport?
  private let hasOtherRoots: Bool

  init(node: NodeCapabilities?, runtime: RuntimeExamination) {
    self.node = node
    support = runtime.seccompSupport
    hasOtherRoots = runtime.hasOtherRoots
  }

  /// What the profiles are not judged by, because nothing is known of it.
  var unjudged: String? {
    let parts = (node == nil ? ["the tier"] : []) + (support == nil ? ["the runtime's version"] : [])
    return parts.isEmpty ? nil : "not judged by \(parts.joined(separator: " and ")), which could not be found out"
  }

  /// If the tier is not known, the filter and the roots alone are judged.
  func judge(_ loaded: LoadedProfile) -> Assessment {
    var container = ContainerFacts()
    container.filterProblem = filterProblem(loaded)
    if hasOtherRoots { container.rootIsOverlay = false }
    return loaded.profile.assess(node: node ?? .unlimited, container: container)
  }

  private func filterProblem(_ loaded: LoadedProfile) -> String? {
    guard let support, let filter = loaded.seccomp else { return nil }
    do {
      _ = try adapt(filter, to: support)
      return nil
    } catch { return "\(error)" }
  }
}

import Policy
import System
import YAML

/// What `stockade config check` finds in a configuration that can be read.
package struct ConfigurationCheck: Sendable {
  /// What does nothing.
  package let warnings: [String]
  /// Profiles that it names and that its folder has not.
  package let errors: [String]

  /// - Throws: the file cannot be read, or is no configuration.
  package init(file: String) throws {
    let configuration = try NodeConfiguration.parse(Files.read(file, limit: YAML.Node.fileMaxBytes), file: file)
    warnings = configuration.idleParts.map { "\($0)" }
    var store = ResolvedProfiles(folder: configuration.profilesFolder)
    _ = store.reload()
    let names = Set(store.names)
    errors = configuration.missingProfiles(exists: { names.contains($0) }).map { "\($0)" }
  }
}

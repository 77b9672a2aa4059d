import Enforcement
import Events
import Glibc
import Logging
import Policy
import Seccomp
import System
import YAML

/// What a configuration brings: who gets which profile, and the profiles.
package struct Settings: Sendable {
  package var configuration: NodeConfiguration
  package var profiles: ProfileLibrary

  package init(configuration: NodeConfiguration, profiles: ProfileLibrary) {
    self.configuration = configuration
    self.profiles = profiles
  }
}

/// Makes settings of a configuration's text, and sets up what it asks for beside the plugin: the events' file and the
/// watch on the profiles.
package struct SettingsLoader: Sendable {
  let node: Node
  let environment: SeccompEnvironment
  /// nil: standard output.
  let defaultEventsFile: String?
  let log: Logger

  /// - Parameter file: where the text is from, for messages.
  package func load(_ bytes: [UInt8], file: String) throws -> Settings {
    let configuration = try NodeConfiguration.parse(bytes, file: file)
    addSink(configuration.eventsFile ?? defaultEventsFile)
    let profiles = ProfileLibrary(folder: configuration.profilesFolder, environment: environment)
    follow(profiles, configuration.profilesFolder)
    return Settings(configuration: configuration, profiles: profiles)
  }

  /// - Parameter required: a missing file is an error; else it means all defaults.
  package func load(file: String, required: Bool) throws -> Settings {
    try load(try Self.read(file, required: required), file: file)
  }

  /// Finds out now what `load` would find wrong with a required file later.
  static func check(file: String) throws { _ = try NodeConfiguration.parse(try read(file, required: true), file: file) }

  private static func read(_ file: String, required: Bool) throws(Errno) -> [UInt8] {
    do throws(Errno) { return try Files.read(file, limit: YAML.Node.fileMaxBytes) } catch {
      guard error.code == ENOENT, !required else { throw error }
      return []
    }
  }

  /// Containers start and are confined also where nobody can be told of it: a full or missing disk stops no node.
  private func addSink(_ path: String?) {
    node.pump?.add(path.map { FileSink(path: $0) } ?? DescriptorSink(FileDescriptor(owning: dup(1))))
  }

  /// Reads the profiles, and again whenever they change. What changes while a watch is set up is read after that.
  private func follow(_ profiles: ProfileLibrary, _ folder: String) {
    let first = try? FolderWatch(folder)
    node.reload(profiles)
    Thread.detached { @Sendable [node] in
      if let first { node.reload(profiles, at: first) }
      watch(profiles, folder)
    }
  }

  /// A folder that is not there is looked for again and again: it may be mounted later, or put back.
  private func watch(_ profiles: ProfileLibrary, _ folder: String) -> Never {
    var isTold = false
    while true {
      do throws(Errno) {
        let watch = try FolderWatch(folder)
        isTold = false
        node.reload(profiles)
        node.reload(profiles, at: watch)
      } catch {
        if !isTold { log.warning("the profiles are not watched", metadata: ["reason": "\(error)"]) }
        isTold = true
        sleep(Self.retrySeconds)
      }
    }
  }

  private static let retrySeconds: UInt32 = 10
}

extension Node {
  /// Takes over changed profiles at each change, until the watch ends.
  fileprivate func reload(_ profiles: ProfileLibrary, at changes: FolderWatch) {
    while (try? changes.wait()) ?? false { reload(profiles) }
  }
}

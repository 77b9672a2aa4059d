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
  package var profiles: LoadedProfiles

  package init(configuration: NodeConfiguration, profiles: LoadedProfiles) {
    self.configuration = configuration
    self.profiles = profiles
  }
}

/// Makes settings of a configuration's text, and sets up what it asks for beside the plugin: the events' file and the
/// watch on the profiles.
package struct SettingsLoader: Sendable {
  let node: ConfinedNode
  let environment: SeccompEnvironment
  /// nil: standard output.
  let defaultEventsFile: String?
  let log: Logger

  /// - Parameter file: where the text is from, for messages.
  package func load(_ bytes: [UInt8], file: String) throws -> Settings {
    let configuration = try NodeConfiguration.parse(bytes, file: file)
    addSink(configuration.eventsFile ?? defaultEventsFile)
    node.setNodeGate(configuration.nodeGate)
    let profiles = LoadedProfiles(folder: configuration.profilesFolder, environment: environment)
    node.follow(profiles, in: configuration.profilesFolder)
    return Settings(configuration: configuration, profiles: profiles)
  }

  /// - Parameter required: a missing file is an error; else it means all defaults.
  package func load(file: String, required: Bool) throws -> Settings {
    try load(try Self.read(file, required: required), file: file)
  }

  /// Finds out now what `load` would find wrong with a required file later.
  static func check(file: String) throws { _ = try NodeConfiguration.parse(try read(file, required: true), file: file) }

  /// How long a disk is waited for, first for the configuration and then for the profiles: both together less than what
  /// the runtime waits for an answer (2 seconds, unless it is told otherwise).
  package static let patienceMilliseconds = 500
  package static let profilesPatienceMilliseconds = 1200

  private static func read(_ file: String, required: Bool) throws(Errno) -> [UInt8] {
    let bytes = try readIfThere(file)
    if bytes == nil, required { throw Errno(ENOENT, "open \(file)") }
    return bytes ?? []
  }

  /// nil: there is no such file.
  static func readIfThere(_ file: String) throws(Errno) -> [UInt8]? {
    do throws(Errno) { return try readInTime(file) } catch {
      guard error.code == ENOENT else { throw error }
      return nil
    }
  }

  /// On a thread of its own: a disk that hangs, or a pipe, would hold up the answer to the runtime for good.
  private static func readInTime(_ file: String) throws(Errno) -> [UInt8] {
    let read = Monitor<Result<[UInt8], Errno>?>(nil)
    let thread = try Thread { @Sendable in
      let result = Result { () throws(Errno) in try Files.read(file, limit: YAML.Node.fileMaxBytes) }
      read.withLock { $0 = result }
    }
    thread.detach()
    read.wait(milliseconds: patienceMilliseconds) { $0 != nil }
    guard let result = read.withLock({ $0 }) else { throw Errno(ETIMEDOUT, "read \(file)") }
    return try result.get()
  }

  /// Containers start and are confined also where nobody can be told of it: a full or missing disk stops no node.
  private func addSink(_ path: String?) {
    if let path {
      node.events.subscribe(path, FileSink(path: path, log: log))
    } else {
      node.events.subscribe("standard output", DescriptorSink(FileDescriptor(owning: dup(1))))
    }
  }
}

import Glibc
import Logging
import Policy
import Seccomp
import System
import YAML

/// What a configuration brings: which containers get which profile, and the profiles.
package struct Settings: Sendable {
  package var configuration: NodeConfiguration
  package var profiles: LoadedProfiles

  package init(configuration: NodeConfiguration, profiles: LoadedProfiles) {
    self.configuration = configuration
    self.profiles = profiles
  }
}

/// Makes settings from a configuration's text. It reads files, and starts nothing.
package struct SettingsLoader: Sendable {
  let environment: SeccompEnvironment
  let log: Logger

  /// - Parameter file: where the text comes from, for messages.
  package func load(_ bytes: [UInt8], file: String) throws -> Settings {
    let configuration = try NodeConfiguration.parse(bytes, file: file)
    return Settings(
      configuration: configuration,
      profiles: LoadedProfiles(folder: configuration.profilesFolder, environment: environment))
  }

  /// - Parameter required: a missing file is an error. If not required, a missing file means all defaults.
  package func load(file: String, required: Bool) throws -> Settings {
    try load(try Self.read(file, required: required), file: file)
  }

  /// Finds out now what `load` would later find wrong with a required file.
  static func check(file: String) throws { _ = try NodeConfiguration.parse(try read(file, required: true), file: file) }

  /// How long to wait for a disk, first for the configuration and then for the profiles. Both together are less than
  /// the time that the runtime waits for an answer (2 seconds, unless it is configured otherwise).
  package static let patienceMilliseconds = 500
  package static let profilesPatienceMilliseconds = 1200
  /// Of the time that a runtime with more patience waits.
  package static let profilesPatiencePercent = 60

  /// - Parameter callLimit: how long the runtime waits for an answer.
  static func profilesPatience(_ callLimit: Duration) -> Int {
    max(profilesPatienceMilliseconds, Int(callLimit / .milliseconds(1)) * profilesPatiencePercent / 100)
  }

  private static func read(_ file: String, required: Bool) throws(Errno) -> [UInt8] {
    let bytes = try readIfThere(file)
    if bytes == nil, required { throw Errno(ENOENT, "open \(file)") }
    return bytes ?? []
  }

  /// nil: there is no such file.
  static func readIfThere(_ file: String) throws(Errno) -> [UInt8]? {
    do { return try readInTime(file) } catch {
      guard error.code == ENOENT else { throw error }
      return nil
    }
  }

  /// Reads on a thread of its own: a disk that hangs, or a pipe, would hold up the answer to the runtime for good. A
  /// thread that hangs is left behind.
  private static func readInTime(_ file: String) throws(Errno) -> [UInt8] {
    let read = Monitor<Result<[UInt8], Errno>?>(nil)
    let thread = try Thread {
      let result = Result { () throws(Errno) in try Files.read(file, limit: YAML.Node.fileMaxBytes) }
      read.withLock { $0 = result }
    }
    guard thread.join(milliseconds: patienceMilliseconds), let result = read.read({ $0 }) else {
      throw Errno(ETIMEDOUT, "read \(file)")
    }
    return try result.get()
  }
}

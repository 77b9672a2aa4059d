import Glibc
import InMemoryLogging
import Logging
import Policy
import System
import Testing

@testable import Daemon

@Suite struct ConfigurationTests {
  private func loader() -> SettingsLoader {
    SettingsLoader(environment: environment, log: Logger(label: "test") { _ in InMemoryLogHandler() })
  }

  private func load(_ file: String, required: Bool) throws -> (String) throws -> Settings {
    try Daemon.load(from: .file(file, required: required), by: loader())
  }

  @Test("where the runtime's text is not known it is read from files, and without any it is broken, not empty")
  func unknownText() throws {
    let folder = "/tmp/stockade-conf-\(UInt64.random(in: 0...UInt64.max))"
    let (own, shared, usual) = ("\(folder)/10-web.conf", "\(folder)/web.conf", "\(folder)/stockade.yaml")
    try Files.makeFolder(folder)
    defer {
      for file in [own, shared, usual] { unlink(file) }
      rmdir(folder)
    }
    func level() throws -> NodeConfiguration.LogLevel {
      try Daemon.loadUsual("web", "10", folder: folder, file: usual, by: loader()).configuration.logLevel
    }
    #expect(throws: (any Error).self) { try level() }
    try Files.write("", to: own)
    #expect(try level() == .info, "the runtime would send an empty text")
    unlink(own)
    try Files.write("profilesFolder: \(folder)\nlogLevel: error\n", to: usual)
    #expect(try level() == .error)
    try Files.write("profilesFolder: \(folder)\nlogLevel: warning\n", to: shared)
    #expect(try level() == .warning)
    try Files.write("", to: own)
    #expect(try level() == .error)
    try Files.write("profilesFolder: \(folder)\nlogLevel: debug\n", to: own)
    #expect(try level() == .debug)
    unlink(own)
    #expect(mkfifo(own, 0o600) == 0, "a file that hangs")
    #expect(throws: (any Error).self) { try level() }
    close(open(own, O_WRONLY | O_NONBLOCK))
  }

  @Test("a broken file refuses every container, and the one of --config is no daemon at all")
  func broken() throws {
    let file = "/tmp/stockade-configuration-\(getpid()).yaml"
    defer { unlink(file) }
    try Files.write("bindigns: []\n", to: file)
    let settings = try load(file, required: false)
    let error = #expect(throws: (any Error).self) { try settings("") }
    #expect(error.map { "\($0)".contains("bindigns") } == true)
    let problem = #expect(throws: ConfigurationProblem.self) { try load(file, required: true) }
    #expect(problem?.description.contains("bindigns") == true)
  }

  @Test(
    "a path that no socket can have is refused",
    arguments: ["", "/run/a\0b", String(repeating: "x", count: UnixAddress.pathMaxBytes + 1)])
  func socketPath(path: String) { #expect(throws: Errno.self) { try NRISocket.check(path) } }

  @Test("a socket's path may be as long as the limit")
  func longestSocketPath() throws { try NRISocket.check(String(repeating: "x", count: UnixAddress.pathMaxBytes)) }

  @Test("a file of --config that is missing is no daemon")
  func missing() {
    #expect(throws: ConfigurationProblem.self) { try load("/nowhere/stockade.yaml", required: true) }
  }

  @Test("a daemon whose required configuration is missing looks at no kernel, and so leaves nothing there")
  func nothingBegun() throws {
    let log = InMemoryLogHandler()
    let (runtime, plugin) = try FileDescriptor.connectedPair()
    #expect(throws: ConfigurationProblem.self) {
      _ = try Daemon(
        socket: plugin, source: .file("/nowhere/stockade.yaml", required: true), defaultEventsFile: nil,
        log: Logger(label: "test") { _ in log })
    }
    withExtendedLifetime(runtime) {}
    #expect(log.entries.isEmpty)
  }
}

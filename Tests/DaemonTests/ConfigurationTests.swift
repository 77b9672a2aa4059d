import Glibc
import InMemoryLogging
import Logging
import System
import Testing

@testable import Daemon

@Suite struct ConfigurationTests {
  private func load(_ file: String, required: Bool) throws -> (String) throws -> Settings {
    let log = Logger(label: "test") { _ in InMemoryLogHandler() }
    let node = try Node(pinFolder: "/nowhere/stockade", runtimeMountNamespace: 1, log: log)
    let loader = SettingsLoader(node: node, environment: environment, defaultEventsFile: "/dev/null", log: log)
    return try Daemon.load(from: .file(file, required: required), by: loader)
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
    arguments: ["", "/run/a\0b", String(repeating: "x", count: NRISocket.pathMaxBytes + 1)])
  func socketPath(path: String) { #expect(throws: Errno.self) { try NRISocket.check(path) } }

  @Test("a socket's path may be as long as the limit")
  func longestSocketPath() throws { try NRISocket.check(String(repeating: "x", count: NRISocket.pathMaxBytes)) }

  @Test("a file of --config that is missing is no daemon")
  func missing() {
    #expect(throws: ConfigurationProblem.self) { try load("/nowhere/stockade.yaml", required: true) }
  }
}

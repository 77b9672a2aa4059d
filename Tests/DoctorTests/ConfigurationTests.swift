import Policy
import System
import Testing

@testable import Doctor

func recordedDump() throws -> String { try Files.text("\(sources)/Dumps/2.3.4.toml") }

@Suite struct ConfigurationTests {
  private static let launchedFile = "/etc/nri/conf.d/10-stockade.conf"
  private static let usualFile = "/etc/stockade/stockade.yaml"
  private static let text = "logLevel: debug\n"

  /// - Parameter plugins: executables in the plugin folder.
  private func findings(_ files: [String: String], plugins: [String] = [], _ processes: [String]...) throws -> [String]
  {
    let node = TestNode()
    for (path, text) in files { try node.write(path, text) }
    for plugin in plugins { try node.writeProgram("/opt/nri/plugins/\(plugin)") }
    for (index, arguments) in processes.enumerated() { node.runStockade(arguments, pid: Int32(index + 1)) }
    return node.findings(.configuration)
  }

  @Test("a launched plugin reads its file in NRI's folder, and the usual one where that is missing or empty")
  func launched() throws {
    let plugins = ["10-stockade"]
    let reads = "ok configuration: \(Self.launchedFile) is read by 10-stockade"
    #expect(try findings([Self.launchedFile: Self.text], plugins: plugins) == [reads])
    for files in [[Self.usualFile: Self.text], [Self.usualFile: Self.text, Self.launchedFile: ""]] {
      #expect(try findings(files, plugins: plugins) == ["ok configuration: \(Self.usualFile) is read by 10-stockade"])
    }
    #expect(
      try findings(["/etc/nri/conf.d/stockade.conf": Self.text], plugins: plugins)
        == ["ok configuration: /etc/nri/conf.d/stockade.conf is read by 10-stockade"])
    #expect(
      try findings([:], plugins: plugins) == [
        "ok configuration: 10-stockade has none (there is no \(Self.usualFile)): only pods with an annotation are "
          + "confined"
      ])
  }

  @Test("the file is named after the program in the plugin folder")
  func index() throws {
    #expect(
      try findings(["/etc/nri/conf.d/95-stockade.conf": Self.text], plugins: ["95-stockade"])
        == ["ok configuration: /etc/nri/conf.d/95-stockade.conf is read by 95-stockade"])
  }

  @Test("the folders are those of containerd's configuration")
  func folders() throws {
    let node = TestNode()
    let dump = try recordedDump().split(separator: "'/etc/nri/conf.d'").joined(separator: "'/srv/conf.d'")
    try node.runRecorded(
      version: "2.3.4", dump: dump.split(separator: "'/opt/nri/plugins'").joined(separator: "'/srv/p'"))
    try node.writeProgram("/srv/p/10-stockade")
    try node.write("/srv/conf.d/10-stockade.conf", Self.text)
    #expect(
      node.findings(.configuration) == ["ok configuration: /srv/conf.d/10-stockade.conf is read by 10-stockade"])
  }

  @Test(
    "a service reads the usual file, or that of --config",
    arguments: [
      (["stockade", "run"], "/etc/stockade/stockade.yaml"),
      (["stockade", "run", "--name", "x", "--config", "/srv/s.yaml"], "/srv/s.yaml"),
      (["stockade", "run", "--config=/srv/s.yaml"], "/srv/s.yaml"),
      (["stockade", "run", "--config", "s.yaml"], "//s.yaml"),
    ])
  func service(arguments: [String], file: String) throws {
    #expect(
      try findings([file: Self.text], arguments)
        == ["ok configuration: \(file) is read by stockade run (process 1)"])
  }

  @Test("nothing is read of a process that has another root folder: a container can have one of this name")
  func otherRoot() throws {
    let node = TestNode()
    try node.write("/etc/stockade/stockade.yaml", "defaultProfile: nosuch\n")
    node.processes = [
      RunningProcess(
        pid: 1, arguments: ["stockade", "run"], executable: "/usr/sbin/stockade", image: "", sharesOurFiles: false)
    ]
    let found = try #require(node.findings(.configuration).first)
    #expect(found.hasPrefix("unknown configuration: stockade run (process 1) has another root folder than this one"))
    #expect(node.findings(.profiles).isEmpty)
  }

  @Test("a file that was named and is missing is an error")
  func missing() throws {
    let found = try findings([:], ["stockade", "run", "--config", "/srv/s.yaml"])
    #expect(found.count == 1 && found[0].hasPrefix("missing configuration: cannot open "), "\(found)")
    #expect(found[0].contains("/srv/s.yaml: no such file or directory"))
  }

  @Test("each thing that is wrong is told with file and line, in the file that counts and in the other")
  func broken() throws {
    let found = try findings(
      [Self.launchedFile: "logLevel: loud\nbindings:\n- name: a\n", Self.usualFile: "\nprofileFolder: /x\n"],
      plugins: ["10-stockade"])
    #expect(found.count == 3, "\(found)")
    #expect(found[0].hasPrefix("missing configuration: \(Self.launchedFile):1: "))
    #expect(found[0].contains("mend it and restart 10-stockade: until then it refuses every container"))
    #expect(found[1].hasPrefix("missing configuration: \(Self.launchedFile):3: bindings[0] has neither profile"))
    #expect(found[2].hasPrefix("limited configuration: \(Self.usualFile):2: unknown key \"profileFolder\""))
  }

  @Test("a file that no instance reads is told, unless it is a copy of the one that counts")
  func unused() throws {
    let both = [Self.launchedFile: Self.text, Self.usualFile: "logLevel: error\n"]
    #expect(
      try findings(both, plugins: ["10-stockade"]).last
        == "limited configuration: \(Self.usualFile) is read by no instance; \(Self.launchedFile) is read in its place "
        + "-> remove it, or move its text there")
    #expect(
      try findings(both, ["stockade", "run"]).last?.hasPrefix(
        "limited configuration: \(Self.launchedFile) is read by no instance; \(Self.usualFile) is read") == true)
    #expect(
      try findings([Self.launchedFile: Self.text, Self.usualFile: Self.text], plugins: ["10-stockade"]).count == 1)
  }
}

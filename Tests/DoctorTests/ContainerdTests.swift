import Glibc
import System
import Testing

@testable import Doctor

/// Debian's containerd, where hack/fetch-containerd has unpacked it.
private func unpacked(_ release: String) -> String? {
  let cache = ["STOCKADE_CACHE": "", "XDG_CACHE_HOME": "/stockade", "HOME": "/.cache/stockade"]
  let folders = ["STOCKADE_CACHE", "XDG_CACHE_HOME", "HOME"].compactMap { name in
    getenv(name).map { String(cString: $0) + (cache[name] ?? "") }
  }
  let program = (folders.first ?? "") + "/containerd-\(release)/usr/bin/containerd"
  return Files.exists(program) ? program : nil
}

/// A configuration, and how what the doctor says of it begins, a line a finding.
struct ContainerdCase: CustomTestStringConvertible, Sendable {
  /// In Containerd/; empty: there is no file.
  var file: String
  var expected: [String]
  var testDescription: String { file.isEmpty ? "no file" : file }

  init(_ file: String, _ expected: String...) {
    self.file = file
    self.expected = expected
  }

  /// A node with that configuration and the socket, where containerd runs.
  func check(_ program: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
    let node = TestNode()
    try node.addSocket()
    if !file.isEmpty {
      try node.write("/etc/containerd/config.toml", try Files.text("\(sources)/Containerd/\(file).toml"))
      for name in try Files.names(in: "\(sources)/Containerd/conf.d") {
        try node.write("/etc/containerd/conf.d/\(name)", try Files.text("\(sources)/Containerd/conf.d/\(name)"))
      }
    }
    node.run(containerd: program)
    expect(node.findings(.containerd, .nri, .requiredPlugin), expected, sourceLocation)
  }
}

private func expect(_ found: [String], _ expected: [String], _ sourceLocation: SourceLocation = #_sourceLocation) {
  #expect(found.count == expected.count, "\(found)", sourceLocation: sourceLocation)
  for (line, start) in zip(found, expected) {
    #expect(line.contains(start), "\(found)", sourceLocation: sourceLocation)
  }
}

@Suite struct ContainerdTests {
  private static let old = "limited containerd: containerd 1.7."
  private static let newer = "limited containerd: containerd 2."
  private static let on = "ok NRI: on, socket at /var/run/nri/nri.sock"
  private static let off = "missing NRI: off in /etc/containerd/config.toml"

  @Test(
    "containerd 1.7 says itself what its configuration is",
    .enabled(if: unpacked("1.7") != nil, "needs hack/fetch-containerd"),
    arguments: [
      ContainerdCase("", old, off + ", as it is by default before containerd 2.0 -> set disable = false"),
      ContainerdCase("empty", old, off),
      ContainerdCase("comment", old, off),
      ContainerdCase("nri-on", old, on),
      ContainerdCase("nri-off", old, off),
      ContainerdCase("imports", old, on),
      // 1.7 takes a plugin's table whole from the last file that has it, and that one does not set `disable`.
      ContainerdCase("import-places", old, off),
      ContainerdCase("required", old, on),
      ContainerdCase("nri-disabled", old, "off: disabled_plugins of /etc/containerd/config.toml has io.containerd.nri"),
      ContainerdCase(
        "cri-disabled", old, "off: disabled_plugins of /etc/containerd/config.toml has io.containerd.grpc"),
      ContainerdCase("no-connections", old, "ok NRI: on, for plugins in /opt/nri/plugins alone"),
      ContainerdCase("broken", "cannot read its configuration /etc/containerd/config.toml: ", "ok NRI: socket"),
      ContainerdCase("import-broken", "conf.d/broken.toml: (3, ", "ok NRI: socket"),
      ContainerdCase("wrong-type", "Can't convert no(string) to bool", "ok NRI: socket"),
      ContainerdCase("twice", "defined twice", "ok NRI: socket"),
      ContainerdCase("version-4", "unsupported config version `4` -> mend it", "ok NRI: socket"),
    ])
  func release17(_ test: ContainerdCase) throws { try test.check(try #require(unpacked("1.7"))) }

  @Test(
    "containerd 2 says itself what its configuration is",
    .enabled(if: unpacked("2") != nil, "needs hack/fetch-containerd"),
    arguments: [
      ContainerdCase("", newer, on),
      ContainerdCase("empty", newer, on),
      ContainerdCase("comment", newer, on),
      ContainerdCase("nri-on", newer, on),
      ContainerdCase("nri-off", newer, off + " -> set disable = false"),
      ContainerdCase("quoted-key", newer, off),
      ContainerdCase("imports", newer, on),
      ContainerdCase("import-glob", newer, off),
      ContainerdCase("import-places", newer, "missing NRI: on, but nobody listens on /srv/nri.sock"),
      ContainerdCase(
        "nri-disabled", newer, "off: disabled_plugins of /etc/containerd/config.toml has io.containerd.nri"),
      ContainerdCase(
        "cri-disabled", newer, "off: disabled_plugins of /etc/containerd/config.toml has io.containerd.grpc"),
      ContainerdCase("no-connections", newer, "ok NRI: on, for plugins in /opt/nri/plugins alone"),
      ContainerdCase("broken", "row 4 column 9", "ok NRI: socket"),
      ContainerdCase("import-broken", "conf.d/broken.toml: failed to unmarshal TOML at row 3", "ok NRI: socket"),
      ContainerdCase("wrong-type", "missing containerd: containerd 2.", "ok NRI: socket"),
      ContainerdCase("twice", "key disable is already defined", "ok NRI: socket"),
    ])
  func release2(_ test: ContainerdCase) throws { try test.check(try #require(unpacked("2"))) }

  /// 2.1 does not have the key and says nothing of it; that it has to be upgraded is said once.
  @Test(
    "a release that cannot require plugins is to be upgraded, whatever its configuration lists",
    .enabled(if: unpacked("2") != nil, "needs hack/fetch-containerd"))
  func requiredByOldRelease() throws {
    let program = try #require(unpacked("2"))
    let version = try ProgramRun(program, arguments: ["containerd", "--version"], seconds: 10).output
    try #require(version.contains(" 2.1"), "only 2.1 lacks the key")
    try ContainerdCase("required", "it ignores seccomp filters, and starts containers without a profile", Self.on)
      .check(program)
  }

  /// Debian has no containerd 2.2 or newer. Dumps/2.3.4.toml is what 2.3.4 printed for a configuration that requires
  /// stockade. A row may replace a line of it; for other versions it stands in.
  @Test(
    "required_plugins counts where the validator is on, and stockade is an element of its own",
    arguments: [
      ("2.3.4", [], ["ok containerd: containerd 2.3.4", on, "ok required plugin: no container is created while"]),
      (
        "2.3.4", [("enable = true", "enable = false")],
        ["ok containerd", on, "limited required plugin: required_plugins lists stockade, but the validator is off"]
      ),
      (
        "2.3.4", [("['stockade']", "['stockade-test', 'xstockade', 'STOCKADE']")],
        [
          "ok containerd", on,
          "limited required plugin: required_plugins lists stockade-test, xstockade, STOCKADE, not",
        ]
      ),
      (
        "2.3.4", [("['stockade']", "[]")],
        ["ok containerd", on, "limited required plugin: required_plugins is empty: containers start without a profile"]
      ),
      ("2.3.4", [("['stockade']", "['a', 'stockade']")], ["ok containerd", on, "ok required plugin"]),
      (
        "2.3.4", [("annotation = ''", "annotation = 'bootstrap.example'")],
        ["ok containerd", on, "but for pods with the annotation bootstrap.example"]
      ),
      (
        "2.3.4",
        [("reject_custom_seccomp_adjustment = false", "reject_custom_seccomp_adjustment = true")],
        ["ok containerd", on, "ok required plugin", "limited NRI: the validator refuses containers that get a seccomp"]
      ),
      ("2.3.4", [("disable = false", "disable = true")], ["ok containerd", off, "ok required plugin"]),
      (
        "2.2.7", [], ["limited containerd: containerd 2.2.7", on, "ok required plugin"]
      ),
      ("v2.2.0+unknown", [], ["limited containerd: containerd v2.2.0+unknown", on, "ok required plugin"]),
      ("2.2.0-rc.1", [], ["it ignores seccomp filters", on]),
      ("1.6.20~ds1", [("io.containerd.nri.v1.nri", "io.containerd.nri.v0")], ["it has no NRI", "containerd has none"]),
      ("unreleased", [], ["unknown containerd: it does not say its version", "ok NRI: socket"]),
    ] as [(String, [(String, String)], [String])])
  func recorded(version: String, edits: [(String, String)], expected: [String]) throws {
    var dump = try Files.text("\(sources)/Dumps/2.3.4.toml")
    for (old, new) in edits {
      try #require(dump.contains(old))
      dump = dump.split(separator: old, omittingEmptySubsequences: false).joined(separator: new)
    }
    let node = TestNode()
    try node.addSocket()
    try node.runRecorded(version: version, dump: dump)
    expect(node.findings(.containerd, .nri, .requiredPlugin), expected)
  }

  @Test("without containerd its file cannot be read, and what is not known for that is said")
  func none() throws {
    let node = TestNode()
    try node.write("/etc/containerd/config.toml", try Files.text("\(sources)/Containerd/nri-on.toml"))
    expect(
      node.findings(.containerd, .nri, .requiredPlugin),
      [
        "missing containerd: none runs, and none is in PATH; /etc/containerd/config.toml cannot be read without "
          + "containerd, so it is not known whether NRI is on and Stockade required -> install containerd",
        "missing NRI: nobody listens on /var/run/nri/nri.sock",
      ])
    try node.addSocket()
    expect(node.findings(.containerd, .nri), ["unknown containerd: none runs", "ok NRI: socket at"])
  }

  @Test("one that is only installed is asked as well, and has to be started")
  func installed() throws {
    let node = TestNode()
    try node.runRecorded(version: "2.3.4", dump: try Files.text("\(sources)/Dumps/2.3.4.toml"))
    node.processes = []
    node.programFolders = ["/nonexistent", node.root + "/recorded"]
    expect(
      node.findings(.containerd, .nri, .requiredPlugin),
      ["does not run -> start containerd", "on, but nobody listens on", "ok required plugin"])
  }

  @Test("a socket that is left of a containerd that is gone is none")
  func staleSocket() throws {
    let node = TestNode()
    try node.addSocket(isServed: false)
    try node.runRecorded(version: "2.3.4", dump: recordedDump())
    expect(node.findings(.nri), ["missing NRI: on, but nobody listens on /var/run/nri/nri.sock"])
    node.processes = []
    expect(node.findings(.nri), ["missing NRI: nobody listens on /var/run/nri/nri.sock"])
  }

  @Test("sockets that somebody listens on are told from those that are connected")
  func listening() throws {
    let table = """
      Num       RefCount Protocol Flags    Type St Inode Path
      ffff8a: 00000002 00000000 00010000 0001 01 18421 \(sources)/TestNode.swift
      ffff8b: 00000003 00000000 00000000 0001 03 18422 \(sources)/CommandTests.swift
      ffff8c: 00000002 00000000 00010000 0001 01 18423 @abstract
      ffff8d: 00000003 00000000 00000000 0001 03 18424
      ffff8e: 00000002 00000000 00010000 0005 01 18425 /run/odd\r
      ffff8f: 00000002 00000000 00010000 0005 01 18426 /run/other

      """
    #expect(
      Places.listening(in: Array(table.utf8)) == [
        "\(sources)/TestNode.swift", "@abstract", "/run/odd\r", "/run/other",
      ])
  }

  @Test("one with another root folder has other files, and is not judged by ours")
  func elsewhere() throws {
    let node = TestNode()
    node.run(containerd: "/bin/false", sharesOurFiles: false)
    expect(
      node.findings(.containerd, .nri),
      ["unknown containerd: process 100 is called containerd and has another root folder than this one"])
  }

  @Test("of several one is judged, and the others are named")
  func several() throws {
    let node = TestNode()
    try node.addSocket()
    try node.runRecorded(version: "2.3.4", dump: try Files.text("\(sources)/Dumps/2.3.4.toml"))
    node.run(containerd: "/bin/false", pid: 200)
    expect(node.findings(.containerd), ["others run as process 200 and are not judged, runs as process 100"])
  }

  @Test(
    "the file is that of its command line",
    arguments: [
      (["--config", "/a.toml"], "/a.toml"), (["-c", "/a.toml"], "/a.toml"), (["--config=/a.toml"], "/a.toml"),
      (["-config", "/a.toml", "-l", "debug"], "/a.toml"), (["--log-level", "config", "-c=/a.toml"], "/a.toml"),
      (["--config", "a.toml"], "/srv/a.toml"), ([], "/etc/containerd/config.toml"),
    ])
  func commandLine(arguments: [String], file: String) throws {
    let node = TestNode()
    node.processes = [
      RunningProcess(
        pid: 100, arguments: ["containerd"] + arguments, executable: "/bin/k3s", image: "/bin/false",
        workingFolder: "/srv")
    ]
    guard case .found(let program) = ContainerdProgram.find(in: node.places) else {
      Issue.record("not found")
      return
    }
    #expect(program.configurationFile == file)
  }

  @Test(
    "a command of containerd is not the service",
    arguments: [["config", "dump"], ["--address", "/a", "publish", "--topic", "x"], ["-l", "debug", "config"]])
  func commands(arguments: [String]) throws {
    let node = TestNode()
    node.run(containerd: "/bin/false", arguments)
    guard case .none = ContainerdProgram.find(in: node.places) else {
      Issue.record("taken for the service")
      return
    }
  }

  @Test("one that does not answer is given up")
  func hangs() throws {
    let node = TestNode()
    node.programSeconds = 1
    try node.writeProgram("/containerd", "sleep 1000")
    node.run(containerd: node.root + "/containerd")
    expect(node.findings(.containerd), ["cannot run /usr/bin/containerd in 1.0 seconds: connection timed out"])
  }

  @Test("a dump that is no TOML is told with its line")
  func noTOML() throws {
    let node = TestNode()
    try node.runRecorded(version: "2.3.4", dump: "version = 4\n{\n")
    expect(node.findings(.containerd), ["unknown containerd: it could not be asked: line 2: a key has to come"])
  }

  @Test("as another user, a file that only root may read is no broken one")
  func denied() throws {
    let node = TestNode()
    node.isRoot = false
    try node.writeProgram(
      "/containerd",
      """
      [ "$1" = --version ] && echo "containerd x 2.3.4" && exit
      echo "containerd: failed to load TOML: open /etc/containerd/config.toml: permission denied" >&2; exit 1
      """)
    node.run(containerd: node.root + "/containerd")
    expect(node.findings(.containerd), ["permission denied -> run stockade doctor as root"])
    #expect(node.findings(.containerd)[0].hasPrefix("unknown"))
  }

  @Test(
    "newExecutables needs the overlayfs snapshotter",
    .enabled(if: unpacked("1.7") != nil && unpacked("2") != nil, "needs hack/fetch-containerd"),
    arguments: [
      ("1.7", "native-1.7", "limited overlayfs: containerd's snapshotter is native -> use the overlayfs snapshotter"),
      ("1.7", "nri-on", "ok overlayfs: containerd's snapshotter is overlayfs"),
      ("2", "native-2", "limited overlayfs: containerd's snapshotter is native"),
      ("2", "nri-on", "ok overlayfs: containerd's snapshotter is overlayfs"),
    ])
  func snapshotter(release: String, file: String, expected: String) throws {
    let node = TestNode()
    try node.write("/etc/containerd/config.toml", try Files.text("\(sources)/Containerd/\(file).toml"))
    node.run(containerd: try #require(unpacked(release)))
    expect(node.findings(.overlayfs), [expected])
  }
}

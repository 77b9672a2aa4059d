import Policy
import Testing

@testable import Recording

/// A table for each rule of docs/recording.md.
@Suite struct GeneralisationTests {
  /// `/x` for a file, `/x/*` for what lies in a folder, `/x/**` for everything below.
  private static func text(_ target: FileTarget) -> String {
    let path = ByteText.written(target.path.bytes)
    return target.extent == .file ? path : path + (target.extent == .tree ? "/**" : "/*")
  }

  private func target<Rule: Generalisation>(
    _ rule: Rule.Type, _ path: String, _ access: Access = .read, isWritten: Bool = false
  ) -> String? {
    rule.target(of: UsedPath(path: NamedPath(path), access: access, isWritten: isWritten)).map(Self.text)
  }

  @Test(
    "processes: /proc as a whole",
    arguments: [
      ("/proc/17/status", "/proc/**"), ("/proc/17", "/proc/**"), ("/proc/stat", nil), ("/proc/sys/1/x", nil),
      ("/data/proc/17", nil), ("/proc", nil),
    ])
  func processes(_ path: String, _ expected: String?) { #expect(target(ProcessFolders.self, path) == expected) }

  @Test(
    "software: the folders of packages as a whole, for Read",
    arguments: [
      ("/usr/lib/python3.11/os.py", "/usr/lib/**"), ("/usr/share/a", "/usr/share/**"),
      ("/usr/local/lib/a/b", "/usr/local/lib/**"), ("/usr/lib", nil), ("/usr/libx", nil), ("/opt/usr/lib/a", nil),
    ])
  func software(_ path: String, _ expected: String?) {
    #expect(target(SoftwareFolders.self, path) == expected)
    #expect(target(SoftwareFolders.self, path, .write, isWritten: true) == nil)
    #expect(target(SoftwareFolders.self, path, .read, isWritten: true) == nil)
  }

  @Test(
    "temporary folders",
    arguments: [
      ("/tmp/a", "/tmp/*"), ("/tmp/a/b", "/tmp/**"), ("/var/tmp/a", "/var/tmp/*"), ("/dev/shm/a", "/dev/shm/*"),
      ("/tmp", nil), ("/tmpx/a", nil), ("/data/tmp/a", nil),
    ])
  func temporary(_ path: String, _ expected: String?) { #expect(target(TemporaryFolders.self, path) == expected) }

  @Test(
    "folders with a date, a number or a version in their names",
    arguments: [
      ("/data/2026-01-31/x", "/data/**"), ("/data/base/5/1249", "/data/base/**"), ("/data/1.2.3/x/y", "/data/**"),
      ("/data/v2.0/x", "/data/**"), ("/opt/shop-1.2.3/lib/x", "/opt/**"), ("/data/shop/x", nil),
      ("/data/2026-01-31", nil), ("/data/python3.11/x", nil),
    ])
  func folders(_ path: String, _ expected: String?) { #expect(target(VolatileFolders.self, path) == expected) }

  @Test(
    "files with another name in each run",
    arguments: [
      ("/data/x8Kq2P", "/data/*", "/data/*"), ("/data/17", "/data/*", "/data/*"), ("/data/app.pid", nil, "/data/*"),
      ("/data/app.log", nil, "/data/*"), ("/data/app.log.1", nil, "/data/*"), ("/data/temp-17.rdb", nil, "/data/*"),
      ("/data/app.conf", nil, nil), ("/data/dump.rdb.tmp", "/data/*", "/data/*"),
    ])
  func files(_ path: String, _ read: String?, _ written: String?) {
    #expect(target(VolatileFiles.self, path) == read)
    #expect(target(VolatileFiles.self, path, .write, isWritten: true) == written)
  }

  @Test(
    "paths that no rule can name",
    arguments: [
      ("/data/a*b", "/data/*"), ("/data/a\nb", "/data/*"), ("/data/a\nb/c", "/data/**"), ("/data/a", nil),
      ("/" + String(repeating: "x", count: 600), "//*"),
      (
        "/data/" + String(repeating: "x", count: 255) + "/" + String(repeating: "y", count: 255),
        "/data/\(String(repeating: "x", count: 255))/*"
      ),
    ])
  func unnameable(_ path: String, _ expected: String?) { #expect(target(UnnameableFiles.self, path) == expected) }

  @Test(
    "names",
    arguments: [
      ("17", true), ("deadbeef01", true), ("deadbeef", false), ("facade", false), ("2026-01-31", true),
      ("20260131", true),
      ("app-2026.01.31.txt", true), ("12345678-1234-1234-1234-123456789abc", true), ("x8Kq2P", true),
      ("tmpab12cd", true),
      ("sess_x8Kq2P", true), ("config", false), ("Makefile", false), ("README", false), ("JavaScript", false),
      ("dataFile", false), ("parseURL", false), ("XMLParser", false),
      ("aBcDeF", true), ("xKqPzR", true), ("dataFileX", true),
      ("data~", true), ("libc.so.6", false), ("utf8", false), ("index.html", false), ("a.tmp", true), ("", false),
    ])
  func names(_ name: String, _ isVolatile: Bool) { #expect(VolatileName.matches(Array(name.utf8)) == isVolatile) }

  // MARK: What is never opened

  @Test(
    "secrets are known by their paths",
    arguments: [
      ("/run/secrets/kubernetes.io/serviceaccount/token", true), ("/var/run/secrets/x", true),
      ("/data/secrets/a", true),
      ("/home/u/.ssh/config", true), ("/etc/shadow", true), ("/data/tls.key", true), ("/data/server-key.pem", true),
      ("/data/token", true), ("/data/cert.pem", false), ("/data/secrets", false), ("/etc/passwd", false),
    ])
  func secrets(_ path: String, _ expected: Bool) { #expect(SecretPath.matches(NamedPath(path)) == expected) }

  @Test(
    "folders that no rule opens",
    arguments: [
      ("/", false, false), ("/etc", false, false), ("/home", false, false), ("/home/u", false, false),
      ("/root", false, false), ("/root/.cache", false, false), ("/run/secrets", false, false), ("/run", true, false),
      ("/run/secrets/a", false, false), ("/data/private/a", false, false), ("/var", false, false),
      ("/var/lib", true, false), ("/opt", true, false), ("/data", true, true), ("/etc/app", true, true),
      ("/home/u/app", true, true), ("/var/lib/app", true, true),
    ])
  func closed(_ path: String, _ folder: Bool, _ tree: Bool) {
    let folders = OpenFolders(paths: [])
    #expect(folders.allow(FileTarget(NamedPath(path), .folder), .read) == folder)
    #expect(folders.allow(FileTarget(NamedPath(path), .tree), .read) == tree)
  }

  @Test(
    "folders of the system that no rule opens for Write",
    arguments: [
      ("/etc/app", false), ("/usr/bin", false), ("/usr/lib/x", false), ("/sys/fs/cgroup", false), ("/proc/sys", false),
      ("/dev/pts", true), ("/usr/local/tomcat/logs", true), ("/usr/local/tomcat", false), ("/usr/local/lib/x/y", false),
      ("/var/log/app", true),
    ])
  func system(_ path: String, _ expected: Bool) {
    #expect(OpenFolders(paths: []).allow(FileTarget(NamedPath(path), .folder), .write) == expected)
  }

  @Test("a folder with a secret is not opened, nor is a folder above it with everything below")
  func withSecret() {
    let folders = OpenFolders(paths: [NamedPath("/data/app/tls.key")])
    #expect(!folders.allow(FileTarget(NamedPath("/data/app"), .folder), .read))
    #expect(!folders.allow(FileTarget(NamedPath("/data"), .tree), .read))
    #expect(folders.allow(FileTarget(NamedPath("/data"), .folder), .read))
    #expect(folders.allow(FileTarget(NamedPath("/data/other"), .tree), .read))
  }

  @Test("however deep a secret lies, the folders above it stay closed", arguments: [30, 31, 32, 33, 40])
  func deepSecret(depth: Int) {
    let folder = (0..<depth).map { "/d\($0)" }.joined()
    let paths = ["\(folder)/123/x", "\(folder)/s/token"]
    let opened = targets(paths.map { ($0, .read) })
    #expect(opened.contains(paths[1]) && !opened.contains { $0.hasPrefix("\(folder)/*") })
  }

  // MARK: Siblings

  private func targets(_ uses: [(String, Access)]) -> [String] {
    FileTargets(Recording.of(uses).files).accesses.keys.sorted().map(Self.text)
  }

  private func uses(_ format: (Int) -> String, _ count: Int) -> [(String, Access)] {
    (0..<count).map { (format(Int($0)), .read) }
  }

  private static let letters = Array("abcdefghij").map { String($0) }

  @Test("so many files of a folder are listed, and one more opens the folder")
  func siblings() {
    let format = { (index: Int) in "/data/app/\(Self.letters[index])" }
    #expect(targets(uses(format, Siblings.max)).count == Siblings.max)
    #expect(targets(uses(format, Siblings.max + 1)) == ["/data/app/*"])
  }

  @Test("so many folders of a folder are listed, and one more opens all of it")
  func subfolders() {
    let format = { (index: Int) in "/data/app/\(Self.letters[index])/x" }
    #expect(targets(uses(format, Siblings.max)).count == Siblings.max)
    #expect(targets(uses(format, Siblings.max + 1)) == ["/data/app/**"])
    #expect(targets([("/data/app", .read)] + uses(format, Siblings.max + 1)) == ["/data/app", "/data/app/**"])
  }

  @Test("folders count with those that another rule opened, and a path that has its own rule counts as well")
  func openedSubfolders() {
    let paths = ["base/5/1249", "log/app.log", "xact/0000", "wal/000000010000000000000001", "global/map", "stat/db"]
    let uses = paths.map { ("/data/pg/\($0)", Access.read) }
    #expect(targets(Array(uses.dropLast())).count == uses.count - 1)
    #expect(targets(uses) == ["/data/pg/**"])
    #expect(targets(uses + [("/data/pg/base/token", .read)]).contains("/data/pg/base/token"))
    #expect(!targets(uses + [("/data/pg/base/token", .read)]).contains("/data/pg/**"))
  }

  @Test("runs of a database that differ by chance give the same rules")
  func database() {
    let always: [(String, Access)] = [
      ("/data/pg/PG_VERSION", .read), ("/data/pg/postmaster.pid", .write), ("/data/pg/global/pg_control", .read),
      ("/data/pg/global/pg_control", .write), ("/data/pg/base/5/1249", .read), ("/data/pg/base/5/1249", .write),
      ("/data/pg/log/postgresql-2026-01-31.log", .write), ("/data/pg/pg_xact/0000", .write),
      ("/data/pg/pg_wal/000000010000000000000001", .write), ("/data/pg/pg_subtrans/0000", .write),
      ("/data/pg/pg_logical/replorigin_checkpoint", .write),
    ]
    let byChance: [(String, Access)] = [
      ("/data/pg/log/postgresql-2026-01-31.log", .read), ("/data/pg/pg_multixact/members/0000", .write),
      ("/data/pg", .read),
    ]
    let expected = ["/data/pg": [.read], "/data/pg/**": [.read, .write]] as [String: Set<Access>]
    #expect(rules(always) == expected)
    for other in byChance { #expect(rules(always + [other]) == expected) }
  }

  // MARK: What follows from Write

  private func rules(_ uses: [(String, Access)]) -> [String: Set<Access>] {
    let accesses = FileTargets(Recording.of(uses).files).accesses
    return Dictionary(uniqueKeysWithValues: accesses.map { (Self.text($0), $1) })
  }

  @Test(
    "what is written may be read, but for devices and secrets",
    arguments: [
      ("/data/x", true), ("/dev/shm/x", true), ("/dev/null", false), ("/proc/sys/x", false), ("/sys/x", false),
      ("/data/token", false), ("/data/secrets/x", false), ("/etc/shadow", false),
    ])
  func written(_ path: String, _ isReadable: Bool) {
    #expect(WrittenFiles.isReadable(NamedPath(path)) == isReadable)
    let found = rules([(path, .write)]).filter { !$0.key.hasSuffix("shm") }
    #expect(found.values.allSatisfy { $0 == (isReadable ? [.read, .write] : [.write]) } && found.count == 1)
  }

  @Test("a folder in which files are made may be listed, and one in which files are only read may not")
  func listings() {
    #expect(rules([("/data/app.log", .write)]) == ["/data/*": [.read, .write], "/data": [.read]])
    #expect(rules([("/data/x8Kq2P", .read)]) == ["/data/*": [.read]])
    #expect(rules([("/data/app.conf", .write)]) == ["/data/app.conf": [.read, .write]])
    // What lists it in one run, and not in another, gives the same.
    let uses = [("/data/1/x", Access.write), ("/data/1/y", .read)]
    #expect(rules(uses) == rules(uses + [("/data", .read), ("/data/1/x", .read)]))
  }

  @Test("siblings count for one access, and a folder that is never opened stays listed")
  func siblingsApart() {
    let reads = uses({ "/data/app/\(Self.letters[$0])" }, Siblings.max)
    #expect(targets(reads + [("/dev/z", .write)]).count == Siblings.max + 1)
    // What is written is read as well.
    #expect(targets(reads + [("/data/app/z", .write)]) == ["/data/app/*", "/data/app/z"])
    #expect(targets(uses({ "/etc/\(Self.letters[$0])" }, 10)).count == 10)
    #expect(targets(uses({ "/data/secrets/\(Self.letters[$0])" }, 10)).count == 10)
    #expect(targets(uses({ "/data/app/\(Self.letters[$0])" }, 9) + [("/data/app/token", .read)]).count == 10)
  }

  @Test("what a wider rule covers has no rule of its own")
  func covered() {
    #expect(
      targets([("/tmp/a", .read), ("/tmp/a/b", .read), ("/proc/1/stat", .read), ("/proc/stat", .read)])
        == ["/proc/**", "/tmp/**"])
  }

  @Test("paths that only look alike have rules of their own")
  func alike() { #expect(targets([("/data/\u{e4}", .read), ("/data/a\u{308}", .read)]).count == 2) }
}

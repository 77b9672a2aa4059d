import Glibc
import Policy
import System

@testable import Doctor

/// A folder that stands for a node.
final class TestNode {
  let root: String
  var processes: [RunningProcess] = []
  var programFolders: [String] = []
  private var listeningSockets: Set<String> = []
  var programSeconds = 10
  var isRoot = true
  var nodeGate: NodeGateState? = NodeGateState()

  init() {
    var template = Array("/tmp/stockade-doctor-XXXXXX".utf8CString)
    root = mkdtemp(&template).map { String(cString: $0) } ?? "/nonexistent"
  }

  deinit { Self.remove(root) }

  var places: Places {
    var places = Places(isRoot: isRoot)
    places.root = root
    places.processes = processes
    places.programFolders = programFolders
    places.listeningSockets = listeningSockets
    places.programSeconds = programSeconds
    places.nodeGate = nodeGate
    return places
  }

  func write(_ path: String, _ text: String, mode: mode_t = 0o644) throws {
    try Files.makeFolder(root + path.prefix(upTo: path.lastIndex(of: "/")!))
    try Files.write(text, to: root + path, mode: mode)
  }

  func writeProgram(_ path: String, _ script: String = "") throws {
    try write(path, "#!/bin/sh\n" + script, mode: 0o755)
  }

  /// The socket, as far as the doctor looks at it.
  func addSocket(_ path: String = "/var/run/nri/nri.sock", isServed: Bool = true) throws {
    try write(path, "")
    if isServed { listeningSockets.insert(Places.realPath(root + path) ?? "") }
  }

  /// A containerd that runs, with the usual configuration file.
  func run(containerd program: String, pid: pid_t = 100, _ arguments: [String] = [], sharesOurFiles: Bool = true) {
    processes.append(
      RunningProcess(
        pid: pid, arguments: ["/usr/bin/containerd"] + arguments, executable: "/usr/bin/containerd", image: program,
        sharesOurFiles: sharesOurFiles))
  }

  /// One that prints what another printed. With its own process.
  func runRecorded(version: String, dump: String) throws {
    try write("/dump.toml", dump)
    try writeProgram(
      "/recorded/containerd",
      """
      case "$*" in
        --version) echo "containerd github.com/containerd/containerd/v2 \(version) 0123456789abcdef" ;;
        "--config \(root)/etc/containerd/config.toml config dump" | "config default") exec cat '\(root)/dump.toml' ;;
        *) echo "containerd: unexpected: $*" >&2; exit 1 ;;
      esac
      """)
    run(containerd: root + "/recorded/containerd")
  }

  func runStockade(_ arguments: [String], pid: pid_t, executable: String = "/usr/local/sbin/stockade") {
    processes.append(RunningProcess(pid: pid, arguments: arguments, executable: executable, image: executable))
  }

  /// The findings of some subjects, a line each.
  func findings(_ subjects: Finding.Subject..., node: NodeCapabilities? = NodeCapabilities(tier: .lsm)) -> [String] {
    Diagnosis(places: places, node: node).findings.filter { subjects.contains($0.subject) }.map(\.line)
  }

  private static func remove(_ path: String) {
    if let names = try? Files.names(in: path) {
      for name in names {
        if unlink("\(path)/\(name)") != 0 { remove("\(path)/\(name)") }
      }
    }
    rmdir(path)
  }
}

extension Finding {
  /// `limited NRI: found -> advice`
  var line: String { "\(level.rawValue) \(subject.rawValue): \(found)" + (advice.map { " -> \($0)" } ?? "") }
}

let sources = "/" + #filePath.split(separator: "/").dropLast().joined(separator: "/")
let repository = "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/")

import Glibc
import System

/// Where the doctor looks: a node, or in tests a folder that stands for a node.
package struct Places: Sendable {
  /// This stands before the path of each file of the node.
  package var root = ""
  package var processes: [RunningProcess] = []
  /// The folders where programs are looked for.
  package var programFolders: [String] = []
  /// The longest that a program may take. Debian's containerd takes a quarter of a second.
  package var programSeconds = 10
  /// Paths of the sockets on which somebody listens. A socket's file alone may be left over from a program that is
  /// gone.
  package var listeningSockets: Set<String> = []
  /// nil: the state cannot be read.
  var nodeGate: NodeGateState?
  /// Whether everything can be read.
  package var isRoot: Bool
  /// Whether every process of the node is seen. A process that is not seen may run all the same.
  package var seesAllProcesses: Bool

  package init(isRoot: Bool) { (self.isRoot, seesAllProcesses) = (isRoot, isRoot) }

  package static func thisNode() -> Places {
    var places = Places(isRoot: geteuid() == 0)
    places.seesAllProcesses = places.isRoot && isInPIDNamespaceOfNode
    places.processes = RunningProcess.all()
    places.nodeGate = .ofThisNode()
    places.listeningSockets = listening(in: (try? Files.read("/proc/net/unix")) ?? [])
    let usual = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin"
    places.programFolders = SearchPath.current(fallback: usual).folders
    return places
  }

  /// The kernel gives its first namespaces fixed numbers: PROC_PID_INIT_INO of include/linux/proc_ns.h.
  private static var isInPIDNamespaceOfNode: Bool { (try? Files.link(at: "/proc/self/ns/pid")) == "pid:[4026531836]" }

  func exists(_ path: String) -> Bool { Files.exists(root + path) }

  func isListenedOn(_ socket: String) -> Bool {
    guard let path = Self.realPath(root + socket) else { return false }
    // The paths of other listeners are not followed: they may lead to file systems that do not answer.
    return listeningSockets.contains { fileName($0) == fileName(socket) && Self.realPath($0) == path }
  }

  /// - Parameter table: the text of `/proc/net/unix`.
  static func listening(in table: [UInt8]) -> Set<String> {
    Set(ListeningSockets.paths(inTable: table).map(\.path))
  }

  /// realpath(3); nil: nothing is there.
  static func realPath(_ path: String) -> String? {
    guard let real = realpath(path, nil) else { return nil }
    defer { free(real) }
    return String(cString: real)
  }

  /// The first program of that name; nil: no folder has one that can be run.
  func program(named name: String) -> String? {
    try? SearchPath(programFolders).find(name)
  }
}

/// A process, as far as /proc tells. proc(5).
package struct RunningProcess: Equatable, Sendable {
  package var pid: pid_t
  package var arguments: [String]
  /// The program that the process runs; nil: it may not be read.
  package var executable: String?
  /// The path by which to run the same program, whatever its file is called by now.
  package var image: String
  /// The folder from which relative paths among its arguments start.
  package var workingFolder: String
  /// Whether its root folder is ours, as far as that can be told. A service of systemd has a mount namespace of its
  /// own, and the node's root in it. A container has another root.
  package var sharesOurFiles: Bool

  /// When it began, in clock ticks since boot; nil: not known.
  private var startTicks: UInt64?

  /// Whether the number is still this process's.
  var isThere: Bool { startTicks == nil || startTicks == (try? ProcessStat.startTicks(in: "/proc/\(pid)")) }

  package init(
    pid: pid_t, arguments: [String], executable: String?, image: String, workingFolder: String = "/",
    sharesOurFiles: Bool = true
  ) {
    self.pid = pid
    self.arguments = arguments
    self.executable = executable
    self.image = image
    self.workingFolder = workingFolder
    self.sharesOurFiles = sharesOurFiles
  }

  /// The name of its program, without the folder.
  var name: Substring {
    let deleted = " (deleted)"
    let path = executable ?? arguments.first ?? ""
    return fileName(path.hasSuffix(deleted) ? String(path.dropLast(deleted.count)) : path)
  }

  /// The processes of root in our pid namespace, without this process and the kernel's own. Anybody may give a process
  /// any name, and what is taken for containerd is run.
  package static func all() -> [RunningProcess] {
    ((try? Files.names(in: "/proc")) ?? []).compactMap(pid_t.init).sorted()
      .filter { $0 != getpid() }.compactMap(RunningProcess.init)
  }

  private init?(pid: pid_t) {
    let folder = "/proc/\(pid)"
    let startTicks = try? ProcessStat.startTicks(in: folder)
    guard Self.isOurs("pid", of: folder), let status = try? Files.text("\(folder)/status"), Self.isOfRoot(status),
      let line = try? Files.text("\(folder)/cmdline"), !line.isEmpty
    else { return nil }
    let words = line.split(separator: "\0", omittingEmptySubsequences: false)
    self.init(
      pid: pid, arguments: (line.hasSuffix("\0") ? words.dropLast() : words[...]).map(String.init),
      executable: try? Files.link(at: "\(folder)/exe"), image: "\(folder)/exe",
      workingFolder: (try? Files.link(at: "\(folder)/cwd")) ?? "/", sharesOurFiles: Self.hasOurRoot(folder))
    self.startTicks = startTicks
    guard isThere else { return nil }
  }

  /// Whether a process is root's, by the text of `/proc/PID/status`. All four user ids count, so a set-user-ID program
  /// is not root's. The owner of the files of /proc says less: it is root if a process may not be dumped.
  static func isOfRoot(_ status: String) -> Bool {
    let ids = ProcFields.values(of: "Uid", in: status).first?.split(separator: "\t")
    return ids.map { $0.count == 4 && $0.allSatisfy { $0 == "0" } } ?? false
  }

  private static func hasOurRoot(_ folder: String) -> Bool {
    guard let root = try? Files.status("\(folder)/root"), let ours = try? Files.status("/") else { return true }
    return root.st_dev == ours.st_dev && root.st_ino == ours.st_ino
  }

  /// Whether the process is in our namespace of that kind, as far as that may be looked at. namespaces(7).
  private static func isOurs(_ kind: String, of folder: String) -> Bool {
    guard let namespace = try? Files.link(at: "\(folder)/ns/\(kind)") else { return true }
    return namespace == (try? Files.link(at: "/proc/self/ns/\(kind)"))
  }
}

/// What stands behind the last slash.
func fileName(_ path: String) -> Substring { path.split(separator: "/").last ?? "" }

import CBPF
import Glibc
import Synchronization
import System

/// The programs that are attached to the whole system. Each has a link that is pinned as `FOLDER/NAME`, so it goes on
/// without this process. This process holds the link too, so it goes on without the pin.
final class ProgramLinks: Sendable {
  private let folder: String
  /// The lock is also held while pins are changed: a pin that is just being replaced is not mended.
  private let state = Mutex(State())

  private struct State {
    /// What this process attached, by the names of the pins.
    var attached: [String: Attached] = [:]
    var folder = SeenFolder()
  }

  private struct Attached {
    var program: FileDescriptor
    var programID: UInt32
    /// nil: only the pin keeps the link, because another process looks after the pin.
    var link: FileDescriptor?
  }

  /// - Parameter folder: a folder on a bpf file system.
  init(folder: String) { self.folder = folder }

  var names: Set<String> { state.withLock { Set($0.attached.keys) } }

  /// The new program runs before the old one's link is dropped. If both judge for a moment, that is harmless; a moment
  /// without either is not.
  func attach(_ program: String, of object: BPFObject, pin name: String? = nil) throws(BPFError) {
    let name = name ?? program
    let descriptor = try object.program(program)
    let id = try programID(descriptor, named: program)
    try state.withLock { (state) throws(BPFError) in
      let link = try object.attachTracing(program)
      try Pin.put(link, at: "\(folder)/\(name)")
      state.attached[name] = Attached(program: descriptor, programID: id, link: link)
    }
  }

  /// Detaches links, also those of an earlier process.
  func detach(_ isMeant: (_ pin: String) -> Bool) throws(BPFError) {
    try state.withLock { (state) throws(BPFError) in
      for name in try pinned() where isMeant(name) { try Pin.remove("\(folder)/\(name)") }
      state.attached = state.attached.filter { !isMeant($0.key) }
    }
  }

  /// Detaches what this process attached. A pin that belongs to another process by now stays.
  func detachOwn(_ name: String) throws(BPFError) {
    if try isOwn(name) { return try detach { $0 == name } }
    state.withLock { $0.attached[name] = nil }
  }

  /// A folder that is gone has no pins.
  private func pinned() throws(BPFError) -> [String] {
    do { return try Files.names(in: folder) } catch {
      if error.code == ENOENT { return [] }
      throw .system(error)
    }
  }

  /// The beginnings of the pins' names here. Other pins in the folder belong to the network programs.
  private static let kinds = ["mark_", "exec_", "pods_"] + PolicyMaps.Refusing.allCases.map { "\($0.rawValue)_" }

  /// Detaches what this process has not attached.
  func detachOthers() throws(BPFError) {
    let own = names
    try detach { name in !own.contains(name) && Self.kinds.contains { name.hasPrefix($0) } }
  }

  /// Whether the pin is there, and its program this process's.
  func isOwn(_ name: String) throws(BPFError) -> Bool {
    guard let attached = state.withLock({ $0.attached[name] }), let pin = try Pin.open("\(folder)/\(name)") else {
      return false
    }
    return try KernelObject.Link(pin, named: name).program == attached.programID
  }

  /// Leaves all links to the pins. Another process looks after them, and puts its own programs in place of these.
  func letGo() {
    state.withLock { state in for name in state.attached.keys { state.attached[name]!.link = nil } }
  }

  /// Attaches again what is not attached, and pins again what is not pinned.
  func check(_ check: PinCheck) -> Damage {
    state.withLock { state in
      var damage = Damage(.programs)
      let pinsMayDiffer = state.folder.mayHaveChanged(folder)
      for name in state.attached.keys.sorted() {
        do throws(BPFError) {
          try Self.checkLink(name, &state.attached[name]!, check, &damage)
          if pinsMayDiffer { try checkPin(name, of: state.attached[name]!, check, &damage) }
        } catch { damage.note(error) }
      }
      if !damage.isNone { state.folder.forget() }
      return damage
    }
  }

  private static func checkLink(
    _ name: String, _ attached: inout Attached, _ check: PinCheck, _ damage: inout Damage
  ) throws(BPFError) {
    if let link = attached.link, try KernelObject.Link(link, named: name).program == attached.programID { return }
    damage.detached.append(name)
    guard check == .mend else { return }
    attached.link = nil
    attached.link = try BPFObject.attachTracing(attached.program, named: name)
  }

  private func checkPin(
    _ name: String, of attached: Attached, _ check: PinCheck, _ damage: inout Damage
  ) throws(BPFError) {
    guard let link = attached.link else { return }
    let path = "\(folder)/\(name)"
    if let pin = try Pin.open(path) {
      let (there, here) = (try KernelObject.Link(pin, named: name), try KernelObject.Link(link, named: name))
      if there == here { return }
      damage.replaced.append(name)
    } else {
      damage.gone.append(name)
    }
    if check == .mend { try Pin.put(link, at: path) }
  }

  /// What the kernel counts of the programs that this process attached.
  func runs(of isMeant: (_ pin: String) -> Bool) throws(BPFError) -> [ProgramRuns] {
    var found: [ProgramRuns] = []
    for (name, attached) in state.withLock({ $0.attached }) where isMeant(name) {
      found.append(try ProgramRuns(of: attached.program, named: name))
    }
    return found.sorted { $0.program < $1.program }
  }
}

/// What the kernel counts of a program. BPF_OBJ_GET_INFO_BY_FD.
package struct ProgramRuns: Equatable, Sendable {
  package var program: String
  /// Only what ran while the kernel kept statistics.
  package var runs: UInt64
  /// How often it was skipped, since the kernel had interrupted it for a task that came by as well. From Linux 5.12 on.
  package var skipped: UInt64
  /// The kernel's number of it.
  var id: UInt32 = 0

  package init(program: String, runs: UInt64, skipped: UInt64) {
    (self.program, self.runs, self.skipped) = (program, runs, skipped)
  }

  init(of program: FileDescriptor, named name: String) throws(BPFError) {
    var info = bpf_prog_info()
    var size = UInt32(MemoryLayout<bpf_prog_info>.size)
    try bpf("inspect the program \(name)") { bpf_obj_get_info_by_fd(program.number, &info, &size) }
    self.init(program: name, runs: info.run_cnt, skipped: info.recursion_misses)
    id = info.id
  }
}

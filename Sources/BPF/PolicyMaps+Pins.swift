import CBPF
import CStockade
import Glibc
import System

/// Pins and counters: taking over, looking after, taking out.
extension PolicyMaps {
  // MARK: An earlier layout

  /// The map of that name in an earlier layout; nil: there was none, or it had the same shape.
  package func formerMap(_ name: String) throws(BPFError) -> FileDescriptor? {
    try former.withLock { (former) throws(BPFError) in try former?.map(name) }
  }

  /// - Parameter isComplete: everything that judges belongs to this version, so what an earlier layout left is taken
  ///   away. If not, what it left goes on, and the next start tries again.
  package func endTakeOver(isComplete: Bool) throws(BPFError) {
    try former.withLock { (former) throws(BPFError) in
      if isComplete { try former?.remove() }
      former = nil
    }
  }

  // MARK: Counters and the end

  /// Takes everything out of the kernel, whatever is bound by it. After that nothing is held any more.
  ///
  /// - Throws: `inUse` if another process uses the pins.
  package static func detachAll(pinFolder: String) throws(BPFError) {
    let use = try use(pinFolder)
    guard use.tryTakeAlone() else { throw .inUse(folder: pinFolder) }
    // The lock is held until everything is gone.
    try withExtendedLifetime(use) { () throws(BPFError) in try removeAllPins(pinFolder) }
  }

  /// Takes away what an attempt to load has left. Does so only if nothing is bound by what an earlier process left
  /// there, and nobody else uses the pins.
  package static func removeUnused(pinFolder: String) {
    guard let use = try? use(pinFolder), use.tryTakeAlone(), Files.exists(pinFolder),
      bindsNothing(pinFolder)
    else { return }
    // The lock is held until everything is gone.
    withExtendedLifetime(use) { try? removeAllPins(pinFolder) }
  }

  /// Whether nothing that is pinned binds anybody or holds anybody back.
  package var bindsNothing: Bool { Self.bindsNothing(folder) }

  private static func bindsNothing(_ folder: String) -> Bool {
    ["containers", "strays", "former/strays", "gates", "gate_parents"].allSatisfy { isEmpty("\(folder)/\($0)") }
  }

  /// Whether a map has no element, or there is no such map. The map may have any shape.
  private static func isEmpty(_ pin: String) -> Bool {
    let number = bpf_obj_get(pin)
    if number < 0 { return errno == ENOENT }
    let map = FileDescriptor(owning: number)
    // This is as long as the longest key of any map, because the kernel writes a whole key.
    var key = [UInt8](repeating: 0, count: MemoryLayout<stockade_cgroup_path>.size)
    return bpf_map_get_next_key(map.number, nil, &key) < 0 && errno == ENOENT
  }

  /// How many maps and programs of this process the kernel knows as Stockade's own.
  package var objectCount: Int { shared.objects.count }

  /// The counters, summed over the CPUs.
  package func counters() throws(BPFError) -> KernelCounters {
    let map = try Self.descriptor("counters", shared)
    let cpus = Int(libbpf_num_possible_cpus())
    guard cpus > 0 else { throw .system(Errno(EINVAL, "count the possible CPUs")) }
    var sums: [KernelCounter: UInt64] = [:]
    for counter in KernelCounter.allCases {
      guard var key = counter.number else { continue }
      var values = [UInt64](repeating: 0, count: cpus)
      try bpf("read the counters") { bpf_map_lookup_elem(map.number, &key, &values) }
      sums[counter] = values.reduce(0, &+)
    }
    return KernelCounters(sums)
  }

  /// Whether this process looks after the pins: no newer process that uses them lives.
  package func isInCharge() throws(BPFError) -> Bool { try users.isNewest() }

  /// Leaves everything to the pins, because another process looks after them.
  package func letGo() { links.letGo() }

  /// Checks that the pins are there and are this process's, and that the programs for the whole system are attached.
  /// Puts right what is not so. Only the process in charge calls this.
  package func mend() -> [Damage] {
    do {
      try Self.makePinFolder(folder)
      try FormerPins.markLayout(of: folder)
    } catch { return [Damage(.maps, problem: error.description)] }
    let isInCharge = { (try? self.isInCharge()) == true }
    return [
      PinCheck.run(isInCharge: isInCharge, shared.check), PinCheck.run(isInCharge: isInCharge, links.check),
      isInCharge() ? attachedReturns() : nil,
    ].compactMap { $0 }
  }

  /// Attaches the program of `judgeReturns` if it is needed. A command that closes the node gate while this process
  /// lives has no program to attach itself. This comes last: what was attached and is not there any more is damage.
  private func attachedReturns() -> Damage? {
    do {
      try attachReturnsIfUsed()
      return nil
    } catch { return Damage(.programs, problem: error.description) }
  }

  /// Removes every pin and the folder. Everything is gone with this process, or at once if nobody else has it open.
  package func unpinAll() throws(BPFError) {
    links.letGo()
    try Self.removeAllPins(folder)
  }

  private static func removeAllPins(_ folder: String) throws(BPFError) {
    do {
      // The programs go first: none runs on without the maps that the next start would look for.
      try removePins("\(folder)/links")
      try removePins(folder)
    } catch { throw .system(error) }
  }

  /// Also removes the folders below: the network programs have one for each container.
  static func removePins(_ folder: String) throws(Errno) {
    if !Files.exists(folder) { return }
    for name in try Files.names(in: folder) {
      let path = "\(folder)/\(name)"
      if try Files.status(path).st_mode & S_IFMT == S_IFDIR {
        try removePins(path)
      } else {
        try call("remove the pin \(path)") { unlink(path) }
      }
    }
    try call("remove the folder \(folder)") { rmdir(folder) }
  }
}

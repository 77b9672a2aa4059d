import CBPF
import Glibc
import System

/// A program's attachment to a cgroup. It is pinned. This process also holds it, as far as it may have so many
/// descriptors. A link that it does not hold ends with the pin.
struct NetworkLink: Sendable {
  let pin: String
  private let object: KernelObject
  private let cgroupID: CgroupID
  private let hook: Hook
  /// nil: only the pin keeps the link.
  private var descriptor: FileDescriptor?

  /// What is attached, and by which attach type.
  struct Hook: Sendable {
    var program: FileDescriptor
    var programID: UInt32
    var type: bpf_attach_type

    init(_ program: FileDescriptor, named name: String, as type: bpf_attach_type) throws(BPFError) {
      (self.program, programID, self.type) = (program, try BPF.programID(program, named: name), type)
    }
  }

  /// Takes over the link that is pinned there. If nothing is pinned, or it is not attached to this cgroup, attaches a
  /// new link and pins that. BPF_LINK_CREATE, BPF_LINK_UPDATE.
  ///
  /// - Parameter cgroup: the cgroup's folder; nil: nothing new is attached.
  /// - Returns: nil: nothing is attached.
  init?(
    _ hook: Hook, cgroupID: CgroupID, cgroup: FileDescriptor?, pin: String, keepsDescriptor: Bool
  ) throws(BPFError) {
    (self.pin, self.hook, self.cgroupID) = (pin, hook, cgroupID)
    let link: FileDescriptor
    if let present = try Self.attached(hook, cgroupID, pin) {
      link = present
    } else if let cgroup {
      link = try Self.attach(hook, cgroup, pin)
    } else {
      return nil
    }
    object = try KernelObject.Link(link, named: pin).object
    descriptor = keepsDescriptor ? link : nil
  }

  private static func attach(
    _ hook: Hook, _ cgroup: FileDescriptor, _ pin: String
  ) throws(BPFError) -> FileDescriptor {
    let link = FileDescriptor(
      owning: try bpf("attach \(pin)") { bpf_link_create(hook.program.number, cgroup.number, hook.type, nil) })
    try Pin.put(link, at: pin)
    return link
  }

  /// The pinned link, with our program, if it is attached where it has to be.
  private static func attached(_ hook: Hook, _ cgroupID: CgroupID, _ pin: String) throws(BPFError) -> FileDescriptor? {
    guard let link = try Pin.open(pin), try isAttached(link, hook, cgroupID, pin) else { return nil }
    return link
  }

  /// Makes the link run our program, without a moment in which no program runs.
  private static func isAttached(
    _ link: FileDescriptor, _ hook: Hook, _ cgroupID: CgroupID, _ pin: String
  ) throws(BPFError) -> Bool {
    let found = try KernelObject.Link(link, named: pin)
    guard found.isAttached(to: cgroupID, as: hook.type) else { return false }
    if found.program == hook.programID { return true }
    if bpf_link_update(link.number, hook.program.number, nil) == 0 { return true }
    // The link was detached just now.
    if errno == ENOLINK { return false }
    throw .system(Errno(errno, "replace the program of \(pin)"))
  }

  var isHeld: Bool { descriptor != nil }

  /// Leaves the link to the pin.
  mutating func letGo() { descriptor = nil }

  /// Detaches the link at once, even if others hold it, and removes the pin. BPF_LINK_DETACH.
  func detach() throws(BPFError) {
    guard let descriptor else { return try Self.detach(pin) }
    try bpf("detach \(pin)") { bpf_link_detach(descriptor.number) }
    try Pin.remove(pin)
  }

  /// A missing pin is success. A pin that is no link is only removed.
  static func detach(_ pin: String) throws(BPFError) {
    guard let link = try Pin.open(pin) else { return try Pin.remove(pin) }
    if bpf_link_detach(link.number) < 0, ![EINVAL, EOPNOTSUPP].contains(errno) {
      throw .system(Errno(errno, "detach \(pin)"))
    }
    try Pin.remove(pin)
  }

  /// Checks that the link is attached, with our program, and pinned.
  ///
  /// - Parameters:
  ///   - pinMayDiffer: the pin must be checked, although the link is held.
  ///   - keepsDescriptor: the link is held from now on.
  ///   - cgroup: opens the cgroup's folder; an error means that there is nothing to attach to.
  mutating func look(
    _ check: PinCheck, pinMayDiffer: Bool, keepsDescriptor: Bool, _ name: String, _ damage: inout Damage,
    cgroup: () throws(BPFError) -> FileDescriptor
  ) throws(BPFError) {
    let running: FileDescriptor?
    do { running = try present() } catch {
      // The state is not known, so it is not claimed that the program runs.
      damage.detached.append(name)
      throw error
    }
    if let running {
      if keepsDescriptor { descriptor = running }
    } else {
      let folder = try cgroup()
      damage.detached.append(name)
      if check == .mend { try attachAgain(to: folder, keepsDescriptor: keepsDescriptor) }
    }
    if let descriptor, pinMayDiffer, try !isPinned(name, &damage), check == .mend { try Pin.put(descriptor, at: pin) }
  }

  private mutating func attachAgain(to folder: FileDescriptor, keepsDescriptor: Bool) throws(BPFError) {
    // Maybe the link only has another program.
    if let descriptor, try Self.isAttached(descriptor, hook, cgroupID, pin) { return }
    let again = try Self(hook, cgroupID: cgroupID, cgroup: folder, pin: pin, keepsDescriptor: keepsDescriptor)
    if let again { self = again }
  }

  private func isPinned(_ name: String, _ damage: inout Damage) throws(BPFError) -> Bool {
    if let pinned = try Pin.open(pin) {
      if try KernelObject.Link(pinned, named: pin).object == object { return true }
      damage.replaced.append(name)
    } else {
      damage.gone.append(name)
    }
    return false
  }

  /// The link that is held, or else the pinned one; nil: the link is not attached, or runs another program.
  private func present() throws(BPFError) -> FileDescriptor? {
    var held = descriptor
    if held == nil { held = try Pin.open(pin) }
    guard let link = held else { return nil }
    let found = try KernelObject.Link(link, named: pin)
    let isOurs = found.program == hook.programID && found.isAttached(to: cgroupID, as: hook.type)
    return isOurs && found.object == object ? link : nil
  }
}

extension KernelObject.Link {
  func isAttached(to cgroupID: CgroupID, as type: bpf_attach_type) -> Bool {
    cgroup == cgroupID.number && attachType == type.rawValue
  }
}

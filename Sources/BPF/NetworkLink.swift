import CBPF
import Glibc
import System

/// A program's attachment to a cgroup, held by its pin.
struct NetworkLink {
  let pin: String
  private let descriptor: FileDescriptor

  /// Attaches and pins; on failure neither is left. BPF_LINK_CREATE, BPF_OBJ_PIN.
  init(attaching program: FileDescriptor, to cgroup: FileDescriptor, as type: bpf_attach_type, pin: String)
    throws(BPFError)
  {
    self.pin = pin
    descriptor = FileDescriptor(
      owning: try bpf("attach \(pin)") { bpf_link_create(program.number, cgroup.number, type, nil) })
    let number = descriptor.number
    try bpf("pin the BPF link \(pin)") { bpf_obj_pin(number, pin) }
  }

  /// nil: there is no such pin. BPF_OBJ_GET.
  init?(pinnedAt pin: String) throws(BPFError) {
    self.pin = pin
    let number = bpf_obj_get(pin)
    if number < 0, errno == ENOENT { return nil }
    descriptor = FileDescriptor(owning: try bpf("open the pinned BPF link \(pin)") { number < 0 ? -1 : number })
  }

  /// Makes the link run `program` from now on, without a moment in which none runs. A removed cgroup's link runs
  /// nothing and stays as it is. BPF_LINK_UPDATE.
  func replaceProgram(_ program: FileDescriptor) throws(BPFError) {
    if bpf_link_update(descriptor.number, program.number, nil) < 0, errno != ENOLINK {
      throw .system(Errno(errno, "replace the program of \(pin)"))
    }
  }

  /// Detaches at once, whoever else holds the link, and removes the pin. BPF_LINK_DETACH.
  func detach() throws(BPFError) {
    try bpf("detach \(pin)") { bpf_link_detach(descriptor.number) }
    if unlink(pin) == -1, errno != ENOENT { throw .system(Errno(errno, "remove the pin \(pin)")) }
  }
}

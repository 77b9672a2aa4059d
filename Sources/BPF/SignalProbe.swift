import CBPF
import CStockade
import Glibc
import System

extension KernelPolicy {
  /// Proves tier `signal` by doing it: a child in a closed scratch cgroup and a mount namespace of its own execs, and
  /// must be killed for it. Programs that load and attach do not always run.
  ///
  /// - Parameter cgroupRoot: where cgroup v2 is mounted.
  /// - Returns: the id of the scratch cgroup, by which the event of that kill can be told.
  package func proveSignalTier(cgroupRoot: String) throws(BPFError) -> UInt64 {
    let path = "\(cgroupRoot)/stockade-probe-\(getpid())"
    if mkdir(path, 0o700) == -1, errno != EEXIST { throw .system(Errno(errno, "make the scratch cgroup \(path)")) }
    defer { rmdir(path) }
    var status = stat()
    if stat(path, &status) == -1 { throw .system(Errno(errno, "stat \(path)")) }
    let id = UInt64(status.st_ino)
    try put(
      stockade_container(
        cgroup_id: id, revision: 0, state: STOCKADE_CLOSED.rawValue, root_device: 0, check: 0, pad: 0))
    let result = stockade_probe_exec("\(path)/cgroup.procs")
    try removeContainer(id)
    if result < 0 { throw .system(Errno(-result, "run the self-test of tier signal")) }
    // The low 7 bits of wait(2)'s status: the signal.
    guard result & 0x7f == SIGKILL else {
      throw .notEnforced(tier: "signal", reason: "a forbidden exec was not killed (wait status \(result))")
    }
    return id
  }
}

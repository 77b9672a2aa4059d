import Glibc
import System

/// Makes sure that nothing is left, however `try` ends.
///
/// A small shell waits on a socket whose only other end is ours. It kills what is left in the cgroups of this `try`,
/// and removes the cgroups and the folder. It does so after a normal end, and just the same after SIGKILL. The shell
/// holds the mount namespace until the containers are gone, so their policy stays in force that long.
///
/// If somebody kills the shell too, the next `try` that is alone does this: `Leftovers`.
final class CleanUp {
  private let writer: FileDescriptor
  private let shell: pid_t
  /// A shared lock, held while something of ours may be made in the folders that every `try` uses. Only a `try` that
  /// gets the lock alone removes these folders. Otherwise they would vanish while another `try` uses them. The shell
  /// has the lock too, as its standard error. The lock is on a folder that is the same in every chroot.
  private let lock: FolderLock

  /// A `runc create` that lives longer than this process ends within this time.
  private static let script = """
    trap '' HUP INT TERM
    id=$1 folder=$2
    read -r _ || sleep 1
    tries=0
    while [ $tries -lt 100 ]; do
      cgroups=$(find /sys/fs/cgroup -depth -type d -path "*/stockade-try/$id-*")
      [ "$cgroups" ] || break
      for cgroup in $cgroups; do
        while read -r pid; do kill -KILL "$pid"; done <"$cgroup/cgroup.procs"
        rmdir "$cgroup" || sleep 0.02
      done
      tries=$((tries + 1))
    done
    umount -l "$folder"
    rmdir "$folder"
    exec 2>/dev/null
    flock --exclusive --timeout 0.1 /sys/fs/cgroup \\
      rmdir "${folder%/*}" /sys/fs/cgroup/stockade-try /sys/fs/cgroup/*/stockade-try
    [ -z "$cgroups" ]
    """

  init(_ workspace: Workspace) throws(TryError) {
    try system { () throws(Errno) in try Children.adoptOrphans() }
    lock = try system { () throws(Errno) in
      let lock = try FolderLock(on: Host.cgroups)
      if lock.tryTakeAlone() { Leftovers.remove() }
      try lock.share()
      return lock
    }
    let (reader, writer) = try system { () throws(Errno) in try FileDescriptor.connectedPair() }
    self.writer = writer
    let null = try system { () throws(Errno) in try FileDescriptor(open: "/dev/null", O_RDWR) }
    shell = try Program.start(
      ["/bin/sh", "-c", Self.script, "stockade-try-cleanup", workspace.id, workspace.path],
      input: reader.number, output: null.number, error: lock.folder.number, ownGroup: true)
  }

  /// Cleans up and waits until that is done.
  func run() throws(TryError) {
    killOrphans()
    lock.letGo()
    try system { () throws(Errno) in try writer.write("end\n".utf8) }
    if try Program.wait(for: shell) != 0 {
      throw .leftBehind("cgroups below stockade-try could not be removed; look for processes in them")
    }
  }

  /// Processes that left their container's cgroup became our children when their parents ended.
  private func killOrphans() {
    let (tries, pauseMicroseconds) = (200, useconds_t(5000))
    for _ in 0..<tries {
      let orphans = Children.pids.filter { $0 != shell }
      if orphans.isEmpty { return }
      for orphan in orphans {
        kill(orphan, SIGKILL)
        waitpid(orphan, nil, WNOHANG)
      }
      usleep(pauseMicroseconds)
    }
  }
}

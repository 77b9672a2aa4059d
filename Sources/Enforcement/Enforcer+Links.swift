import BPF
import Compilation
import Policy
import System

/// Links of containers' roots on the way that rules name.
extension Enforcer {
  /// Processes of a container that are asked for its root, if the first process is gone or has changed its own.
  private static let processesMaximum = 64

  struct FoundLinks {
    var aliases = RuleAliases()
    /// Why rules may have other aliases than were found. nil: nothing is against it.
    var problem: String?
  }

  /// Where the links of a container's root lead a profile's rules. The container is about to start.
  func links(of compiled: CompiledProfile, in process: ProcessView) throws(EnforcementError) -> FoundLinks {
    if compiled.paths.rules.isEmpty { return FoundLinks() }
    if process.rootIsRemote {
      return FoundLinks(problem: "its root is on a server, which would have to be asked for links")
    }
    var problem: String?
    let aliases = try images.aliases(compiled.text, process.rootLayers) { () throws(EnforcementError) in
      let root: FileDescriptor
      do throws(Errno) { root = try FileSystem.root("/proc/\(process.pid)/root") } catch {
        throw .unreadableRoot(error)
      }
      let (found, tops) = try links(of: compiled, in: root, process.rootDevice)
      problem = found.problem
      return (found.aliases, problem == nil ? tops : nil)
    }
    return FoundLinks(aliases: aliases, problem: problem)
  }

  /// The same for a container that runs. Its own programs can have changed the links, and the root of each process.
  func links(
    of compiled: CompiledProfile, inRunning cgroup: Cgroup, first: UInt32?, _ rootDevice: UInt32
  ) throws(EnforcementError) -> FoundLinks {
    if compiled.paths.rules.isEmpty { return FoundLinks() }
    if rootDevice == 0 { return FoundLinks(problem: "its root is no overlay, so no process has a root that is known") }
    let others = (try? LeftProcesses.pids(in: cgroup.directory)) ?? []
    for pid in (first.map { [$0] } ?? []) + others.prefix(Self.processesMaximum) {
      // A process that has ended meanwhile is no error.
      guard let root = try? FileSystem.root("/proc/\(pid)/root") else { continue }
      if try look(at: root, rootDevice).isRoot { return try links(of: compiled, in: root, rootDevice).found }
    }
    return FoundLinks(problem: "no process of it has the container's root any more")
  }

  private func links(
    of compiled: CompiledProfile, in root: FileDescriptor, _ device: UInt32
  ) throws(EnforcementError) -> (found: FoundLinks, tops: Set<String>) {
    var links = ImageLinks(root: root) { file throws(EnforcementError) in try self.look(at: file, device) }
    let aliases = try links.aliases(of: compiled.profile, compiled.paths)
    let found = FoundLinks(
      aliases: aliases,
      problem: links.areCut ? "its links say over \(ImageLinks.namesOfLinksMaximum) names for the profile's rules" : nil
    )
    return (found, links.tops)
  }

  private func look(at file: FileDescriptor, _ device: UInt32) throws(EnforcementError) -> FileLook {
    guard let kernel, device != 0 else { return FileLook(isOfImage: false, isRoot: false) }
    do { return try kernel.look(at: file, rootDevice: device) } catch { throw .kernel(error) }
  }
}

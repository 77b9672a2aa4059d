import System

/// The programs that note which system calls and capabilities recorded containers use. They decide nothing, and nothing
/// of them is pinned: they end with this process. They are attached while somebody holds this value, since each call of
/// the node comes by at them.
package final class RecordingPrograms: Sendable {
  private let objects: [BPFObject]
  private let links: [FileDescriptor]
  private let protected: [PassingObjects]
  /// nil: system calls are seen; else why not.
  package let syscallProblem: String?
  package let capabilityProblem: String?

  /// Loads and attaches them, which takes the kernel up to some tenths of a second.
  init(shared: SharedMaps) {
    var (objects, links, protected): ([BPFObject], [FileDescriptor], [PassingObjects]) = ([], [], [])
    func attach(_ name: String, _ image: StaticString, _ program: String) -> String? {
      do throws(BPFError) {
        let object = try BPFObject(name, image, shared: shared, isShared: PolicyMaps.isShared)
        protected.append(try PassingObjects(object.kernelObjects, shared))
        links.append(try object.attachTracing(program))
        objects.append(object)
        return nil
      } catch { return error.line }
    }
    syscallProblem = attach("record_syscalls", EmbeddedObjects.recordSyscalls, "record_syscall")
    // Older kernels have no tracepoint for it. Some kernels let nothing be attached to the function.
    var problem = attach("record_capability", EmbeddedObjects.recordCapability, "record_capability")
    if problem != nil {
      problem = attach(
        "record_capability_return", EmbeddedObjects.recordCapabilityReturn, "record_capability_end")
    }
    capabilityProblem = problem
    (self.objects, self.links, self.protected) = (objects, links, protected)
  }

  /// How often the kernel skipped one of them, since it was running already on that processor.
  package func skipped() throws(BPFError) -> UInt64 {
    var sum: UInt64 = 0
    for object in objects { sum += try object.skipped() }
    return sum
  }
}

extension PolicyMaps {
  package func recordingPrograms() -> RecordingPrograms { RecordingPrograms(shared: shared) }
}

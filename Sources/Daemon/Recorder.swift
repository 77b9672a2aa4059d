import BPF
import Enforcement
import Events
import Glibc
import Policy
import Recording
import Seccomp
import Synchronization
import System

/// Collects what the kernel tells of recorded containers, and makes recordings of it.
package final class Recorder: Sendable {
  private let kernel: BPFBackend
  private let subjects: SubjectIndex
  private struct State {
    var facts: [CgroupID: RecordedFacts] = [:]
    /// Loaded with the first recording, and detached after the last.
    var programs: RecordingPrograms?
    var users = 0
  }
  private let state = Mutex(State())

  package init(kernel: BPFBackend, subjects: SubjectIndex) { (self.kernel, self.subjects) = (kernel, subjects) }

  /// Takes what is a recording's. Called by the one thread that reads events.
  ///
  /// - Returns: whether somebody else wants the event too: the container's own profile denies or audits it.
  func take(_ event: KernelEvent) -> Bool {
    guard event.recordedAs != nil else { return true }
    state.withLock { state in
      // Under the lock: what comes when the recording was taken belongs to none.
      if kernel.recordings.has(event.cgroupID) { state.facts[event.cgroupID, default: RecordedFacts()].add(event) }
    }
    return event.isSoftened
      || subjects.find(event.cgroupID, event.revision)?.profile.map { $0.isTold(event) } ?? true
  }

  /// Notes system calls and capabilities from now on, until `detach`. Takes the kernel some tenths of a second.
  package func attach() {
    state.withLock { state in
      state.users += 1
      if state.programs == nil { state.programs = kernel.recordingPrograms() }
    }
  }

  package func detach() {
    state.withLock { state in
      state.users -= 1
      if state.users == 0 { state.programs = nil }
    }
  }

  /// What a container did since its recording began. Call it when all events are read, and before `detach`. nil: the
  /// container was not recorded.
  ///
  /// - Parameter recording: with what is known of the workload.
  package func finish(_ cgroupID: CgroupID, into recording: inout Recording) throws(BPFError) -> Bool {
    guard let counts = try kernel.recordings.take(cgroupID) else { return false }
    let (facts, programs) = state.withLock { state in
      (state.facts.removeValue(forKey: cgroupID) ?? RecordedFacts(), state.programs)
    }
    facts.fill(&recording, counts)
    recording.add(counts)
    recording.unseen.merge(unseen(programs)) { $1 }
    recording.lose(KernelCounter.syscallsUnseen.rawValue, (try? programs?.skipped()) ?? 0)
    return true
  }

  /// Forgets a recording that could not begin.
  func discard(_ cgroupID: CgroupID) {
    _ = try? kernel.recordings.take(cgroupID)
    state.withLock { $0.facts[cgroupID] = nil }
  }

  /// The containers that are recorded, or were and are not finished.
  package var recorded: [CgroupID] { kernel.recordings.all }

  private func unseen(_ programs: RecordingPrograms?) -> [Recording.Part: String] {
    var unseen: [Recording.Part: String] = [:]
    let tier = kernel.tier
    if tier < .signal { unseen[.execs] = "tier \(tier.name) sees no programs" }
    if tier < .fmodRet {
      for part in [Recording.Part.mappings, .files, .surfaces, .families] {
        unseen[part] = "tier \(tier.name) does not see them"
      }
    }
    if let problem = kernel.networkProblem { (unseen[.connections], unseen[.binds]) = (problem, problem) }
    let notLoaded = "the programs that note them are not loaded"
    unseen[.syscalls] = programs == nil ? notLoaded : programs?.syscallProblem
    unseen[.capabilities] = programs == nil ? notLoaded : programs?.capabilityProblem
    return unseen
  }
}

extension Recording {
  fileprivate mutating func add(_ counts: RecordingCounts) {
    for (number, count) in counts.capabilities where Int(number) < Capabilities.names.count {
      capabilities[Capabilities.names[Int(number)], default: 0] += count
    }
    for found in counts.syscalls {
      let call = ReplayedFilter.Call(audit: found.architecture, number: Int32(bitPattern: found.number))
      if let name = call.name, !call.ociName.isEmpty {
        syscalls[call.ociName, default: []].insert(name)
      } else {
        lose(RecordedFacts.Loss.syscallUnknown.rawValue, 1)
      }
    }
  }
}

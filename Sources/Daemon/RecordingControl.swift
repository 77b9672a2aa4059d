import BPF
import Compilation
import Control
import Enforcement
import Events
import Glibc
import Logging
import Policy
import RPC
import Recording
import Synchronization
import System

/// Records containers that run, for clients of the control socket. Each recording has a thread, which begins it, waits
/// and ends it.
final class RecordingControl: Sendable {
  /// How often it is asked whether the containers have ended.
  private static let lookMilliseconds = 500

  private let enforcer: Enforcer
  private let recorder: Recorder?
  private let pump: EventPump?
  private let log: Logger
  private struct Running {
    var isOver: Monitor<Bool>
    var thread: Thread?
  }
  private let running = Mutex<[String: Running]>([:])

  init(_ enforcer: Enforcer, _ recorder: Recorder?, _ pump: EventPump?, _ log: Logger) {
    (self.enforcer, self.recorder, self.pump, self.log) = (enforcer, recorder, pump, log)
  }

  /// A container that is recorded.
  private struct Recorded {
    var subject: Subject
    var cgroupID: CgroupID
    var recording: Recording
    var began = Timestamp.now(CLOCK_MONOTONIC)
  }

  func begin(_ request: RecordRequest, _ call: RecordingCall) throws(RPCStatus) {
    guard let recorder else { throw RPCStatus(.failedPrecondition, "no BPF programs run on this node to record by") }
    let found = enforcer.summaries.filter { request.scope.covers($0.subject, profile: nil) }
    guard !found.isEmpty else { throw RPCStatus(.notFound, "there is no \(request.scope) here") }
    for summary in found where summary.text == nil {
      throw RPCStatus(
        .failedPrecondition,
        "\(summary.subject.text) has no profile; give it one, if only an empty one, or run it by stockade try --record")
    }
    let name = String(UInt64.random(in: 1...UInt64.max), radix: 16)
    let isOver = Monitor(false)
    running.withLock { $0[name] = Running(isOver: isOver) }
    call.whenOver { isOver.withLock { $0 = true } }
    do {
      let thread = try Thread { [self] in
        run(found, request, name, isOver, recorder, call)
        running.withLock { $0[name] = nil }
      }
      running.withLock { $0[name]?.thread = thread }
    } catch {
      running.withLock { $0[name] = nil }
      throw RPCStatus(.resourceExhausted, "\(error)")
    }
  }

  func end(_ name: String) -> Bool {
    guard let found = running.withLock({ $0[name] }) else { return false }
    found.isOver.withLock { $0 = true }
    return true
  }

  /// Ends all recordings, and waits until the containers have their former policies, at most this long.
  func stop(milliseconds: Int) {
    let found = running.withLock { Array($0.values) }
    for one in found { one.isOver.withLock { $0 = true } }
    for one in found { _ = one.thread?.join(milliseconds: milliseconds) }
  }

  // MARK: On the thread

  private func run(
    _ found: [Enforcer.Summary], _ request: RecordRequest, _ name: String, _ isOver: Monitor<Bool>,
    _ recorder: Recorder, _ call: RecordingCall
  ) {
    recorder.attach()
    defer { recorder.detach() }
    var recorded: [Recorded] = []
    do throws(BackendError) {
      for summary in found { recorded += try begin(summary, request.hasArguments ? .factsWithArguments : .facts) }
    } catch {
      _ = finish(recorded, recorder)
      return call.finish(RPCStatus(.failedPrecondition, error.message))
    }
    guard !recorded.isEmpty else {
      return call.finish(RPCStatus(.failedPrecondition, "the containers have ended, or are closed"))
    }
    log.notice("recording", metadata: ["containers": "\(recorded.map(\.subject.text).joined(separator: ", "))"])
    call.begin(name, containers: recorded.map(\.subject.containerName))
    wait(for: recorded, request.seconds, isOver)
    for (container, text) in finish(recorded, recorder) { call.send(text, of: container) }
    call.finish()
  }

  private func begin(_ summary: Enforcer.Summary, _ detail: RecordingDetail) throws(BackendError) -> [Recorded] {
    let subject = summary.subject
    if recorder?.recorded.contains(summary.cgroupID) == true {
      let reason = "\(subject.text) is recorded already; wait until that recording ends"
      throw BackendError(message: reason, reason: reason)
    }
    do throws(BackendError) {
      guard try enforcer.setRecorded(subject.containerID, detail) else { return [] }
    } catch {
      recorder?.discard(summary.cgroupID)
      throw error
    }
    var recording = Recording(
      workload: "\(subject.podNamespace)/\(subject.podName)/\(subject.containerName)", tier: enforcer.tier,
      beganNanoseconds: Timestamp.now(CLOCK_REALTIME), seconds: 0)
    recording.image = subject.image
    return [Recorded(subject: subject, cgroupID: summary.cgroupID, recording: recording)]
  }

  private func wait(for recorded: [Recorded], _ seconds: UInt32, _ isOver: Monitor<Bool>) {
    let end = ContinuousClock.now + .seconds(Int(seconds))
    while !isOver.wait(milliseconds: Self.lookMilliseconds, until: { $0 }), ContinuousClock.now < end {
      if recorded.allSatisfy({ enforcer.entry($0.subject.containerID) == nil }) { return }
    }
  }

  /// Gives the containers their former policies, and makes the recordings.
  private func finish(_ recorded: [Recorded], _ recorder: Recorder) -> [(container: String, text: String)] {
    // Of containers that run on, something has ended the recording.
    let endedEarly = Set(
      recorded.map(\.subject.containerID).filter { id in
        enforcer.entry(id).map { $0.policy?.isRecorded != true } ?? false
      })
    for one in recorded {
      do { _ = try enforcer.setRecorded(one.subject.containerID, .nothing) } catch {
        log.error(
          "a container is still recorded, until its profile changes or it ends; what is enforced is the same",
          metadata: ["container": "\(one.subject.text)", "reason": "\(error)"])
      }
    }
    pump?.drain()
    return recorded.compactMap { one in
      var recording = one.recording
      recording.seconds = UInt64((Timestamp.now(CLOCK_MONOTONIC) - one.began + 999_999_999) / 1_000_000_000)
      do {
        guard try recorder.finish(one.cgroupID, into: &recording) else { return nil }
        if endedEarly.contains(one.subject.containerID) { recording.lose(RecordedFacts.Loss.endedEarly.rawValue, 1) }
        return (one.subject.containerName, RecordingFile.text(of: recording))
      } catch {
        log.error("a recording cannot be read", metadata: ["container": "\(one.subject.text)", "reason": "\(error)"])
        return nil
      }
    }
  }
}

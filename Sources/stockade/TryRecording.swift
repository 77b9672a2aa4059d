import BPF
import Daemon
import Glibc
import Recording
import System

/// What `stockade try --record` makes: one recording of all containers of the run.
final class TryRecording {
  private let recorder: Recorder
  private let path: String
  private let began = Timestamp.now(CLOCK_MONOTONIC)
  private var recording: Recording
  private var isEmpty = true

  /// From now on the containers' calls are noted. The programs for that end with this process.
  ///
  /// - Throws: there is no kernel to record by.
  init(_ node: ConfinedNode, path: String, command: [String]) throws {
    guard let recorder = node.recorder else { throw RecordingProblem("this node has no BPF programs to record by") }
    (self.recorder, self.path) = (recorder, path)
    recording = Recording(
      workload: command.joined(separator: " "), tier: node.enforcer.tier,
      beganNanoseconds: Timestamp.now(CLOCK_REALTIME), seconds: 0)
    recorder.attach()
  }

  /// Takes what the containers did that have ended. Their events are read by now.
  func collect() throws {
    for cgroupID in recorder.recorded where try recorder.finish(cgroupID, into: &recording) { isEmpty = false }
  }

  func write() throws -> [String] {
    try collect()
    if isEmpty { throw RecordingProblem("nothing was recorded: no container with a profile was started") }
    recording.seconds = UInt64((Timestamp.now(CLOCK_MONOTONIC) - began + 999_999_999) / 1_000_000_000)
    try Files.replace(path, with: RecordingFile.text(of: recording), mode: 0o600)
    return summary
  }

  private var summary: [String] {
    let recorded = recording
    let counts: [(String, Int)] = [
      ("programs", recorded.execs.count), ("mapped files", recorded.mappings.count),
      ("file uses", recorded.files.count),
      ("connections", recorded.connections.count), ("bound ports", recorded.binds.count),
      ("parts of the kernel", recorded.surfaces.count), ("socket families", recorded.families.count),
      ("capabilities", recorded.capabilities.count),
      ("system calls", recorded.syscalls.values.reduce(0) { $0 + $1.count }),
    ]
    let seen = counts.filter { $0.1 > 0 }.map { "\($0.0) \($0.1)" }.joined(separator: ", ")
    let lost = recorded.losses.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
    let unseen = recorded.unseen.sorted { $0.key < $1.key }
    return ["recorded in \(path): \(seen.isEmpty ? "nothing" : seen)"]
      + (lost.isEmpty ? [] : ["the recording is not whole, for this was lost: \(lost)"])
      + unseen.map { "not seen here: \($0.key.rawValue): \($0.value)" }
  }
}

struct RecordingProblem: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

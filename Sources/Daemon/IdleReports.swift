import Enforcement
import Events
import Glibc
import Logging
import Policy
import System

/// Tells what does nothing of the profiles that containers get: once for each profile and image.
///
/// It looks into images on a thread of its own. Nobody waits for that thread, which a slow disk may hold.
package final class IdleReports: Sendable {
  /// The most that is told of one profile for one image.
  package static let listedMaximum = 32
  /// How many pairs of a profile and an image are remembered. After that many others a pair is told again.
  package static let rememberedMaximum = 1024
  /// How many containers may wait to be looked at; each holds a descriptor. What is more is left to the next container
  /// of its profile and image.
  package static let waitingMaximum = 16
  /// After so long, no more of one container's rules are looked up.
  package static let lookMilliseconds = 500

  /// How many pods are followed for their annotations. The oldest gives way, and nothing is told of it.
  package static let podsMaximum = 1024

  private struct Pair: Hashable {
    var profile: String
    var image: String
  }

  private struct Look {
    var profile: Profile
    var subject: Subject
    /// nil: the root cannot be looked at.
    var root: RootView?
  }

  private struct State {
    /// With the text of the profile that was told. A new text is told again.
    var told = RecentValues<Pair, Profile>(limit: IdleReports.rememberedMaximum)
    var waiting: [Look] = []
    var isLooking = false
  }

  private let state = Monitor(State())
  private let events: EventHub
  private let log: Logger

  package init(_ events: EventHub, _ log: Logger) { (self.events, self.log) = (events, log) }

  /// Has a container looked at that is about to start. Waits for nothing.
  package func look(_ profile: Profile, of subject: Subject, pid: UInt32) {
    let pair = Pair(
      profile: profile.name, image: subject.image.isEmpty ? "container \(subject.containerName)" : subject.image)
    let isNew = state.read { $0.told[pair] != profile && $0.waiting.count < Self.waitingMaximum }
    guard isNew else { return }
    // The container may be gone by the time at which its turn comes, and its number be another's.
    let look = Look(profile: profile, subject: subject, root: (try? RootView(pid: pid)) ?? nil)
    let needsThread = state.withLock { state in
      state.told.insert(profile, for: pair)
      state.waiting.append(look)
      defer { state.isLooking = true }
      return !state.isLooking
    }
    guard needsThread else { return }
    do { _ = try Thread { [self] in lookAtAll() } } catch {
      state.withLock { state in
        (state.isLooking, state.waiting) = (false, [])
        state.told.remove(pair)
      }
    }
  }

  /// Waits until everything is told, at most this long.
  package func finish(milliseconds: Int) { state.wait(milliseconds: milliseconds) { !$0.isLooking } }

  private func lookAtAll() {
    while let look = next() {
      let parts = Self.parts(of: look)
      tell(parts.filter { $0.severity == .warning }, of: look.subject, profile: look.profile.name)
      let absent = parts.count { $0.severity == .note }
      if absent == 0 { continue }
      log.info(
        "rules name what the image has not",
        metadata: look.subject.metadata([
          "profile": "\(look.profile.name)", "rules": "\(absent)",
          "advice": "stockade profile check --rootfs lists them",
        ]))
    }
  }

  private func next() -> Look? {
    state.withLock { state in
      guard state.waiting.isEmpty else { return state.waiting.removeFirst() }
      state.isLooking = false
      return nil
    }
  }

  private static func parts(of look: Look) -> [IdlePart] {
    guard let root = look.root else { return look.profile.idleParts }
    let end = Timestamp.now(CLOCK_MONOTONIC) + Int64(lookMilliseconds) * 1_000_000
    return look.profile.idleParts { path in
      Timestamp.now(CLOCK_MONOTONIC) < end ? root.facts(path) : .unknown
    }
  }

  /// Tells of the first parts of a profile, and how many more there are.
  func tell(_ parts: [IdlePart], of subject: Subject, profile: String) {
    for part in parts.prefix(Self.listedMaximum) { tell(part, of: subject, profile: profile) }
    if parts.count > Self.listedMaximum {
      log.warning(
        "more parts of a profile do nothing than are told",
        metadata: subject.metadata([
          "profile": "\(profile)", "more": "\(parts.count - Self.listedMaximum)",
          "advice": "stockade profile check --rootfs lists them",
        ]))
    }
  }

  /// Tells of one part by log and event.
  ///
  /// - Parameter profile: nil: it is about annotations.
  package func tell(_ part: IdlePart, of subject: Subject, profile: String?) {
    var metadata: Logger.Metadata = ["problem": "\(part)"]
    if let profile { metadata["profile"] = "\(profile)" }
    log.warning(
      profile == nil ? "an annotation does nothing" : "a part of the profile does nothing",
      metadata: subject.metadata(metadata))
    events.publish(
      .idle(
        IdleRecord(
          timeNanoseconds: Timestamp.now(CLOCK_REALTIME), subject: subject, profile: profile, what: "\(part)")))
  }
}

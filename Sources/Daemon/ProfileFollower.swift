import Glibc
import Logging
import Policy
import Synchronization
import System

/// Reads the profiles, and reads them again whenever they change, on a thread of its own. A disk that hangs holds up
/// nobody else.
package final class ProfileFollower: Sendable {
  /// The time between two looks for changes that the watch does not see.
  package static let lookMilliseconds = 2000
  private let folder: String
  /// Takes over what is in the folder. It gets the problems that were told last time.
  private let reload: @Sendable (_ known: Set<String>) -> LoadedProfiles.Report
  private let log: Logger
  private let wakeup = Wakeup.atStart()
  private let worker = Mutex<Worker?>(nil)
  private let isRead = Monitor(false)
  /// How often somebody asked for a reading, and the last one that was asked for.
  private struct Asked {
    var count = 0
    var done = 0
    var report: LoadedProfiles.Report?
  }
  private let asked = Monitor(Asked())
  private let late = Monitor<(@Sendable () -> Void)?>(nil)

  init(
    folder: String, log: Logger, reload: @escaping @Sendable (_ known: Set<String>) -> LoadedProfiles.Report
  ) {
    (self.folder, self.log, self.reload) = (folder, log, reload)
  }

  /// Starts the thread, and waits a while for the first reading. After that, whatever needs a profile is refused until
  /// the profile is read.
  ///
  /// - Parameter whenLate: called on that thread when the first reading is done, if it took longer.
  func start(
    patienceMilliseconds: Int = SettingsLoader.profilesPatienceMilliseconds,
    whenLate: @escaping @Sendable () -> Void = {}
  ) {
    worker.withLock { $0 = Worker(waking: wakeup) { [self] stop in run(until: stop) } }
    if isRead.wait(milliseconds: patienceMilliseconds, until: { $0 }) { return }
    log.error(
      "the profiles are not read yet; containers that get one are refused until they are",
      metadata: ["profilesFolder": "\(folder)", "check": "the disk that it is on"])
    let isReadNow = late.withLock { late in
      late = whenLate
      return isRead.withLock { $0 }
    }
    if isReadNow { tellLate() }
  }

  /// Tells once.
  private func tellLate() {
    let tell = late.withLock { late in
      defer { late = nil }
      return late
    }
    tell?()
  }

  /// Reads the profiles again even though no change was seen. Does not wait for it.
  func readAgain() { wakeup.wake() }

  /// Reads the profiles again, and waits for it.
  ///
  /// - Returns: nil: they are not read within that time.
  func readAgain(within milliseconds: Int) -> LoadedProfiles.Report? {
    let turn = asked.withLock { asked in
      asked.count += 1
      return asked.count
    }
    wakeup.wake()
    guard asked.wait(milliseconds: milliseconds, until: { $0.done >= turn }) else { return nil }
    return asked.read { $0.report }
  }

  /// Ends the thread. A thread that a disk holds is left behind.
  ///
  /// - Returns: whether it has ended.
  @discardableResult
  func stop(milliseconds: Int) -> Bool {
    worker.withLock { $0 }?.stop(milliseconds: milliseconds) ?? true
  }

  private func run(until stop: Worker.Stop) {
    var known: Set<String> = []
    var isTold = false
    while !stop.isAsked { readAndFollow(&known, &isTold, until: stop) }
  }

  private func readAndFollow(_ known: inout Set<String>, _ isTold: inout Bool, until stop: Worker.Stop) {
    let watch = makeWatch(&isTold)
    // The stamp is taken first, so that whatever changes from now on is read again.
    let stamp = FolderStamp(folder)
    known = read(known)
    isRead.withLock { $0 = true }
    tellLate()
    follow(watch, stamp, &known, until: stop)
  }

  /// A folder that is not there is looked for again and again, because it may be mounted later, or put back.
  private func makeWatch(_ isTold: inout Bool) -> FolderWatch? {
    do {
      let watch = try FolderWatch(folder)
      isTold = false
      return watch
    } catch {
      if !isTold { log.warning("the profiles are not watched", metadata: ["reason": "\(error)"]) }
      isTold = true
      return nil
    }
  }

  /// Reads the profiles at each change, until another watch is needed.
  private func follow(
    _ watch: FolderWatch?, _ stamp: FolderStamp, _ known: inout Set<String>, until stop: Worker.Stop
  ) {
    var stamp = stamp
    while true {
      let outcome = wait(watch)
      if stop.isAsked { return }
      let now = FolderStamp(folder)
      switch outcome {
      case .ended: return
      case .nothing: if now != stamp { return }
      case .changed: known = read(known)
      case .woken: known = readAsked()
      }
      stamp = now
    }
  }

  private func wait(_ watch: FolderWatch?) -> FolderWatch.Outcome {
    do {
      guard let watch else { return try FolderWatch.wait(milliseconds: Self.lookMilliseconds, for: wakeup) }
      return try watch.wait(milliseconds: Self.lookMilliseconds, or: wakeup)
    } catch {
      log.error("the profiles are not watched", metadata: ["reason": "\(error)"])
      usleep(useconds_t(Self.lookMilliseconds * 1000))
      return .ended
    }
  }

  private func read(_ known: Set<String>) -> Set<String> { Set(reload(known).messages) }

  private func readAsked() -> Set<String> {
    let turn = asked.read { $0.count }
    let report = reload([])
    asked.withLock { ($0.done, $0.report) = (turn, report) }
    log.info(
      "the profiles were read again",
      metadata: [
        "changed": "\(report.changed.map(\.profile.name).sorted().joined(separator: ", "))",
        "refused": "\(report.refused.count)", "problems": "\(report.messages.count)",
      ])
    return Set(report.messages)
  }
}

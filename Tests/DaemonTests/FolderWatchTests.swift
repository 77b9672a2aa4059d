import Daemon
import Glibc
import Synchronization
import System
import Testing

@Suite(.timeLimit(.minutes(1))) struct FolderWatchTests {
  private let wakeup = Wakeup.atStart()

  private func wait(_ watch: FolderWatch, milliseconds: Int = 10_000) throws -> FolderWatch.Outcome {
    try watch.wait(milliseconds: milliseconds, or: wakeup)
  }

  @Test("a file that is written, or moved there, is a change, and the watch goes on")
  func changes() throws {
    let folder = try ProfilesFolder()
    let watch = try FolderWatch(folder.path)
    #expect(try wait(watch, milliseconds: 10) == .nothing)
    try folder.write("a")
    #expect(try wait(watch) == .changed)
    #expect(rename("\(folder.path)/0.yaml", "\(folder.path)/1.yaml") == 0)
    #expect(try wait(watch) == .changed)
  }

  @Test("the watch ends when its folder is taken away")
  func removed() throws {
    let folder = try ProfilesFolder()
    let watch = try FolderWatch(folder.path)
    rmdir(folder.path)
    #expect(try wait(watch) == .ended)
  }

  @Test("the watch ends when another folder may take its place")
  func moved() throws {
    let folder = try ProfilesFolder()
    let watch = try FolderWatch(folder.path)
    #expect(rename(folder.path, folder.path + ".old") == 0)
    #expect(try wait(watch) == .ended)
    rmdir(folder.path + ".old")
  }

  @Test("who is asked to look does it at once, and once")
  func woken() throws {
    let folder = try ProfilesFolder()
    let watch = try FolderWatch(folder.path)
    for _ in 0..<3 { wakeup.wake() }
    #expect(try wait(watch) == .woken)
    #expect(try wait(watch, milliseconds: 10) == .nothing)
    wakeup.wake()
    #expect(try FolderWatch.wait(milliseconds: 10_000, for: wakeup) == .woken)
  }

  @Test("who is to be woken is not held up by a folder that is never quiet")
  func wokenWhileBusy() throws {
    let folder = try ProfilesFolder()
    let watch = try FolderWatch(folder.path)
    let isOver = Monitor(false)
    let path = "\(folder.path)/noise"
    let noise = try Thread { @Sendable [wakeup] in
      for _ in 0..<5 {
        try? Files.write("", to: path)
        _ = isOver.wait(milliseconds: 50, until: { $0 })
      }
      wakeup.wake()
      while !isOver.wait(milliseconds: 50, until: { $0 }) { try? Files.write("", to: path) }
    }
    let start = ContinuousClock.now
    #expect(try wait(watch) == .woken)
    #expect(ContinuousClock.now - start < .milliseconds(FolderWatch.longestMilliseconds))
    isOver.withLock { $0 = true }
    noise.join()
  }

  @Test("a folder that is never quiet is a change all the same, after a while")
  func busy() throws {
    let folder = try ProfilesFolder()
    let watch = try FolderWatch(folder.path)
    let isOver = Monitor(false)
    let path = "\(folder.path)/noise"
    let noise = try Thread { @Sendable in
      while !isOver.wait(milliseconds: 50, until: { $0 }) { try? Files.write("", to: path) }
    }
    let start = ContinuousClock.now
    #expect(try wait(watch) == .changed)
    let took = ContinuousClock.now - start
    #expect(took >= .milliseconds(FolderWatch.longestMilliseconds))
    #expect(took < .milliseconds(3 * FolderWatch.longestMilliseconds))
    isOver.withLock { $0 = true }
    noise.join()
  }
}

@Suite struct FolderStampTests {
  /// With one letter, and with a letter and dots behind it: the same text, and two files.
  @Test(arguments: ["\u{e4}.yaml", "a\u{308}.yaml"])
  func `a file counts beside another whose name is the same text in other bytes`(changed: String) throws {
    let folder = try ProfilesFolder()
    for name in ["\u{e4}.yaml", "a\u{308}.yaml"] { try Files.write("one", to: "\(folder.path)/\(name)") }
    let first = FolderStamp(folder.path)
    try Files.write("another", to: "\(folder.path)/\(changed)")
    #expect(FolderStamp(folder.path) != first)
  }

  @Test("a stamp is another one when a file is, and when a link above the folder leads elsewhere")
  func differs() throws {
    let (one, two) = (try ProfilesFolder(["a"]), try ProfilesFolder(["a"]))
    let link = one.path + ".link"
    defer { unlink(link) }
    #expect(symlink(one.path, link) == 0)
    let first = FolderStamp(link)
    #expect(FolderStamp(link) == first)
    try one.write("ab")
    let second = FolderStamp(link)
    #expect(second != first)
    unlink(link)
    #expect(FolderStamp(link) != second)
    #expect(symlink(two.path, link) == 0)
    #expect(FolderStamp(link) != second)
  }
}

import Glibc
import Testing

@testable import System

@Suite("locks on folders")
struct FolderLockTests {
  private let folder = "/tmp/stockade-test-lock-\(UInt64.random(in: 0...UInt64.max))"

  init() throws { try Files.makeFolder(folder) }

  private func canTakeAlone() throws -> Bool { try FolderLock(on: folder).tryTakeAlone() }

  @Test("it is shared, or one has it alone")
  func kinds() throws {
    defer { rmdir(folder) }
    let (one, other) = (try FolderLock(on: folder), try FolderLock(on: folder))
    try one.share()
    try other.share()
    #expect(!one.tryTakeAlone())
    other.letGo()
    #expect(one.tryTakeAlone())
    #expect(try !canTakeAlone())
    withExtendedLifetime(one) {}
  }

  @Test("it ends with its object, although a child has a copy of its descriptor")
  func copied() throws {
    defer { rmdir(folder) }
    let child: pid_t
    do {
      let lock = try FolderLock(on: folder)
      try lock.share()
      child = try spawn("sleep", ["sleep", "600"], streams: [0, 1, lock.folder.number], ownGroup: false)
      #expect(try !canTakeAlone())
    }
    #expect(try canTakeAlone())
    kill(child, SIGKILL)
    waitpid(child, nil, 0)
  }
}

import Glibc
import InMemoryLogging
import Logging
import Policy
import System
import Testing

@testable import Daemon

private func profile(_ name: String) -> String {
  "metadata: {name: \(name)}\nspec: {seccomp: {type: RuntimeDefault}}\n"
}

@Suite(.timeLimit(.minutes(1))) struct ProfileFollowerTests {
  private let memory = InMemoryLogHandler()

  private func follower(_ folder: String, _ library: LoadedProfiles) -> ProfileFollower {
    ProfileFollower(folder: folder, log: Logger(label: "test") { [memory] _ in memory }) { _ in library.reload() }
  }

  private func wait(for names: [String], in library: LoadedProfiles) {
    while library.names != names { usleep(10_000) }
  }

  @Test("profiles are there once it has started, and a changed folder is read again")
  func follows() throws {
    let folder = try ProfilesFolder([profile("a")])
    let library = folder.library
    follower(folder.path, library).start()
    #expect(library.names == ["a"])
    try folder.write(profile("b"), 1)
    wait(for: ["a", "b"], in: library)
  }

  @Test("a folder that is another one now, since a link on the way to it was swapped, is read and watched")
  func swapped() throws {
    let (one, two) = (try ProfilesFolder([profile("a")]), try ProfilesFolder([profile("b")]))
    let (link, next) = (one.path + ".link", one.path + ".next")
    defer { unlink(link) }
    #expect(symlink(one.path, link) == 0)
    let library = LoadedProfiles(folder: link, environment: environment)
    follower(link, library).start()
    #expect(library.names == ["a"])
    #expect(symlink(two.path, next) == 0)
    #expect(rename(next, link) == 0)
    wait(for: ["b"], in: library)
    try two.write(profile("c"), 1)
    wait(for: ["b", "c"], in: library)
  }

  @Test("files that are links into a folder that is swapped as a whole are read again")
  func swappedData() throws {
    let (one, two) = (try ProfilesFolder([profile("a")]), try ProfilesFolder([profile("b")]))
    let folder = try ProfilesFolder()
    #expect(symlink(one.path, folder.path + "/..data") == 0)
    #expect(symlink("..data/0.yaml", folder.path + "/0.yaml") == 0)
    let library = folder.library
    follower(folder.path, library).start()
    #expect(library.names == ["a"])
    #expect(symlink(two.path, folder.path + "/..next") == 0)
    #expect(rename(folder.path + "/..next", folder.path + "/..data") == 0)
    wait(for: ["b"], in: library)
  }

  @Test("a folder that comes later is read then")
  func late() throws {
    let folder = try ProfilesFolder([profile("a")])
    #expect(rename(folder.path, folder.path + ".away") == 0)
    let library = folder.library
    follower(folder.path, library).start()
    #expect(library.names == [])
    #expect(rename(folder.path + ".away", folder.path) == 0)
    wait(for: ["a"], in: library)
  }

  @Test("asked to, it reads again and says what came of it")
  func asked() throws {
    let folder = try ProfilesFolder([profile("a")])
    let library = folder.library
    let follower = follower(folder.path, library)
    follower.start()
    follower.readAgain()
    while memory.entries.isEmpty { usleep(10_000) }
    #expect(memory.entries.map { "\($0.level) \($0.message)" } == ["info the profiles were read again"])
    #expect(memory.entries[0].metadata["problems"] == "0")
  }

  @Test("one that is stopped reads no more, and says that it has ended")
  func stops() throws {
    let folder = try ProfilesFolder([profile("a")])
    let library = folder.library
    let follower = follower(folder.path, library)
    follower.start()
    #expect(follower.stop(milliseconds: 30_000))
    try folder.write(profile("b"), 1)
    follower.readAgain()
    #expect(library.names == ["a"])
    #expect(memory.entries.isEmpty)
  }

  @Test("a disk that hangs is waited for, but not long, and until it answers a profile is refused with the reason")
  func hanging() throws {
    let folder = try ProfilesFolder([profile("a")])
    let library = folder.library
    let answers = Monitor(false)
    let follower = ProfileFollower(folder: folder.path, log: Logger(label: "test") { [memory] _ in memory }) { _ in
      answers.wait { $0 }
      return library.reload()
    }
    let isLate = Monitor(0)
    follower.start(patienceMilliseconds: 10) { isLate.withLock { $0 += 1 } }
    #expect(memory.entries.map(\.level) == [.error])
    let error = #expect(throws: Refusal.self) { try library.profile(named: "a") }
    #expect(error?.description == "profile \"a\": \(folder.path) is not read yet; look at the disk that it is on")
    #expect(isLate.withLock { $0 } == 0)
    #expect(!follower.stop(milliseconds: 10), "at the end the disk is not waited for")
    answers.withLock { $0 = true }
    isLate.wait { $0 == 1 }
    #expect(library.names == ["a"])
  }
}

import Daemon
import Glibc
import Testing

@Suite(.timeLimit(.minutes(1))) struct FolderWatchTests {
  @Test("a file that is written, or moved there, is a change, and the watch goes on")
  func changes() throws {
    let folder = try ProfilesFolder()
    let watch = try FolderWatch(folder.path)
    try folder.write("a")
    #expect(try watch.wait())
    #expect(rename("\(folder.path)/0.yaml", "\(folder.path)/1.yaml") == 0)
    #expect(try watch.wait())
  }

  @Test("the watch ends when its folder is taken away")
  func removed() throws {
    let folder = try ProfilesFolder()
    let watch = try FolderWatch(folder.path)
    rmdir(folder.path)
    #expect(try !watch.wait())
  }

  @Test("the watch ends when another folder may take its place")
  func moved() throws {
    let folder = try ProfilesFolder()
    let watch = try FolderWatch(folder.path)
    #expect(rename(folder.path, folder.path + ".old") == 0)
    #expect(try !watch.wait())
    rmdir(folder.path + ".old")
  }
}

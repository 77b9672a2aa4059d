import System
import Testing

struct MountInfoTests {
  @Test("a line of mountinfo has the mount, its place and its file system")
  func line() {
    let text = """
      36 35 98:1048575 /mnt1 /mnt2/a\\040b rw,noatime master:1 - ext3 /dev/root rw,errors=continue
      37 36 0:5 / / rw - proc proc rw
      """
    let found = MountInfo.all(in: text)
    #expect(found.map(\.id) == [36, 37])
    #expect(found.map(\.device) == [98 << 20 | 1_048_575, 5])
    #expect(found.map(\.root) == ["/mnt1", "/"] && found.map(\.point) == ["/mnt2/a b", "/"])
    #expect(found.map(\.type) == ["ext3", "proc"])
    #expect(found[0].superOptions == ["rw", "errors=continue"])
  }

  @Test(
    "folders of an overlay can be renamed where redirect_dir is on, which is shown if it is not the default",
    arguments: [
      ("rw,redirect_dir=on", false, true), ("rw", true, true), ("rw", false, false), ("rw", nil, true),
      ("rw,redirect_dir=off", true, false), ("rw,redirect_dir=nofollow", true, false),
      ("rw,redirect_dir=follow,metacopy=off", true, false), ("rw,lowerdir=/redirect_dir=on", false, false),
    ] as [(String, Bool?, Bool)])
  func redirected(options: String, isDefault: Bool?, moves: Bool) {
    let mounts = MountInfo.all(in: "36 35 0:5 / / rw - overlay overlay \(options)")
    #expect(mounts.map { $0.movesFolders(default: isDefault) } == [moves])
  }

  @Test("a source that begins with an accent hides no mount: fields are divided by bytes")
  func accent() {
    let found = MountInfo.all(in: "36 35 0:5 / /mnt rw - tmpfs \u{301}source rw,size=1k")
    #expect(found.map(\.type) == ["tmpfs"] && found.map(\.superOptions) == [["rw", "size=1k"]])
  }

  @Test("what is no line of mountinfo is passed over", arguments: ["", "36 35 98 /", "x 35 1:2 / / rw - a b c", "-"])
  func broken(_ line: String) { #expect(MountInfo.all(in: line).isEmpty) }
}

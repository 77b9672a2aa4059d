@testable import Enforcement
import Glibc
import Policy
import System
import Testing

/// What is remembered of the links of an image.
struct KnownImageTests {
  private static func layers(_ options: String, type: String = "overlay") -> KnownImages.Layers? {
    let line = "36 35 0:40 / / rw - \(type) overlay rw,\(options)"
    return MountInfo.all(in: line).first.flatMap { KnownImages.Layers($0) }
  }

  @Test("layers are known by absolute paths")
  func absolute() throws {
    let layers = try #require(Self.layers("lowerdir=/a/2/fs:/a/1/fs,upperdir=/a/3/fs,workdir=/a/3/work"))
    #expect(layers.lower == "/a/2/fs:/a/1/fs" && layers.upper == "/a/3/fs")
  }

  @Test(
    "layers that could be mistaken for others are not known",
    arguments: [
      "lowerdir=2/fs:1/fs,upperdir=3/fs", "lowerdir=/a:b,upperdir=/c", "lowerdir=/a,upperdir=c", "lowerdir=/a",
      "lowerdir=/a\\134,upperdir=/c", "upperdir=/c", "lowerdir+=/a,lowerdir+=/b,upperdir=/c", "lowerdir=,upperdir=/c",
      "lowerdir=/a,lowerdir+=/b,upperdir=/c",
    ])
  func mistaken(_ options: String) { #expect(Self.layers(options) == nil) }

  @Test("only an overlay has layers")
  func overlay() { #expect(Self.layers("lowerdir=/a,upperdir=/b", type: "tmpfs") == nil) }

  @Test("an image is looked at once for each text, and again where the container has something on the way")
  func once() throws {
    var template = Array("/tmp/stockade-upper-XXXXXX".utf8CString)
    let upper = String(cString: mkdtemp(&template))
    defer { removeTree(upper) }
    let images = KnownImages()
    let aliases = RuleAliases([RuleAlias(section: .process, rule: 0, path: "/usr/bin/x", isOfImage: true)])
    var looks = 0
    func ask(_ text: UInt64, _ lower: String, _ upper: String, tops: Set<String>? = ["bin", "usr"]) throws {
      let layers = Self.layers("lowerdir=\(lower),upperdir=\(upper)")
      let found = try images.aliases(text, layers) { () throws(EnforcementError) in
        looks += 1
        return (aliases, tops)
      }
      #expect(found == aliases)
    }
    for _ in 0..<3 { try ask(1, "/image", upper) }
    #expect(looks == 1)
    try ask(2, "/image", upper)
    try ask(1, "/other", upper)
    #expect(looks == 3)
    // What lies elsewhere changes no way.
    try Files.makeFolder(upper + "/etc")
    try ask(1, "/image", upper)
    #expect(looks == 3)
    try Files.makeFolder(upper + "/usr")
    for _ in 0..<2 { try ask(1, "/image", upper) }
    #expect(looks == 5)
    // What was found with something on the way, or not whole, or whose layer cannot be looked at, is not remembered.
    for _ in 0..<2 { try ask(3, "/image", upper) }
    for _ in 0..<2 { try ask(4, "/image", upper + "/etc", tops: nil) }
    for _ in 0..<2 { try ask(1, "/image", upper + "/none") }
    #expect(looks == 11)
  }

  @Test("roots without layers that are known are always looked at")
  func unknown() throws {
    let images = KnownImages()
    var looks = 0
    for _ in 0..<2 {
      _ = try images.aliases(1, nil) { () throws(EnforcementError) in
        looks += 1
        return (RuleAliases(), [])
      }
    }
    #expect(looks == 2)
  }
}

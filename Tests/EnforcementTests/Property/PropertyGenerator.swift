import Glibc
import Policy
import PolicyTesting

/// Random profiles, and random questions that lie close to their rules.
struct PropertyGenerator {
  var random: SplitMix
  private let paths: RandomPaths
  private let asked: [[UInt8]]

  /// How many questions of each kind a profile gets.
  static let questionsOfProfile = 150

  init(seed: UInt64) {
    random = SplitMix(state: seed)
    var paths = RandomPaths(folder: "")
    // At the longest path that a rule can have, and one byte beside it.
    let long = "d/" + String(repeating: "x", count: 255) + "/"
    paths.files += [long + String(repeating: "y", count: 253), long + String(repeating: "y", count: 252)]
    paths.directories += [long + String(repeating: "y", count: 252), "d/" + String(repeating: "x", count: 255)]
    self.paths = paths
    // At the longest path that the kernel walks, and one byte beyond.
    let longest = [4095, 4096, 4097].map { "/d/e/" + String(repeating: "z", count: $0 - 5) }
    let further = [
      "/d/e/f/g/h", "/d/b", "/x", "/a/below", "/d/e/b/below", "/\(long)\(String(repeating: "y", count: 254))",
    ]
    asked =
      (paths.files + paths.directories.filter { !$0.isEmpty }).map { Array("/\($0)".utf8) }
      + (further + longest).map { Array($0.utf8) }
  }

  mutating func profile() -> Profile {
    var profile = Profile(name: "random", file: "random.yaml")
    profile.mode = Int.random(in: 0..<8, using: &random) == 0 ? .audit : .enforce
    profile.process = paths.process(&random)
    profile.process!.allowEntrypoint = Bool.random(using: &random)
    profile.process!.fileless = Action.allCases.randomElement(using: &random)!
    profile.fileAccess = paths.file(&random)
    profile.network.egress = RandomNetwork.section(&random)
    profile.network.ingress = RandomNetwork.section(&random)
    profile.network.bind = RandomNetwork.bind(&random)
    profile.kernelBlock = KernelSurface.allCases.filter { _ in Bool.random(using: &random) }
    profile.socketFamilies = [nil, [], Set(SocketFamily.allCases.filter { _ in Bool.random(using: &random) })]
      .randomElement(using: &random)!
    return profile
  }

  mutating func question() -> PropertyQuestion {
    PropertyQuestion(what: what(), inAudit: Int.random(in: 0..<8, using: &random) == 0)
  }

  private mutating func what() -> PropertyCase {
    switch Int.random(in: 0..<20, using: &random) {
    case 0..<6: .exec(image(), arguments: arguments())
    case 6..<8: .map(image())
    case 8..<13:
      .file(
        path: asked.randomElement(using: &random)!, RandomPaths.accesses.randomElement(using: &random)!,
        FileReach.allCases.randomElement(using: &random)!)
    case 13..<15: .egress(peer())
    case 15..<17: .ingress(peer())
    case 17:
      .bind(
        port: RandomNetwork.ports.dropFirst().randomElement(using: &random)!,
        Bool.random(using: &random) ? .tcp : .udp)
    case 18: .kernel(KernelSurface.allCases.filter { _ in Int.random(in: 0..<4, using: &random) == 0 })
    default: .family(UInt8.random(in: 1...70, using: &random))
    }
  }

  private mutating func image() -> PropertyCase.Image {
    var image = PropertyCase.Image(path: asked.randomElement(using: &random)!)
    image.isNew = Bool.random(using: &random)
    image.isFileless = Int.random(in: 0..<10, using: &random) == 0
    // An exec is one of the two at most.
    let exception = Int.random(in: 0..<6, using: &random)
    (image.isEntrypoint, image.isRunByEnv) = (exception == 0, exception == 1)
    return image
  }

  private mutating func arguments() -> [[UInt8]] {
    var words = (0..<Int.random(in: 1...4, using: &random)).map { _ in
      Array(paths.words.randomElement(using: &random)!.utf8)
    }
    guard Int.random(in: 0..<16, using: &random) == 0 else { return words }
    // At the most bytes that are looked at, with their NULs, and around it.
    let rest = words.reduce(0) { $0 + $1.count + 1 }
    let total = PathRule.argumentsMaxBytes + Int.random(in: -1...1, using: &random)
    words.append([UInt8](repeating: UInt8(ascii: "x"), count: total - rest - 1))
    return words
  }

  private mutating func peer() -> PropertyCase.Peer {
    var address = RandomNetwork.addresses.randomElement(using: &random)!
    // IPv4 that is written as IPv6.
    if address.count == 4, Int.random(in: 0..<4, using: &random) == 0 {
      address = [UInt8](repeating: 0, count: 10) + [0xff, 0xff] + address
    }
    return PropertyCase.Peer(
      address: address, port: RandomNetwork.ports.randomElement(using: &random)!,
      transport: RandomNetwork.transports.randomElement(using: &random)!.0)
  }
}

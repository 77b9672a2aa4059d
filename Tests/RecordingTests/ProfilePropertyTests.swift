import Compilation
import Policy
import PolicyTesting
import Testing

@testable import Recording
@testable import Seccomp

/// What holds for the profile of any recording, a hostile one too.
@Suite struct ProfilePropertyTests {
  private static let cases = 200

  private func each(_ check: (Recording, RecordedProfile, inout SplitMix) throws -> Void) rethrows {
    var random = SplitMix(state: 2026)
    for _ in 0..<Self.cases {
      let recording = RandomRecording.recording(&random)
      var options = RecordedProfile.Options()
      options.tier = [nil, Tier.signal, .lsm].randomElement(using: &random)!
      options.hasArguments = .random(using: &random)
      options.showsCounts = .random(using: &random)
      try check(recording, RecordedProfile(of: [recording], options), &random)
    }
  }

  @Test("it loads as it was made, fits the kernel's tables, and gives the same bytes again")
  func loads() throws {
    try each { recording, made, _ in
      let profile = try RecordedProfileTests.load(made.text)
      #expect(profile.process?.rules.map(\.path) == made.profile.process?.rules.map(\.path))
      #expect(profile.process?.allowEntrypoint == made.profile.process?.allowEntrypoint)
      #expect(profile.fileAccess?.rules.map(\.matchedBytes) == made.profile.fileAccess?.rules.map(\.matchedBytes))
      #expect(profile.kernelBlock == made.profile.kernelBlock)
      #expect(profile.socketFamilies == made.profile.socketFamilies)
      #expect(PolicyCompiler.problems(of: profile) == [])
      let problems = profile.seccomp.map {
        Seccomp.problems(
          of: $0, profilesFolder: "/", mode: .enforce, demands: FilterDemands(of: profile),
          environment: RecordedProfileTests.environment)
      }
      #expect(problems ?? [] == [])
      #expect(RecordedProfile(of: [recording]).text == RecordedProfile(of: [recording]).text)
    }
  }

  @Test("everything that was done is allowed, but for what the profile says that it leaves out")
  func allows() throws {
    try each { recording, made, _ in
      let test = try ProfileTest(
        try RecordedProfileTests.load(made.text), folder: "/", [recording], tier: made.tier,
        RecordedProfileTests.environment)
      // Each operation that is left out may be several: of one path both accesses, of one port several peers.
      if made.leftOut.isEmpty, !recording.families.isEmpty { #expect(test.denied.map(\.operation.text) == []) }
      for denied in test.denied {
        // Of a call for sockets that made none, no family is known.
        let isIdle = recording.families.isEmpty && denied.operation.text.hasPrefix("syscall socket ")
        #expect(isIdle || Self.mayBeLeftOut(denied.operation), "\(denied.operation.text)")
      }
    }
  }

  /// What no rule can name without naming more.
  private static func mayBeLeftOut(_ operation: Operation) -> Bool {
    func isUnnameable(_ path: [UInt8]) -> Bool { NamedPath(path).text(isDirectory: false) == nil }
    return switch operation {
    case .exec(let exec): isUnnameable(exec.file.path)
    case .mapping(let file): isUnnameable(file.path)
    case .file(let use): isUnnameable(use.path)
    case .connection(let connection): !connection.port.hasRule
    case .bind(let port): !port.hasRule
    case .surface, .socket: false
    case .syscall(_, let name): name == "no_such_call"
    }
  }

  @Test("no program runs that was not run, and no secret opens a folder")
  func programs() {
    each { recording, made, _ in
      guard made.profile.process != nil else { return }
      let run = Set(recording.execs.keys.map(\.file.path) + recording.mappings.keys.map(\.file.path))
      for path in ["/bin/sh", "/tmp/evil", "/data/a\nb", "/usr/lib/x/y/z", "/etc/app/a"]
      where !run.contains(Array(path.utf8)) {
        #expect(made.profile.decideExec(path: path).action == .block, "\(path)")
        #expect(made.profile.decideExec(path: path, isNew: true).action == .block, "\(path)")
      }
    }
  }

  private static let secrets = [
    "/run/secrets/other", "/run/secrets/kubernetes.io/serviceaccount/other", "/etc/shadow", "/home/u/.ssh/id_rsa",
    "/home/v/x", "/root/x", "/data/secrets/other", "/etc/other",
  ]

  @Test("a secret that was not used is not opened, whatever else was used")
  func secrets() {
    each { recording, made, _ in
      guard made.profile.fileAccess != nil else { return }
      // A secret in a folder that nothing marked as one falls under the folder's rule.
      let isMarked = recording.files.keys.contains { $0.path.starts(with: "/data/secrets/".utf8) }
      for path in Self.secrets where isMarked || !path.hasPrefix("/data") {
        for access in Access.allCases where recording.files[.init(path: Array(path.utf8), access: access)] == nil {
          #expect(made.profile.decideFile(path: path, access: [access]).action == .block, "\(access) \(path)")
        }
      }
    }
  }

  @Test("a file that was not used is allowed only where a stated rule opens its folder")
  func files() {
    each { recording, made, random in
      guard let section = made.profile.fileAccess else { return }
      for use in recording.files.keys {
        for probe in Self.near(use.path, &random) {
          for access in Access.allCases where recording.files[.init(path: probe, access: access)] == nil {
            guard made.profile.decideFile(path: probe, access: [access]).action != .block else { continue }
            let rule = section.rules.deciding(probe, access: access).map { section.rules[$0] }
            #expect(rule.map { Self.isStated($0, access, recording) } == true, "\(ByteText.written(probe))")
          }
        }
      }
    }
  }

  /// The file's neighbours, what would lie in it, and its folders with their neighbours.
  private static func near(_ path: [UInt8], _ random: inout SplitMix) -> [[UInt8]] {
    let names = NamedPath(path)
    let other = Array("zz".utf8)
    return (1...max(1, names.names.count)).flatMap { count in
      let folder = names.first(count - 1)
      return [
        folder.bytes, NamedPath(names: folder.names + [other]).bytes,
        NamedPath(names: folder.names + [other, other]).bytes,
      ]
    } + [NamedPath(names: names.names + [other]).bytes]
  }

  /// The stated rules once more, in other words: which uses open a folder.
  private static func isStated(_ rule: PathRule, _ access: Access, _ recording: Recording) -> Bool {
    let folder = NamedPath(rule.path)
    let written = Set(recording.files.keys.filter { $0.access == .write }.map(\.path))
    let isDevice = ["/dev/", "/proc/", "/sys/"].contains { rule.path.hasPrefix($0) && !rule.path.hasPrefix("/dev/shm") }
    guard rule.isDirectory else {
      // What is written is read, and the folder in which it lies.
      return access == .read && !isDevice
        && written.contains { NamedPath($0).isAtOrIn(folder) && !SecretPath.matches(NamedPath($0)) }
    }
    let inside = Set(
      recording.files.keys.filter { use in
        let isReadBack = access == .read && !isDevice && !SecretPath.matches(NamedPath(use.path))
        return use.access == access || use.access == .write && isReadBack
      }.map { NamedPath($0.path) }
    )
    .filter { $0.isAtOrIn(folder) && $0 != folder }
    if rule.recursive {
      let tails = inside.map { $0.names.dropFirst(folder.names.count) }
      let subfolders = Set(tails.filter { $0.count > 1 }.map { $0.first! })
      return ["/proc", "/tmp", "/var/tmp", "/dev/shm"].contains(rule.path) && !tails.isEmpty
        || access == .read && SoftwareFolders.folders.contains(folder) && !tails.isEmpty
        || subfolders.count > Siblings.max || subfolders.contains(where: VolatileName.matchesFolder)
        || inside.contains { $0.text(isDirectory: false) == nil }
    }
    let files = inside.filter { $0.names.count == folder.names.count + 1 }
    return files.count > Siblings.max || ["/tmp", "/var/tmp", "/dev/shm"].contains(rule.path) && !files.isEmpty
      || files.contains { file in
        let name = file.names.last!
        return file.text(isDirectory: false) == nil || VolatileName.matches(name)
          || written.contains(file.bytes) && VolatileName.matchesOwn(name)
      }
  }

  @Test("a peer that was not asked is refused, unless its port has many peers")
  func peers() {
    each { recording, made, _ in
      guard let egress = made.profile.network.egress else { return }
      let used = recording.connections.keys.filter { $0.direction == .egress }
      let ports = Set(used.map(\.port.port)).union([53])
      for port in 1...100 as ClosedRange<UInt16> where !ports.contains(port) {
        #expect(made.profile.decideEgress(address: [10, 9, 0, 1], port: port, transport: .tcp).action == .block)
      }
      #expect(made.profile.decideEgress(address: [8, 8, 8, 8], port: 0, transport: nil).action == .block)
      let open = egress.rules.filter { $0.cidr == nil }.flatMap(\.ports)
      for range in open {
        let addresses = Set(
          used.filter { $0.port.rule.transport == range.transport || $0.port.port == 53 }.map(\.address))
        #expect(addresses.count > Peers.max)
      }
    }
  }

  @Test("whatever recording can be read, its profile loads")
  func mutated() throws {
    var random = SplitMix(state: 7)
    var readable = 0
    for _ in 0..<100 {
      var broken = Array(RecordingFile.text(of: RandomRecording.recording(&random)).utf8)
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        let place = Int.random(in: 0..<broken.count, using: &random)
        switch Int.random(in: 0..<3, using: &random) {
        case 0: broken[place] = Array("/.0aA_".utf8).randomElement(using: &random)!
        case 1: broken.insert(broken[place], at: place)
        default: broken.remove(at: place)
        }
      }
      guard let recording = try? RecordingFile.parse(broken, file: "a.json") else { continue }
      readable += 1
      let profile = try RecordedProfileTests.load(RecordedProfile(of: [recording]).text)
      if let section = profile.seccomp {
        let problems = Seccomp.problems(
          of: section, profilesFolder: "/", mode: .enforce, demands: FilterDemands(of: profile),
          environment: RecordedProfileTests.environment)
        #expect(problems == [])
      }
    }
    #expect(readable > 0)
  }

  @Test("what a hostile workload does, however much, ends in a profile that loads")
  func hostile() throws {
    var recording = Recording.of()
    let deep = String(repeating: "/d", count: 2000)
    for number in 0..<20_000 {
      recording.files[.init(path: Array("/data/\(number % 97)/x\(number)\n".utf8), access: .write)] = 1
      recording.files[.init(path: Array("/etc/x\(number)".utf8), access: .read)] = 1
      recording.files[.init(path: Array("/a\(number)/b/c: {d".utf8), access: .read)] = 1
    }
    recording.files[.init(path: Array(deep.utf8), access: .read)] = 1
    let long = String(repeating: "'", count: 250)
    for number in 0..<4000 {
      recording.files[.init(path: Array("/etc/\(long)/\(long)\(number)".utf8), access: .write)] = 1
    }
    for number in 0..<200 { recording.execs[.of("/\(long)/\(number)\n")] = 1 }
    for number in 0..<4096 {
      let port = Recording.Port(transport: .udp, port: UInt16(2 * number + 1))
      let address: [UInt8] = [192, 0, UInt8(number / 64), 1]
      recording.connections[.init(direction: .egress, address: address, port: port)] = 1
    }
    recording.unseen[.capabilities] = long + long
    let made = RecordedProfile(of: [recording])
    let profile = try RecordedProfileTests.load(made.text)
    #expect(profile.fileAccess?.rules.count ?? 0 <= PathRuleParser.rulesMax)
    #expect(profile.decideFile(path: "/etc/shadow", access: [.read]).action == .block)
    #expect(PolicyCompiler.problems(of: profile) == [])
    #expect(made.text.utf8.count < 1 << 20)
  }
}

import Policy
import PolicyTesting

@testable import Recording

/// Random recordings of a workload that may be hostile.
enum RandomRecording {
  private static let folders = [
    "", "/etc", "/etc/app", "/etc/app/conf.d", "/home", "/home/u", "/home/u/.ssh", "/root", "/run", "/run/secrets",
    "/run/secrets/kubernetes.io/serviceaccount", "/var/lib/app", "/var/lib/app/base/5", "/var/log/app", "/usr/lib/x/y",
    "/usr/share", "/usr/local/tomcat/logs", "/proc", "/proc/17", "/proc/17/task/18", "/proc/sys/net", "/tmp",
    "/tmp/a/b",
    "/data", "/data/2026-01-31", "/data/secrets", "/srv/www/a", "/dev", "/dev/shm", "/opt/shop-1.2.3/lib", "/a\n- b",
  ]
  private static let names =
    [
      "a", "b", "c", "d", "e", "f", "g", "h", "app.log", "app.pid", "tmpx8Kq2P", "17", "deadbeef01", "token", "tls.key",
      "a\nb", "*", "a: b", "'", "\"", "#", " ", "ä", "a\u{308}", "- x", "\\", "{{", "\u{2028}",
    ].map { Array($0.utf8) } + [[0xff, 0xfe], [0x80], Array(repeating: UInt8(ascii: "x"), count: 255)]

  static func recording(_ random: inout SplitMix) -> Recording {
    var recording = Recording(
      workload: one(["web", "a\nb", "\\x", "shop/web-0 \u{202e}web"], &random), tier: one(Tier.allCases, &random),
      beganNanoseconds: Int64.random(in: 0...4_000_000_000_000_000_000, using: &random),
      seconds: UInt64.random(in: 0...1000, using: &random))
    recording.image = one(["", "registry.example/web:1"], &random)
    recording.losses = some(["events", "records"], &random)
    for part in Recording.Part.allCases where Int.random(in: 0..<12, using: &random) == 0 {
      recording.unseen[part] = one(["no hook", ""], &random)
    }
    for _ in 0..<Int.random(in: 0..<60, using: &random) { addFacts(&recording, &random) }
    recording.surfaces = some(KernelSurface.allCases, &random)
    recording.families = some([.unix, .inet, .inet6, .netlink, .packet], &random)
    recording.capabilities = some(["CAP_CHOWN", "CAP_BPF"], &random)
    for architecture in ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"] where Int.random(in: 0..<3, using: &random) > 0 {
      recording.syscalls[architecture] = Set(
        some(["read", "clone", "clone3", "socket", "ptrace", "no_such_call", "unshare", "io_uring_setup"], &random).keys
      )
      if recording.syscalls[architecture]?.isEmpty == true { recording.syscalls[architecture] = nil }
    }
    return recording
  }

  private static func addFacts(_ recording: inout Recording, _ random: inout SplitMix) {
    let count = UInt64.random(in: 0...3, using: &random)
    let file = Recording.File(
      path: path(&random), isNew: one([true, false, false], &random), isFileless: one([true, false, false], &random))
    switch Int.random(in: 0..<8, using: &random) {
    case 0:
      let arguments: [[UInt8]]? = one([nil, [], [name(&random)], [name(&random), name(&random)]], &random)
      let exec = Recording.Exec(file: file, isEntrypoint: one([true, false], &random), arguments: arguments)
      recording.execs[exec] = count
    case 1: recording.mappings[.init(file: file)] = count
    case 2:
      let connection = Recording.Connection(
        direction: one(Recording.Direction.allCases, &random),
        address: one(
          RandomNetwork.addresses + [[127, 0, 0, 1], [UInt8](repeating: 0, count: 10) + [255, 255, 1, 2, 3, 4]], &random
        ),
        port: port(&random))
      recording.connections[connection] = count
    case 3: recording.binds[port(&random)] = count
    default: recording.files[.init(path: path(&random), access: one(Access.allCases, &random))] = count
    }
  }

  private static func port(_ random: inout SplitMix) -> Recording.Port {
    .init(
      transport: one([.tcp, .udp, .sctp, nil], &random), port: one([0, 53, 80, 81, 443, 8080, 40000, 65535], &random))
  }

  private static func path(_ random: inout SplitMix) -> [UInt8] {
    Array(one(folders, &random).utf8) + [UInt8(ascii: "/")] + name(&random)
  }

  private static func name(_ random: inout SplitMix) -> [UInt8] { one(names, &random) }

  private static func some<Value: Hashable>(_ values: [Value], _ random: inout SplitMix) -> [Value: UInt64] {
    var found: [Value: UInt64] = [:]
    for value in values where Int.random(in: 0..<3, using: &random) == 0 {
      found[value] = UInt64.random(in: 1...9, using: &random)
    }
    return found
  }

  private static func one<Value>(_ values: [Value], _ random: inout SplitMix) -> Value {
    values.randomElement(using: &random)!
  }
}

extension Recording {
  /// In few words, at tier lsm.
  static func of(_ files: [(String, Access)] = [], execs: [Exec] = []) -> Recording {
    var recording = Recording(workload: "web", tier: .lsm, beganNanoseconds: 1_769_851_800_000_000_000, seconds: 60)
    for (path, access) in files { recording.files[.init(path: Array(path.utf8), access: access)] = 1 }
    for exec in execs { recording.execs[exec] = 1 }
    return recording
  }
}

extension Recording.Exec {
  static func of(
    _ path: String, isNew: Bool = false, isFileless: Bool = false, isEntrypoint: Bool = false,
    _ arguments: [String]? = nil
  ) -> Self {
    Self(
      file: .init(path: Array(path.utf8), isNew: isNew, isFileless: isFileless), isEntrypoint: isEntrypoint,
      arguments: arguments.map { $0.map { Array($0.utf8) } })
  }
}

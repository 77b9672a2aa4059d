import Policy
import System
import Testing

@testable import Seccomp

@Test func byHand() throws {
  for (file, arch) in [("docker.json", Architecture.x86_64), ("docker.json", .aarch64), ("docker.min.json", .x86_64)] {
    let clock = ContinuousClock()
    var r: ResolvedSeccomp?
    let t = try clock.measure {
      r = try resolve(
        SeccompSection(source: .localhost(file), location: here), profilesFolder: "/tmp/scp", mode: .enforce,
        environment: environment(architecture: arch))
    }
    print(file, arch, t, try program(r!, arch).count, r!.notes.joined(separator: "\n   "))
    let d = try program(try runtimeDefault(environment(architecture: arch)), arch)
    let p = try program(r!, arch)
    for a in [arch.ociName] + arch.compatible {
      for n in SyscallNames.all().sorted() {
        if d.decide(n, on: a) != p.decide(n, on: a) {
          print(a, n, String(describing: p.decide(n, on: a)), String(describing: d.decide(n, on: a)))
        }
      }
    }
  }
  let clock = ContinuousClock()
  print("default", try clock.measure { _ = try runtimeDefault(intel) })
}

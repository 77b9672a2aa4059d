import Policy
import PolicyTesting
import Testing

@Suite struct RecordedProfileTests {
  private static func profile(_ change: (inout Profile) -> Void) -> Profile {
    var profile = Profile(name: "web", file: "web.yaml")
    change(&profile)
    return profile
  }

  private static let profiles = [
    profile { _ in },
    profile {
      $0.process = .section(.block, .path("/bin/a", .allow), .directory("/bin", .audit), allowEntrypoint: true)
    },
    profile { $0.process = .section(.allow, .path("/bin/a", .block), new: nil, fileless: .block) },
    profile {
      $0.process = .section(
        .block,
        .path(
          "/bin/a", .allow, ArgumentRule(kind: .equals, text: "x", index: nil, action: .block),
          ArgumentRule(kind: .equals, text: "y", index: nil, action: .allow)), new: .audit)
    },
    profile {
      var file = FileSection()
      file.rules = [.path("/bin/a", .block), .directory("/bin", .allow, recursive: true)]
      $0.fileAccess = file
      $0.network.egress = .section(.block, .rule(.allow, "10.0.0.0/8", tcp: 80...80), .rule(.audit, "10.1.0.0/16"))
      $0.network.ingress = .section(.allow, .rule(.block, nil, tcp: 22...22))
    },
  ]

  private func raised(_ action: Action) -> Action { max(action, .audit) }

  @Test("what a profile blocks is blocked while it is recorded, and everything else is audited", arguments: profiles)
  func decisions(_ profile: Profile) {
    let recorded = profile.recorded
    for path in ["/bin/a", "/bin/b", "/etc/c"] {
      for (isNew, isFileless) in [(false, false), (true, false), (false, true)] {
        for arguments in [["a"], ["a", "x"], ["a", "y"]] {
          let before = profile.decideExec(path: path, isNew: isNew, isFileless: isFileless, arguments: arguments)
          let after = recorded.decideExec(path: path, isNew: isNew, isFileless: isFileless, arguments: arguments)
          #expect(after.action == raised(before.action), "\(path) new \(isNew) fileless \(isFileless) \(arguments)")
        }
      }
      for access in [Set([Access.read]), [.write], [.read, .write]] {
        for reach in FileReach.allCases {
          let before = profile.decideFile(path: path, access: access, reach: reach)
          let after = recorded.decideFile(path: path, access: access, reach: reach)
          #expect(after.action == raised(before.action), "\(path) \(access) \(reach)")
        }
      }
    }
  }

  @Test("a new library that may be mapped is told, and one of the image is not")
  func mappings() {
    let recorded = Self.profile { _ in }.recorded
    #expect(recorded.decideMapping(path: "/tmp/x.so", isNew: true).action == .audit)
    #expect(recorded.decideMapping(path: "/lib/x.so").action == .allow)
  }

  @Test("a network section that is missing audits, and its rules keep their numbers", arguments: profiles)
  func network(_ profile: Profile) {
    let (before, after) = (profile.network, profile.recorded.network)
    for (section, recorded) in [(before.egress, after.egress), (before.ingress, after.ingress)] {
      #expect(recorded?.defaultAction == raised(section?.defaultAction ?? .allow))
      #expect(recorded?.rules.map(\.action) == (section?.rules ?? []).map { raised($0.action) })
      #expect(recorded?.rules.map(\.cidr) == (section?.rules ?? []).map(\.cidr))
    }
  }

  @Test("in mode Audit nothing is blocked while the container is recorded")
  func auditMode() {
    var profile = Self.profiles[2]
    profile.mode = .audit
    #expect(profile.applyingMode().recorded.decideExec(path: "/bin/a").action == .audit)
  }

  @Test("a container without a profile is recorded under one that denies nothing, other containers' traces included")
  func unconfined() {
    let profile = Profile.ofUnconfined
    #expect(profile.recorded.decideExec(path: "/bin/a", isNew: true).action == .audit)
    #expect(profile.effectOnOtherContainers == .allow)
  }
}

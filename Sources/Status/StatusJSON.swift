import System

// What commands print for programs. docs/operating.md lists the members.

extension NodeStatus {
  package var json: JSON {
    .object([
      ("protected", .bool(isProtected)), ("problems", .array(problems.map { .string($0) })),
      ("version", .string(version)), ("instance", .string(instance)),
      ("startTime", .string(Self.time(startNanoseconds))), ("mode", .string(mode.rawValue)),
      (
        "tier",
        .object([
          ("claimed", .string(tier.claimed)), ("proved", .string(tier.proved)), ("reason", .string(tier.reason)),
          ("networkProblem", .string(tier.networkProblem)),
        ])
      ),
      (
        "runtime",
        .object([
          ("connected", .bool(runtime.isConnected)), ("name", .string(runtime.name)),
          ("version", .string(runtime.version)), ("nriVersion", .string(runtime.nriVersion)),
          ("seccomp", .string(runtime.seccomp)),
        ])
      ),
      (
        "nodeGate",
        .object([
          ("wanted", .bool(nodeGate.isWanted)), ("closed", .bool(nodeGate.isClosed)),
          ("openUntil", nodeGate.openUntilNanoseconds.map { .string(Self.time($0)) } ?? .null),
        ])
      ),
      (
        "containers",
        .array(
          containers.map {
            .object([
              ("profile", .string($0.profile)), ("state", .string($0.state.rawValue)),
              ("count", .integer(Int64($0.count))),
            ])
          })
      ),
      ("losses", .object(losses.map { ($0.name, .unsigned($0.count)) })),
      ("misses", .object(misses.map { ($0.name, .unsigned($0.count)) })),
      ("audits", .array(audits.map(\.json))),
      (
        "tables",
        .array(
          tables.map {
            .object([("name", .string($0.name)), ("count", .unsigned($0.count)), ("limit", .unsigned($0.limit))])
          })
      ),
      (
        "profiles",
        .object([
          ("read", .bool(profiles.areRead)), ("count", .integer(Int64(profiles.count))),
          ("problems", .array(profiles.problems.map { .string($0) })),
        ])
      ),
    ])
  }

  fileprivate static func time(_ nanoseconds: Int64) -> String { Timestamp.rfc3339(nanoseconds: nanoseconds) }
}

extension ContainerStatus {
  package var json: JSON { .object(members) }

  fileprivate var members: [(String, JSON)] {
    [
      ("id", .string(id)), ("name", .string(name)), ("namespace", .string(podNamespace)), ("pod", .string(podName)),
      ("podUid", .string(podUID)), ("image", .string(image)), ("profile", .string(profile)),
      ("state", .string(state.rawValue)), ("cgroupId", .unsigned(cgroupID)),
      ("auditedUntil", auditedUntilNanoseconds.map { .string(NodeStatus.time($0)) } ?? .null),
      ("hasOlderText", .bool(hasOlderText)),
    ]
  }
}

extension ContainerDetails {
  package var json: JSON { .object(container.members + [("gaps", .array(gaps.map { .string($0) }))]) }
}

extension AuditStatus {
  package var json: JSON {
    .object([
      ("scope", .string(scope)), ("subject", .string(subject)), ("until", .string(NodeStatus.time(untilNanoseconds))),
      ("reason", .string(reason)), ("callerUid", .unsigned(UInt64(callerUID))),
      ("callerPid", .integer(Int64(callerPID))),
      ("containerIds", .array(containerIDs.map { .string($0) })),
    ])
  }
}

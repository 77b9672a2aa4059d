import BPF

/// The part of a profile that an event is about.
package enum EventSection: String, CaseIterable, Sendable {
  case process, file, network, kernel, seccomp
  /// No part of a profile: Stockade itself.
  case node
}

extension Event {
  package var section: EventSection {
    switch self {
    case .record(let record): record.kind.section
    case .lost, .tierLowered, .tampered, .nodeGate, .idle, .audit: .node
    }
  }

  /// The event's `kind` in records and documents.
  package var kind: String {
    switch self {
    case .record(let record): record.kind.rawValue
    case .lost: "dropped"
    case .tierLowered: "tierLowered"
    case .tampered: "tampered"
    case .nodeGate: "nodeGate"
    case .idle: "idle"
    case .audit: "audit"
    }
  }
}

extension KernelEvent.Kind {
  package var section: EventSection {
    switch self {
    case .exec, .map, .left, .trace: .process
    case .file: .file
    case .connect, .sendmsg, .bind, .egress, .ingress, .socket: .network
    case .kernel: .kernel
    case .syscall: .seccomp
    case .protected: .node
    }
  }
}

extension KernelEvent.Effect {
  /// What the profile says, in records and documents.
  package var action: String { self == .audited ? "Audit" : "Block" }
}

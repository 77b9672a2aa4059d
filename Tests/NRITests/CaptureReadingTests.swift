import Glibc
import Testing

@testable import NRI
@testable import TTRPC

@Suite("reading the recordings' bytes")
struct CaptureReadingTests {
  /// A message, where it ends in the stream, and the decoder there.
  private struct Milestone {
    let end: Int
    let message: TrunkDecoder.Received
    let decoder: TrunkDecoder
  }

  @Test("cut in two at any byte, the stream gives the same messages", arguments: Capture.small)
  func splitEverywhere(_ capture: Capture) throws {
    let bytes = capture.bytes(of: .runtime)
    let milestones = try milestones(bytes)
    #expect(areSame(milestones.map(\.message), try capture.messages(of: .runtime)))
    var decoder = TrunkDecoder()
    var position = 0
    for milestone in milestones {
      while position < milestone.end {
        // What comes after the milestone depends on the decoder's state alone.
        var cut = decoder
        let messages = try cut.receive(bytes[position..<milestone.end])
        let isSame = areSame(messages, [milestone.message]) && cut == milestone.decoder
        try #require(isSame, "cut at byte \(position)")
        _ = try decoder.receive(bytes[position...position])
        position += 1
      }
    }
    #expect(position == bytes.count)
    try decoder.finish()
  }

  /// Between the headers of its frames of 4 MB lie the same bytes over and over: there it is cut at some.
  @Test("cut in two near any header, the split Synchronize gives the same messages")
  func splitSynchronize() throws {
    let bytes = Capture.split.bytes(of: .runtime)
    let whole = try Capture.split.messages(of: .runtime)
    for position in cuts(of: bytes) {
      var decoder = TrunkDecoder()
      let messages = try decoder.receive(bytes[..<position]) + decoder.receive(bytes[position...])
      let isSame = areSame(messages, whole)
      try #require(isSame, "cut at byte \(position)")
      try decoder.finish()
    }
  }

  @Test("what the session is told has the strings of the recording", arguments: Capture.all)
  func readsStrings(_ capture: Capture) throws {
    let containers = try capture.calls().flatMap { call -> [Container] in
      switch call.call {
      case .synchronize(_, let containers, _): containers
      case .containerEvent(_, _, let container): [container]
      default: []
      }
    }
    #expect(!containers.isEmpty)
    for container in containers {
      #expect(container.id.count == 64)
      #expect(container.cgroupsPath.contains(container.id))
      #expect(!container.arguments.isEmpty)
    }
  }

  /// In each of these sessions one container has RuntimeDefault, and the others have nothing.
  @Test(
    "what the pod asks for is told from containerd 2.2.7 on, and its filter from 2.3.4 on",
    arguments: [
      ("full-1.7.24", false, false), ("full-2.1.9", false, false), ("full-2.2.7", true, false),
      ("full-2.3.4", true, true), ("validator-2.3.4", true, true),
    ])
  func readsSeccomp(name: String, tellsProfile: Bool, tellsFilter: Bool) throws {
    let created = try Capture(name: "\(name).cap").calls().compactMap { call -> Container? in
      if case .containerEvent(.createContainer, _, let container) = call.call { container } else { nil }
    }
    #expect(created.count == 4)
    let asking = created.filter { $0.name == "capctr" }
    #expect(asking.map(\.seccompProfile) == [tellsProfile ? SecurityProfile(.runtimeDefault) : nil])
    #expect(asking.map { $0.seccompPolicy?.defaultAction } == [tellsFilter ? "SCMP_ACT_ERRNO" : nil])
    for container in created where container.name != "capctr" {
      #expect(container.seccompProfile == nil && container.seccompPolicy == nil)
    }
  }

  /// Bodies by memcmp: `==` of arrays takes a call for each byte in a debug build.
  private func areSame(_ some: [TrunkDecoder.Received], _ others: [TrunkDecoder.Received]) -> Bool {
    some.count == others.count
      && zip(some, others).allSatisfy { one, other in
        let (body, otherBody) = (one.message.body, other.message.body)
        return one.connection == other.connection && one.message.header == other.message.header
          && body.count == otherBody.count && memcmp(body, otherBody, body.count) == 0
      }
  }

  private func milestones(_ bytes: [UInt8]) throws -> [Milestone] {
    var decoder = TrunkDecoder()
    return try bytes.indices.flatMap { index in
      try decoder.receive(bytes[index...index]).map { Milestone(end: index + 1, message: $0, decoder: decoder) }
    }
  }

  private func cuts(of bytes: [UInt8]) -> [Int] {
    let (near, stride) = (Frame.headerLength + MessageHeader.length + 2, 32749)
    var cuts = Set(Swift.stride(from: 0, through: bytes.count, by: stride))
    var header = 0
    while header < bytes.count {
      cuts.formUnion(max(0, header - 2)...min(header + near, bytes.count))
      header += Frame.headerLength + bytes[header + 4..<header + 8].reduce(0) { $0 << 8 | Int($1) }
    }
    return cuts.sorted()
  }
}

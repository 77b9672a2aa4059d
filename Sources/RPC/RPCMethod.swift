import Glibc

/// Who calls: the process at the other end when it connected, by the kernel's word.
package struct RPCPeer: Equatable, Sendable {
  package var uid: UInt32
  package var pid: Int32
  /// The user who logged in, whoever they have become since; nil: nobody did. `loginuid` of proc(5).
  package var loginUID: UInt32?

  package init(uid: UInt32, pid: Int32, loginUID: UInt32? = nil) {
    (self.uid, self.pid, self.loginUID) = (uid, pid, loginUID)
  }
}

/// A method that a server has. Requests and answers are messages' bytes.
package struct RPCMethod: Sendable {
  package typealias Answer = @Sendable (_ request: [UInt8], RPCPeer) throws(RPCStatus) -> [UInt8]

  /// Calls of one lane are answered one after the other.
  package enum Lane: Sendable {
    case reading, changing
    /// What may wait for a disk.
    case slow
  }

  enum Kind: Sendable {
    case unary(Lane, Answer)
    case stream(@Sendable (_ request: [UInt8], RPCPeer, RPCStream) throws(RPCStatus) -> Void)
    case dialogue(Answer)
  }

  /// As it stands in a request: `/package.Service/Method`.
  package let name: String
  let kind: Kind

  /// One request, one answer.
  package static func unary(_ name: String, _ lane: Lane = .reading, _ answer: @escaping Answer) -> Self {
    Self(name: name, kind: .unary(lane, answer))
  }

  /// One request, many answers. `begin` must not wait for long. It keeps the stream for as long as answers may come; a
  /// stream that nobody keeps is finished.
  package static func stream(
    _ name: String, _ begin: @escaping @Sendable (_ request: [UInt8], RPCPeer, RPCStream) throws(RPCStatus) -> Void
  ) -> Self {
    Self(name: name, kind: .stream(begin))
  }

  /// Many requests, and one answer to each.
  package static func dialogue(_ name: String, _ answer: @escaping Answer) -> Self {
    Self(name: name, kind: .dialogue(answer))
  }
}

package enum RPCLimits {
  /// Connections at once, and those of one process.
  package static let connections = 64
  package static let connectionsOfProcess = 8
  /// A connection that has not sent HTTP/2's first bytes by then is closed.
  package static let prefaceMilliseconds = 5000
  /// A connection without a call is closed after this.
  package static let idleMinutes = 10
  package static let requestMaxBytes = 64 << 10
  package static let answerMaxBytes = 1 << 20
  package static let metadataMaxBytes = 16 << 10
  /// Calls at once on one connection, and streams on all of them.
  package static let callsOfConnection = 128
  package static let streams = 128
  /// Unary calls that wait for their turn.
  package static let waitingCalls = 64
  /// A client that takes nothing for so long loses its stream and its connection.
  package static let sendMilliseconds = 10_000
  /// A client that begins more calls than this in a second is cut off.
  package static let callsPerSecond = 2000
}

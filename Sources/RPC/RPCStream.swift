import CGRPC
import Glibc
import System

/// The answers of one call, one after the other. Any thread may send.
package final class RPCStream: Sendable {
  private let call: ServerCall
  private let cut: @Sendable () -> Void

  /// - Parameter cut: ends the connection of a client that takes nothing.
  init(_ call: ServerCall, cut: @escaping @Sendable () -> Void) { (self.call, self.cut) = (call, cut) }

  deinit { call.finish(.ok) }

  /// Whether nobody waits for answers any more.
  package var isOver: Bool { call.isOver }

  /// Calls `act` once, when the call is over, however it ends. If it is over, at once.
  package func whenOver(_ act: @escaping @Sendable () -> Void) { call.whenOver(act) }

  /// Sends an answer, and waits until it is on its way. So a client that reads slowly holds up the caller. A client
  /// that takes nothing at all is cut off.
  ///
  /// - Returns: false: the call is over.
  @discardableResult
  package func send(_ bytes: [UInt8]) -> Bool {
    if call.isOver { return false }
    let outcome = Monitor<Bool?>(nil)
    call.send(bytes) { isSent in outcome.withLock { $0 = isSent } }
    if outcome.wait(milliseconds: RPCLimits.sendMilliseconds, until: { $0 != nil }) {
      return outcome.read { $0 } ?? false
    }
    call.cancel(RPCStatus(.deadlineExceeded, "nothing was read for \(RPCLimits.sendMilliseconds / 1000) s"))
    cut()
    return false
  }

  /// Sends the first answers, one after the other, and does not wait for them.
  ///
  /// - Parameter then: called when they are on their way, or the call is over. Until then nothing else may be sent.
  package func open(with answers: [[UInt8]], then: @escaping @Sendable () -> Void) {
    guard let first = answers.first else { return then() }
    call.send(first) { [self] isSent in
      if isSent { open(with: Array(answers.dropFirst()), then: then) } else { then() }
    }
  }

  /// Sends one answer, which is all that there is to say. The call goes on until the client ends it.
  package func keepOpen(with answer: [UInt8]) { open(with: [answer]) { [self] in call.whenOver { _ = self } } }

  /// Ends the call. What is sent afterwards is lost.
  package func finish(_ status: RPCStatus) { call.finish(status) }
}

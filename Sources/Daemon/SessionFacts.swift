import Keeper
import NRI
import Seccomp
import Status
import Synchronization

/// What the session with the runtime has shown, for threads beside the session's own.
package final class SessionFacts: Sendable {
  private struct State {
    var runtime = NodeStatus.RuntimeStatus()
    /// nil: the configuration can be used, or was not read yet.
    var configurationProblem: String?
    var callLimit = Heartbeat.defaultLimit
    /// How many containers that ran already could not be confined. nil: the runtime has not told what runs.
    var leftOut: Int?
    /// The profiles are read, later than the runtime was answered. Called if a container was left out.
    var whenLeftOut: (@Sendable () -> Void)?
  }
  private let state = Mutex(State())

  var runtime: NodeStatus.RuntimeStatus { state.withLock { $0.runtime } }
  var configurationProblem: String? { state.withLock { $0.configurationProblem } }

  /// How long the runtime waits for an answer.
  var callLimit: Duration { state.withLock { $0.callLimit } }

  /// The runtime has sent Configure, which is about to be answered.
  func begins(_ message: NRI.Configuration) {
    guard message.requestTimeoutMilliseconds > 0 else { return }
    state.withLock { $0.callLimit = .milliseconds(message.requestTimeoutMilliseconds) }
  }

  /// Configure is understood.
  func began(_ message: NRI.Configuration, _ support: SeccompSupport, problem: String?) {
    state.withLock { state in
      state.runtime.isConnected = true
      state.runtime.name = message.runtimeName
      state.runtime.version = message.runtimeVersion
      state.runtime.nriVersion = "\(message.nriVersion)"
      state.runtime.seccomp = "\(support)"
      state.configurationProblem = problem
    }
  }

  func ended() {
    state.withLock { state in
      state.runtime.isConnected = false
      (state.leftOut, state.whenLeftOut) = (nil, nil)
    }
  }

  /// The runtime has told what runs.
  ///
  /// - Parameter leftOut: how many of these containers get a profile and could not be confined.
  func adopted(leftOut: Int) {
    let act = state.withLock { state in
      defer { (state.leftOut, state.whenLeftOut) = (leftOut, nil) }
      return leftOut > 0 ? state.whenLeftOut : nil
    }
    act?()
  }

  /// The profiles were read only now, and containers that ran already may have been left out for that.
  ///
  /// - Parameter act: called if some were, now or once that is known.
  func profilesCameLate(_ act: @escaping @Sendable () -> Void) {
    let isNow = state.withLock { state in
      if state.leftOut == nil { state.whenLeftOut = act }
      return state.leftOut.map { $0 > 0 } ?? false
    }
    if isNow { act() }
  }
}

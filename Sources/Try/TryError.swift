import NRIRuntime
import System

/// Why a run did not come about, or not as asked. If the command itself fails, that is no error: it is the exit status.
package enum TryError: Error, Equatable, CustomStringConvertible {
  /// This machine lacks something that every run needs. The text says what, and what to do.
  case missing(String)
  case system(Errno)
  /// The plugin could not be made. The text is its own reason.
  case pluginNotMade(String)
  /// The plugin refused, or its session broke.
  case plugin(NRIRuntimeError)
  /// `--refuse` asked for this.
  case refusedOnDemand(Step)
  /// runc failed: the command that was given to it, and its message.
  case runc(command: String, message: String)
  /// The run is over, and a part of it is still there.
  case leftBehind(String)
  /// The command ran, and its recording could not be made or written.
  case notRecorded(String)

  package var description: String {
    switch self {
    case .missing(let problem), .pluginNotMade(let problem), .leftBehind(let problem),
      .notRecorded(let problem):
      problem
    case .system(let error): error.description
    case .plugin(let error): error.description
    case .refusedOnDemand(let step): "refused, as --refuse \(step.rawValue) asks"
    // runc itself has printed the message there: it shares its standard error with the container that it makes.
    case .runc("create", _): "the container was not made; runc said why"
    case .runc(let command, let message): "runc \(command): \(message)"
    }
  }

  /// The description with runc's message, for readers who do not see what runc itself prints.
  var fullDescription: String {
    guard case .runc("create", let message) = self else { return description }
    return "runc create: \(message)"
  }

  /// Whether the plugin decided it, or `--refuse` did in the plugin's place.
  var isRefusal: Bool {
    switch self {
    case .plugin, .refusedOnDemand: true
    case .missing, .system, .pluginNotMade, .runc, .leftBehind, .notRecorded: false
    }
  }

  /// What a shell would return. No command that failed in this way ever ran.
  package var exitStatus: Int32 {
    guard case .runc(_, let message) = self else { return ExitStatus.notStarted }
    return Runc.exitStatus(forMessage: message)
  }
}

/// Exit statuses of `stockade try` that are not the command's own. The numbers are docker's and the shell's.
package enum ExitStatus {
  /// A bad command line, a refusal, or a failure of runc or of this machine. The command never ran.
  package static let notStarted: Int32 = 125
  /// The command exists, but cannot be executed.
  package static let cannotExecute: Int32 = 126
  package static let commandNotFound: Int32 = 127
  /// This, plus the number of the signal that ended the command.
  package static let signalBase: Int32 = 128
}

import CBPF
import Glibc
import System

/// Whether the kernel interrupts its own code for another task. Linux skips a program behind a trampoline if another
/// task was interrupted in the same program on that CPU. For a process that can arrange that, a program that refuses is
/// no wall.
package enum Preemption: Equatable, Sendable {
  /// The kernel is interrupted only where it waits: `preempt=none` or `voluntary`.
  case cooperative
  /// `full`, `lazy`, or what could not be found out.
  case possible(String)

  package static func current() -> Preemption {
    Preemption(version: version, model: try? Files.text(modelFile))
  }

  private static let modelFile = "/sys/kernel/debug/sched/preempt"

  private static var version: String {
    var system = utsname()
    uname(&system)
    return withUnsafeBytes(of: system.version) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }

  private static func isDynamic(_ version: String) -> Bool {
    version.split(separator: " ").contains("PREEMPT_DYNAMIC")
  }

  /// - Parameters:
  ///   - version: the version of uname(2): `#1 SMP PREEMPT_DYNAMIC Debian …`.
  ///   - model: the text of debugfs, with the current model in brackets: `none (voluntary) full`; nil: it cannot be
  ///     read.
  package init(version: String, model: String?) {
    let words = version.split(separator: " ")
    if Self.isDynamic(version) {
      let current = model?.split(separator: "(").dropFirst().first?.prefix { $0 != ")" }
      switch current {
      case "none", "voluntary": self = .cooperative
      case .some(let other): self = .possible("preempt=\(other)")
      case nil: self = .possible("preempt= is not known: \(Self.modelFile) cannot be read")
      }
    } else if let model = words.first(where: { $0.hasPrefix("PREEMPT") }) {
      self = .possible(String(model))
    } else {
      self = .cooperative
    }
  }

  /// How the kernel can skip a program at a tracepoint; nil: it never does.
  ///
  /// - Parameter isInterrupted: whether the kernel interrupts such a program, whatever the model says of other code. Up
  ///   to Linux 6.19 it does not. nil: it could not be found out.
  package func tracepointProblem<Failure: Error>(_ isInterrupted: () throws(Failure) -> Bool?) throws(Failure)
    -> String?
  {
    guard case .possible(let model) = self else { return nil }
    switch try isInterrupted() {
    case false?: return nil
    case true?: return "this kernel interrupts programs at tracepoints (\(model))"
    case nil: return "whether this kernel interrupts programs at tracepoints could not be found out (\(model))"
    }
  }

  /// Whether the kernel is built for real time. Then what it does for interrupts can be made to wait.
  package static var isRealTime: Bool { version.split(separator: " ").contains("PREEMPT_RT") }

  /// How this kernel can be made to interrupt itself only where it waits; nil: it cannot be.
  package static var advice: String? { advice(model: try? Files.text(modelFile), isDynamic: isDynamic(version)) }

  /// - Parameters:
  ///   - model: of debugfs, with all models that can be chosen.
  ///   - isDynamic: the kernel was built to choose at boot.
  package static func advice(model: String?, isDynamic: Bool) -> String? {
    guard isDynamic else { return nil }
    guard let model else {
      return "mount debugfs at /sys/kernel/debug, and boot with preempt=voluntary if \(modelFile) offers it"
    }
    return model.contains("voluntary") ? "boot with preempt=voluntary" : nil
  }

  /// Whether `lsm` programs run again where another program of the same kind was interrupted: since Linux 6.2.
  package static var lsmProgramsAreNeverSkipped: Bool { stockade_kernel_has("__bpf_prog_enter_recur") == 1 }

  /// Whether a program can keep its CPU to itself for a while: since Linux 6.10. scratch.bpf.h rests on it.
  package static var canBeHeldOff: Bool { stockade_kernel_has("bpf_preempt_disable") == 1 }
}

import CSeccomp
import Policy

extension FilterProgram {
  /// What the program answers to a call; nil: the answer is none that libseccomp makes.
  ///
  /// - Parameters:
  ///   - architecture: the kernel's AUDIT_ARCH_* of the call.
  ///   - number: the call's number, with bit 30 set for x32.
  ///   - arguments: at most six; missing ones are 0.
  package func decide(architecture: UInt32, number: Int32, arguments: [UInt64] = []) -> FilterAction? {
    let data = Self.data(architecture: architecture, number: number, arguments: arguments)
    var (next, accumulator) = (0, UInt32(0))
    // Jumps only go forward, so the loop ends.
    while next < instructions.count {
      let instruction = instructions[next]
      next += 1
      switch Int32(instruction.code) {
      case BPF_LD | BPF_W | BPF_ABS:
        guard instruction.k % 4 == 0, instruction.k / 4 < UInt32(data.count) else { return nil }
        accumulator = data[Int(instruction.k / 4)]
      case BPF_ALU | BPF_AND | BPF_K: accumulator &= instruction.k
      case BPF_RET | BPF_K: return FilterAction(value: instruction.k)
      case BPF_JMP | BPF_JA: next += Int(instruction.k)
      case BPF_JMP | BPF_JEQ | BPF_K: next += instruction.skip(if: accumulator == instruction.k)
      case BPF_JMP | BPF_JGT | BPF_K: next += instruction.skip(if: accumulator > instruction.k)
      case BPF_JMP | BPF_JGE | BPF_K: next += instruction.skip(if: accumulator >= instruction.k)
      case BPF_JMP | BPF_JSET | BPF_K: next += instruction.skip(if: accumulator & instruction.k != 0)
      default: return nil
      }
    }
    return nil
  }

  /// The same by names; nil also for a call that the architecture does not have.
  package func decide(_ name: String, on architecture: String, arguments: [UInt64] = []) -> FilterAction? {
    guard let word = FilterWords.architectures.first(where: { $0.key == architecture })?.value else { return nil }
    let token = seccomp_arch_resolve_name(word)
    let number = seccomp_syscall_resolve_name_arch(token, name)
    guard number >= 0 else { return nil }
    // The kernel has no architecture of its own for x32.
    let seen = word == "x32" ? seccomp_arch_resolve_name("x86_64") : token
    return decide(architecture: seen, number: number, arguments: arguments)
  }

  /// `struct seccomp_data` in words of 32 bits: number, architecture, instruction pointer, arguments low half first.
  private static func data(architecture: UInt32, number: Int32, arguments: [UInt64]) -> [UInt32] {
    var data = [UInt32(bitPattern: number), architecture, 0, 0]
    for index in 0..<SeccompFilter.argumentsMax {
      let argument = index < arguments.count ? arguments[index] : 0
      data += [UInt32(truncatingIfNeeded: argument), UInt32(argument >> 32)]
    }
    return data
  }
}

extension sock_filter {
  fileprivate func skip(if condition: Bool) -> Int { Int(condition ? jt : jf) }
}

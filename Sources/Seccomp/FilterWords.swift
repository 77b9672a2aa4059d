import CSeccomp
import Policy
import System

/// The vocabulary of a filter beside actions and syscalls, as runc takes it.
enum FilterWords {
  /// OCI's word for an architecture, and libseccomp's word.
  static let architectures: KeyValuePairs = [
    "SCMP_ARCH_X86_64": "x86_64", "SCMP_ARCH_X86": "x86", "SCMP_ARCH_X32": "x32", "SCMP_ARCH_AARCH64": "aarch64",
    "SCMP_ARCH_ARM": "arm", "SCMP_ARCH_MIPS": "mips", "SCMP_ARCH_MIPS64": "mips64",
    "SCMP_ARCH_MIPS64N32": "mips64n32", "SCMP_ARCH_MIPSEL": "mipsel", "SCMP_ARCH_MIPSEL64": "mipsel64",
    "SCMP_ARCH_MIPSEL64N32": "mipsel64n32", "SCMP_ARCH_PPC": "ppc", "SCMP_ARCH_PPC64": "ppc64",
    "SCMP_ARCH_PPC64LE": "ppc64le", "SCMP_ARCH_S390": "s390", "SCMP_ARCH_S390X": "s390x",
    "SCMP_ARCH_RISCV64": "riscv64", "SCMP_ARCH_LOONGARCH64": "loongarch64",
  ]

  /// libseccomp treats these as 32-bit: it compares only the low half of an argument there.
  static let with32BitArguments: Set<String> = ["SCMP_ARCH_X86", "SCMP_ARCH_X32", "SCMP_ARCH_ARM"]

  /// Docker's words in `includes.arches`.
  static let goArchitectures = [
    "386", "amd64", "arm", "arm64", "loong64", "loongarch64", "mips", "mips64", "mips64n32", "mipsel", "mipsel64",
    "mipsel64n32", "mips3l64n32", "ppc", "ppc64", "ppc64le", "riscv64", "s390", "s390x", "x32", "x86",
  ]

  static let flags = ["SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW"]

  static let operators: KeyValuePairs = [
    "SCMP_CMP_NE": SCMP_CMP_NE, "SCMP_CMP_LT": SCMP_CMP_LT, "SCMP_CMP_LE": SCMP_CMP_LE, "SCMP_CMP_EQ": SCMP_CMP_EQ,
    "SCMP_CMP_GE": SCMP_CMP_GE, "SCMP_CMP_GT": SCMP_CMP_GT, "SCMP_CMP_MASKED_EQ": SCMP_CMP_MASKED_EQ,
  ]

  static let capabilities = Capabilities.names.sorted()

  /// libseccomp's token of an architecture.
  static func token(of architecture: String, at location: Location) throws(SeccompError) -> UInt32 {
    let name = try value(of: architecture, in: architectures, what: "architecture", at: location)
    let token = seccomp_arch_resolve_name(name)
    guard token != 0 else {
      throw .refused(location, "libseccomp \(SyscallNames.library) does not know \(architecture); leave it out")
    }
    return token
  }

  static func comparison(_ word: String, at location: Location) throws(SeccompError) -> scmp_compare {
    try value(of: word, in: operators, what: "operator", at: location)
  }

  static func checkFlag(_ word: String, at location: Location) throws(SeccompError) {
    if word == "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV" || word == "SECCOMP_FILTER_FLAG_NEW_LISTENER" {
      throw .refused(location, "\(word) is for filters with a listener, and there is none; leave it out")
    }
    try check(word, in: flags, what: "flag", at: location)
  }

  static func check(_ word: String, in words: [String], what: String, at location: Location) throws(SeccompError) {
    guard words.contains(word) else { throw unknown(word, in: words, what: what, at: location) }
  }

  private static func value<Value>(
    of word: String, in pairs: KeyValuePairs<String, Value>, what: String, at location: Location
  ) throws(SeccompError) -> Value {
    guard let pair = pairs.first(where: { $0.key == word }) else {
      throw unknown(word, in: pairs.map(\.key), what: what, at: location)
    }
    return pair.value
  }

  static func unknown(_ word: String, in words: [String], what: String, at location: Location) -> SeccompError {
    // `SYS_ADMIN` lacks only the prefix. No misspelling of other words comes near that.
    let whole = words.first { $0.hasSuffix("_" + word.uppercased()) } ?? word
    let otherwise = "known are \(words.joined(separator: ", "))"
    return .unknown(
      location, what: what, word: word, advice: Suggestion.advice(for: whole, among: words, otherwise: otherwise))
  }
}

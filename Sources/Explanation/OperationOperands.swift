import Policy
import Seccomp
import System
import YAML

// What stands behind the verbs of operations.

extension OperationReader {
  /// The longest path that is asked about: the kernel's PATH_MAX, and some that are longer.
  private static let pathMaxBytes = 8192

  static func path(_ text: String) throws(OperationError) -> String {
    guard text.isResolvedPath, !text.utf8.contains(0), text.utf8.count <= pathMaxBytes else {
      throw OperationError(
        "\(quoted(text)) is no path that the kernel resolved; write it from the container's root, without links, . and .."
      )
    }
    return text
  }

  static func address(_ text: String) throws(OperationError) -> [UInt8] {
    let inner = text.hasPrefix("[") && text.hasSuffix("]") ? String(text.dropFirst().dropLast()) : text
    guard let bytes = CIDR.address(inner) else { throw OperationError("\(quoted(text)) is no IP address") }
    return bytes
  }

  /// `443/tcp`, or `icmp` for what has no ports.
  static func port(_ text: String) throws(OperationError) -> Operation.Port {
    if text.lowercased() == Operation.Port.otherProtocols { return Operation.Port(0, nil) }
    let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    let transport = parts.last.flatMap { PortRule.TransportProtocol(rawValue: $0.uppercased()) }
    guard parts.count == 2, let number = UInt16(parts[0]), !parts[0].hasPrefix("+"), let transport else {
      throw OperationError("\(quoted(text)) is no port; write it like 443/tcp, 53/udp or 9/sctp, or icmp for the rest")
    }
    return Operation.Port(number, transport)
  }

  /// `10.1.2.3:443/tcp`, `[::1]:53/udp`, `10.1.2.3/icmp`
  static func endpoint(_ text: String) throws(OperationError) -> Operation.Endpoint {
    let problem = OperationError(
      "\(quoted(text)) is no destination; write it like 10.1.2.3:443/tcp, [::1]:53/udp or 10.1.2.3/icmp")
    let suffix = "/" + Operation.Port.otherProtocols
    if text.lowercased().hasSuffix(suffix) {
      return Operation.Endpoint(
        try address(String(text.dropLast(suffix.count))), try port(Operation.Port.otherProtocols))
    }
    guard let colon = text.lastIndex(of: ":") else { throw problem }
    let host = String(text[..<colon])
    // Without brackets nothing tells where an IPv6 address ends.
    guard !host.contains(":") || host.hasPrefix("[") else { throw problem }
    return Operation.Endpoint(try address(host), try port(String(text[text.index(after: colon)...])))
  }

  static func syscall(_ operands: [String]) throws(OperationError) -> Operation {
    guard let name = operands.first else { throw OperationError("syscall takes NAME [ARGUMENT...]") }
    if let problem = NamedCall.problem(name) { throw OperationError(problem) }
    guard operands.count <= 1 + SeccompFilter.argumentsMax else {
      throw OperationError("a system call has \(SeccompFilter.argumentsMax) arguments at most")
    }
    var arguments: [UInt64] = []
    for word in operands.dropFirst() { arguments.append(try number(word)) }
    return .syscall(name: name, arguments: arguments)
  }

  /// Decimal, `0x` and hexadecimal, or negative.
  private static func number(_ text: String) throws(OperationError) -> UInt64 {
    let value =
      text.hasPrefix("0x")
      ? UInt64(text.dropFirst(2), radix: 16)
      : UInt64(text) ?? Int64(text).map { UInt64(bitPattern: $0) }
    guard let value, !text.contains("+") else {
      throw OperationError("\(quoted(text)) is no argument of a system call; write a number, such as 17 or 0x8000")
    }
    return value
  }

  static func family(_ text: String) throws(OperationError) -> SocketFamily {
    guard let family = SocketFamily(word: text) else {
      throw OperationError(
        "\(quoted(text)) is no family of sockets"
          + Suggestion.advice(for: text, among: SocketFamily.words, otherwise: "docs/profile-reference.md lists them"))
    }
    return family
  }

  static func surface(_ verb: String, _ operands: [String]) throws(OperationError) -> Operation {
    guard let surface = KernelSurface(rawValue: verb) else {
      let verbs = Operation.verbs
      throw OperationError(
        "unknown operation \(quoted(verb))"
          + Suggestion.advice(for: verb, among: verbs, otherwise: "known are \(verbs.joined(separator: ", "))"))
    }
    guard operands.isEmpty else { throw OperationError("\(verb) takes nothing behind it") }
    return .surface(surface)
  }
}

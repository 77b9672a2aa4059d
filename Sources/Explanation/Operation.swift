import Policy
import YAML

/// Something that a process of a container may try, for which a profile says what becomes of it.
package enum Operation: Equatable, Sendable {
  case exec(Program, arguments: [String])
  /// A file is mapped as code: a library, or a program that a loader is told to run.
  case map(Program)
  case open(path: String, access: Set<Access>)
  case connect(Endpoint)
  /// - Parameter port: the container's.
  case accept(peer: [UInt8], Port)
  case bind(Port)
  /// A system call of the node's own architecture.
  case syscall(name: String, arguments: [UInt64])
  case surface(KernelSurface)
  case socket(SocketFamily)

  /// A file that is executed, and what the caller knows of it.
  package struct Program: Equatable, Sendable {
    /// From the container's root, fully resolved.
    package var path: String
    package var isNew = false
    package var isFileless = false
    package var isEntrypoint = false
    package var isRunByEnv = false
    /// The program that the file's `#!` line names. nil: the file is no script.
    package var interpreter: String?

    package init(path: String) { self.path = path }
  }

  package struct Port: Equatable, Sendable {
    package var number: UInt16
    /// nil: a protocol without ports that rules can name.
    package var transport: PortRule.TransportProtocol?

    package init(_ number: UInt16, _ transport: PortRule.TransportProtocol?) {
      (self.number, self.transport) = (number, transport)
    }

    package var text: String { transport.map { "\(number)/\($0.rawValue.lowercased())" } ?? Self.otherProtocols }

    /// Stands for every protocol without ports that rules can name.
    static let otherProtocols = "icmp"
  }

  package struct Endpoint: Equatable, Sendable {
    /// 4 or 16 bytes in network order.
    package var address: [UInt8]
    package var port: Port

    package init(_ address: [UInt8], _ port: Port) { (self.address, self.port) = (address, port) }
  }
}

extension Operation {
  /// The operation as the command line has it.
  package var text: String {
    switch self {
    case .exec(let program, let arguments): (["exec"] + program.words + arguments.map(printable)).joined(separator: " ")
    case .map(let program): (["map"] + program.words).joined(separator: " ")
    case .open(let path, let access): "open\(access.contains(.write) ? " to \(access.text)" : "") \(printable(path))"
    case .connect(let endpoint): "connect \(endpoint.text)"
    case .accept(let peer, let port): "accept \(CIDR.text(ofAddress: peer)) at \(port.text)"
    case .bind(let port): "bind \(port.text)"
    case .syscall(let name, let arguments):
      ([name] + arguments.map { "0x" + String($0, radix: 16) }).joined(separator: " ")
    case .surface(let surface): surface.rawValue
    case .socket(let family): "socket \(family.name)"
    }
  }
}

extension Operation.Program {
  fileprivate var words: [String] {
    let attributes: [(Bool, String)] = [
      (isNew, "new"), (isFileless, "fileless"), (isEntrypoint, "as the entrypoint"), (isRunByEnv, "run by env"),
    ]
    let known = attributes.filter(\.0).map(\.1) + (interpreter.map { ["a script of \(printable($0))"] } ?? [])
    return [printable(path)] + (known.isEmpty ? [] : ["(\(known.joined(separator: ", ")))"])
  }
}

extension Operation.Endpoint {
  fileprivate var text: String {
    let host = CIDR.text(ofAddress: address)
    guard port.transport != nil else { return "\(host)/\(Operation.Port.otherProtocols)" }
    return (address.count == 4 ? host : "[\(host)]") + ":\(port.text)"
  }
}

extension Set<Access> {
  /// `read and write`
  package var text: String {
    Access.allCases.filter(contains).map { $0.rawValue.lowercased() }.joined(separator: " and ")
  }
}

extension CIDR {
  package static func text(ofAddress address: [UInt8]) -> String {
    String(CIDR(bytes: address, prefixLength: address.count * 8).description.prefix { $0 != "/" })
  }
}

import Daemon
import System
import Testing

/// The units in config/systemd against the documents that tell how to install them.
@Suite struct UnitFileTests {
  private static let root = #filePath.split(separator: "/").dropLast(3).map { "/\($0)" }.joined()
  private static let program = "/usr/local/sbin/stockade"

  /// `Section.Key=value` of each line.
  private static func settings(of unit: String) throws -> [String] {
    var section = "", settings: [String] = []
    for line in try Files.text("\(root)/config/systemd/\(unit)").split(separator: "\n") where !line.hasPrefix("#") {
      if line.hasPrefix("["), line.hasSuffix("]") {
        section = String(line.dropFirst().dropLast())
      } else {
        settings.append("\(section).\(line)")
      }
    }
    return settings
  }

  @Test(
    "each unit is installed, with the program that it starts, by its document",
    arguments: [("stockade.service", "README.md"), ("stockade-gate.service", "docs/node-gate.md")])
  func installed(unit: String, document: String) throws {
    let text = try Files.text("\(Self.root)/\(document)")
    #expect(text.contains("install -D -m 755 build/stockade \(Self.program)\n"))
    #expect(text.contains("install -m 644 config/systemd/\(unit) /etc/systemd/system/\n"))
    #expect(text.contains("systemctl enable") && text.contains(" \(unit)\n"))
    let start = try #require(try Self.settings(of: unit).first { $0.hasPrefix("Service.ExecStart=") })
    #expect(start.hasPrefix("Service.ExecStart=\(Self.program) "))
  }

  @Test("every unit is one that a document tells of")
  func all() throws {
    #expect(
      try Files.names(in: "\(Self.root)/config/systemd").sorted() == ["stockade-gate.service", "stockade.service"])
  }

  @Test("the gate closes before the runtime and the kubelet start, once, and the runtime does not start without it")
  func gate() throws {
    let settings = try Self.settings(of: "stockade-gate.service")
    let needed = [
      "Unit.Before=containerd.service kubelet.service", "Service.Type=oneshot", "Service.RemainAfterExit=yes",
      "Service.ExecStart=\(Self.program) gate close", "Install.RequiredBy=containerd.service",
      "Unit.RequiresMountsFor=/sys/fs/bpf /usr/local/sbin /etc/stockade",
    ]
    for setting in needed { #expect(settings.contains(setting)) }
    #expect(!settings.contains { $0.hasPrefix("Service.ExecStop") || $0.hasPrefix("Service.MemoryMax") })
  }

  @Test("the service starts again whenever it ends, and takes profiles anew on reload")
  func service() throws {
    let settings = try Self.settings(of: "stockade.service")
    let needed = [
      "Service.Type=notify", "Service.Restart=always", "Unit.StartLimitIntervalSec=0",
      "Service.ExecReload=/bin/sh -c 'kill -HUP $MAINPID'",
      "Service.ExecReload=+/usr/bin/nsenter --target 1 --mount \(Self.program) reload",
    ]
    for setting in needed {
      #expect(settings.contains(setting))
    }
  }

  @Test(
    "both units let Stockade have what a start takes, and let nothing limit its memory",
    arguments: ["stockade.service", "stockade-gate.service"])
  func bounds(unit: String) throws {
    let settings = try Self.settings(of: unit)
    let key = "Service.CapabilityBoundingSet="
    let bounding = settings.filter { $0.hasPrefix(key) }.flatMap { $0.dropFirst(key.count).split(separator: " ") }
    #expect(Set(bounding.map(String.init)) == Set(Privileges.starting))
    #expect(settings.contains("Service.NoNewPrivileges=yes") && settings.contains("Service.ProtectSystem=strict"))
    #expect(!settings.contains { $0.hasPrefix("Service.Memory") && !$0.hasPrefix("Service.MemoryDeny") })
  }

  @Test("the document on units names what a running Stockade can do, and what a start can do beside that")
  func capabilities() throws {
    let text = try Files.text("\(Self.root)/docs/operating.md")
    let rows = text.split(separator: "\n").filter { $0.hasPrefix("| CAP_") }.compactMap {
      $0.split(separator: "|").first
    }
    let named = rows.flatMap { $0.split { $0 == "," || $0 == " " } }.map(String.init)
    #expect(Set(named) == Set(Privileges.running))
    for name in Privileges.starting where !named.contains(name) { #expect(text.contains(name)) }
  }
}

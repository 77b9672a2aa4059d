import Daemon
import Glibc
import Policy
import System
import YAML

/// Stockade's own configuration: which file each instance reads, and what is wrong with any of them.
struct ConfigurationExamination {
  private(set) var findings: [Finding] = []
  /// The configurations that instances have read, or will read: each of them once.
  private(set) var inEffect: [ConfigurationFile] = []
  private let places: Places
  /// Files that were looked at.
  private var told: Set<String> = []
  /// Where containerd looks for the configurations of plugins that it launches.
  private let folder: String

  init(_ places: Places, _ runtime: RuntimeExamination, _ instances: Instances) {
    self.places = places
    folder = runtime.pluginConfigurationFolder
    for name in instances.launchedNames { read(launchedFile(name), by: name, isRequired: false) }
    for process in instances.services {
      guard process.sharesOurFiles else {
        addElsewhere(process)
        continue
      }
      let file = Self.configurationFile(of: process)
      read(file ?? Daemon.configurationFile, by: "stockade run (process \(process.pid))", isRequired: file != nil)
    }
    if told.isEmpty, findings.isEmpty { read(Daemon.configurationFile, by: "stockade run", isRequired: false) }
    addUnused(beside: instances)
  }

  /// The file with the text that containerd hands over. If there is none, or it is empty, the usual file.
  private func launchedFile(_ plugin: String) -> String {
    let candidates = ["\(folder)/\(plugin).conf", "\(folder)/stockade.conf"]
    guard let file = candidates.first(where: places.exists) else { return Daemon.configurationFile }
    let isEmpty = (try? Files.status(places.root + file).st_size) == 0
    return isEmpty ? Daemon.configurationFile : file
  }

  /// `--config FILE` of `stockade run`.
  private static func configurationFile(of process: RunningProcess) -> String? {
    let option = "--config"
    let words = process.arguments
    let next = words.firstIndex(of: option).flatMap { $0 + 1 < words.count ? words[$0 + 1] : nil }
    let joined = words.first { $0.hasPrefix(option + "=") }?.dropFirst(option.count + 1)
    guard let file = next ?? joined.map(String.init) else { return nil }
    return file.hasPrefix("/") ? file : "\(process.workingFolder)/\(file)"
  }

  /// A container's process can have this name as well. So nothing of it is read, and nothing there is run.
  private mutating func addElsewhere(_ process: RunningProcess) {
    findings.append(
      Finding(
        .configuration, .unknown, "stockade run (process \(process.pid)) has another root folder than this one",
        "if it is this node's Stockade, run stockade doctor where its files are"))
  }

  private mutating func read(_ file: String, by reader: String, isRequired: Bool) {
    guard told.insert(file).inserted else { return }
    guard isRequired || places.exists(file) else {
      inEffect.append(ConfigurationFile(path: file, configuration: NodeConfiguration()))
      findings.append(
        Finding(
          .configuration, .ok, "\(reader) has none (there is no \(file)): only pods with an annotation are confined"))
      return
    }
    do {
      let configuration = try parse(file)
      inEffect.append(ConfigurationFile(path: file, configuration: configuration))
      findings.append(Finding(.configuration, .ok, "\(file) is read by \(reader)"))
      for part in configuration.idleParts { findings.append(Finding(.configuration, .limited, "\(file): \(part)")) }
    } catch {
      add(error, .missing, "mend it and restart \(reader): until then it refuses every container")
    }
  }

  private func parse(_ file: String) throws(PolicyError) -> NodeConfiguration {
    let bytes: [UInt8]
    do { bytes = try Files.readRegular(places.root + file, limit: YAML.Node.fileMaxBytes) } catch {
      throw .unreadable(error)
    }
    return try NodeConfiguration.parse(bytes, file: file)
  }

  /// A finding for each thing that is wrong, with file and line.
  private mutating func add(_ error: PolicyError, _ level: Finding.Level, _ advice: String) {
    let isDenied = if case .unreadable(let error) = error { error.code == EACCES && !places.isRoot } else { false }
    for problem in error.description.split(separator: "\n") {
      findings.append(
        Finding(
          .configuration, isDenied ? .unknown : level, String(problem),
          isDenied ? "run stockade doctor as root" : advice))
    }
  }

  /// Reports files that their author takes for the configuration, and that no instance reads.
  private mutating func addUnused(beside instances: Instances) {
    let names = Set(instances.launchedNames.map { "\($0).conf" } + ["10-stockade.conf", "stockade.conf"]).sorted()
    for file in names.map({ "\(folder)/\($0)" }) + [Daemon.configurationFile]
    where places.exists(file) && !told.contains(file) {
      addUnused(file)
    }
  }

  private mutating func addUnused(_ file: String) {
    let used = inEffect.map(\.path).joined(separator: ", ")
    do {
      let configuration = try parse(file)
      // An empty file, or a copy, misleads nobody.
      guard configuration != NodeConfiguration(), !inEffect.contains(where: { $0.configuration == configuration })
      else {
        return
      }
      let instead = used.isEmpty ? "" : "; \(used) is read in its place"
      findings.append(
        Finding(
          .configuration, .limited, "\(file) is read by no instance\(instead)", "remove it, or move its text there"))
    } catch { add(error, .limited, "no instance reads this file; mend or remove it") }
  }
}

/// A configuration that an instance reads.
struct ConfigurationFile {
  /// The path on the node.
  var path: String
  var configuration: NodeConfiguration
}

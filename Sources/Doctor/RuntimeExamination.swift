import Daemon
import NRI
import Seccomp
import System

/// containerd: which one it is, and whether its configuration lets Stockade in and waits for Stockade.
struct RuntimeExamination {
  private(set) var findings: [Finding] = []
  /// nil: the configuration could not be read.
  private(set) var configuration: ContainerdConfiguration?
  private(set) var version: RuntimeVersion?
  private var versionText = ""
  private var containerd: ContainerdProgram?
  private let places: Places

  init(_ places: Places) {
    self.places = places
    switch ContainerdProgram.find(in: places) {
    case .found(let program):
      containerd = program
      addContainerd(program)
      addNRI()
    case .elsewhere(let pid): addElsewhere(pid)
    case .none:
      addNoContainerd()
      addNRI()
    }
    // For an older containerd, the findings already advise an upgrade.
    if let configuration, hasValidator {
      findings += ValidatorExamination(configuration.validator ?? .none).findings
    }
    addOverlay()
  }

  var pluginFolder: String { configuration?.pluginFolder ?? ContainerdConfiguration.usualPluginFolder }
  var pluginConfigurationFolder: String {
    configuration?.pluginConfigurationFolder ?? ContainerdConfiguration.usualPluginConfigurationFolder
  }

  /// Whether the runtime refuses containers while no Stockade is connected.
  var requiresStockade: Bool {
    hasValidator && configuration?.validator?.requiresStockade ?? false
  }

  private var hasValidator: Bool { version.map { $0 >= .firstWithValidator } ?? false }

  /// What happens to a seccomp filter; nil: the version is not known.
  var seccompSupport: SeccompSupport? {
    version.map { version in
      if version >= .firstWithErrno { return .full }
      return version >= .firstWithFilters ? .withoutErrno : .ignored(by: "containerd \(versionText)")
    }
  }

  private mutating func add(
    _ subject: Finding.Subject, _ level: Finding.Level, _ found: String, _ advice: String? = nil
  ) {
    findings.append(Finding(subject, level, found, advice))
  }

  private var usualSocketIsServed: Bool { places.isListenedOn(NRISocket.defaultPath) }

  // MARK: containerd

  private mutating func addNoContainerd() {
    let file = ContainerdProgram.usualConfigurationFile
    let unread = places.exists(file) ? "\(file) cannot be read without containerd" : "there is no \(file)"
    add(
      .containerd, usualSocketIsServed || !places.seesAllProcesses ? .unknown : .missing,
      "none runs, and none is in PATH; \(unread), so it is not known whether NRI is on and Stockade required",
      usualSocketIsServed || !places.seesAllProcesses
        ? "run stockade doctor on the node itself, as root, where containerd is on PATH"
        : "install containerd 2.3 or newer, and start it")
  }

  private mutating func addElsewhere(_ pid: Int32) {
    add(
      .containerd, .unknown, "process \(pid) is called containerd and has another root folder than this one",
      "if it is this node's containerd, run stockade doctor where its files are; a container can have such a process")
  }

  private mutating func addContainerd(_ containerd: ContainerdProgram) {
    do {
      guard let text = try containerd.version(), let version = RuntimeVersion(text) else {
        return add(.containerd, .unknown, "it does not say its version", "run containerd --version")
      }
      (self.version, versionText) = (version, text)
      configuration = try containerd.configuration(of: version)
      addVersion(containerd, version)
    } catch let error as ContainerdProblem {
      let isDenied = !places.isRoot && "\(error)".contains("permission denied")
      add(
        .containerd, isDenied ? .unknown : .missing,
        "containerd \(versionText) cannot read its configuration \(containerd.configurationFile): \(error)",
        isDenied ? "run stockade doctor as root" : "mend it: containerd does not start with it")
    } catch {
      add(.containerd, .unknown, "it could not be asked: \(error)", "run containerd config dump")
    }
  }

  private mutating func addVersion(_ containerd: ContainerdProgram, _ version: RuntimeVersion) {
    var found = "containerd \(versionText), configured by \(containerd.configurationFile)"
    if !containerd.others.isEmpty {
      found +=
        "; others run as process \(containerd.others.map(String.init).joined(separator: ", ")) and are not judged"
    }
    guard let pid = containerd.pid else {
      return add(.containerd, usualSocketIsServed ? .limited : .missing, "\(found), does not run", "start containerd")
    }
    found += ", runs as process \(pid)"
    if version < .firstWithNRI {
      add(.containerd, .missing, "\(found); it has no NRI", "upgrade to containerd 2.3 or newer")
    } else if version < .firstWithFilters {
      add(
        .containerd, .limited,
        "\(found); it ignores seccomp filters, and starts containers without a profile while Stockade is away",
        "upgrade to containerd 2.3 or newer")
    } else if version < .firstWithErrno {
      add(
        .containerd, .limited, "\(found); it takes no seccomp filter with another errno, as RuntimeDefault has",
        "upgrade to containerd 2.3 or newer for such profiles")
    } else {
      add(.containerd, .ok, found)
    }
  }

  // MARK: NRI

  private mutating func addNRI() {
    guard let configuration, let containerd else {
      if usualSocketIsServed { return add(.nri, .ok, "socket at \(NRISocket.defaultPath)") }
      return add(
        .nri, .missing, "nobody listens on \(NRISocket.defaultPath)", "start a runtime that has NRI on (README.md)")
    }
    let file = containerd.configurationFile
    if !configuration.disabledPlugins.isEmpty {
      let names = configuration.disabledPlugins.joined(separator: ", ")
      add(
        .nri, .missing, "off: disabled_plugins of \(file) has \(names)",
        "take that out of disabled_plugins, and restart containerd")
    } else if !configuration.hasNRI {
      add(.nri, .missing, "this containerd has none", "upgrade to containerd 2.3 or newer")
    } else if configuration.isDisabled {
      add(
        .nri, .missing, "off in \(file)\(isDefaultlyOff ? ", as it is by default before containerd 2.0" : "")",
        "set disable = false in [plugins.\"io.containerd.nri.v1.nri\"], and restart containerd")
    } else {
      addSocket(configuration, isRunning: containerd.pid != nil)
    }
  }

  private var isDefaultlyOff: Bool { version.map { $0 < RuntimeVersion(2, 0, 0) } ?? false }

  private mutating func addSocket(_ configuration: ContainerdConfiguration, isRunning: Bool) {
    let socket = configuration.socket
    if configuration.refusesConnections {
      return add(
        .nri, .ok,
        "on, for plugins in \(configuration.pluginFolder) alone: disable_connections keeps `stockade run` out")
    }
    guard places.isListenedOn(socket) else {
      return add(
        .nri, .missing, "on, but nobody listens on \(socket)",
        isRunning ? "restart containerd: its configuration may be newer than it" : "start containerd")
    }
    let way = socket == NRISocket.defaultPath ? "" : "; `stockade run` needs --socket \(socket)"
    add(.nri, .ok, "on, socket at \(socket)\(way)")
  }

  // MARK: Overlay

  private mutating func addOverlay() {
    if (try? Files.text(places.root + "/sys/module/overlay/parameters/redirect_dir"))?.hasPrefix("Y") == true {
      add(
        .overlayfs, .limited,
        "redirect_dir is on: at tier signal, containers can rename folders of their image past rules about programs",
        "write `options overlay redirect_dir=off` into a file of /etc/modprobe.d, and start the node anew")
    }
    let advice = "use the overlayfs snapshotter: newExecutables needs containers whose root is an overlay"
    if let snapshotter = configuration?.snapshotter, !snapshotter.isEmpty {
      let isOverlay = snapshotter == "overlayfs"
      return add(
        .overlayfs, isOverlay ? .ok : .limited, "containerd's snapshotter is \(snapshotter)", isOverlay ? nil : advice)
    }
    let isKnown = (try? Files.text("/proc/filesystems"))?.contains("\toverlay\n") ?? false
    add(.overlayfs, isKnown ? .ok : .limited, isKnown ? "known to the kernel" : "not loaded", isKnown ? nil : advice)
  }

  /// Whether it is known that containers' roots are no overlays.
  var hasOtherRoots: Bool { configuration?.snapshotter.map { !$0.isEmpty && $0 != "overlayfs" } ?? false }
}

/// Which containerd version brought what.
extension RuntimeVersion {
  fileprivate static let firstWithNRI = RuntimeVersion(1, 7, 0)
  fileprivate static let firstWithFilters = RuntimeVersion(2, 2, 0)
  fileprivate static let firstWithValidator = RuntimeVersion(2, 2, 0)
  fileprivate static let firstWithErrno = RuntimeVersion(2, 3, 0)
}

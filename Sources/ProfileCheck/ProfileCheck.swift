import Daemon
import Enforcement
import Glibc
import Policy
import Seccomp
import System
import YAML

/// `stockade profile check`: finds what is wrong with profiles as the daemon would read them, and what a node does not
/// enforce.
package struct ProfileCheck {
  /// The name of standard input.
  package static let standardInput = "-"

  private let node: JudgedNode
  private let environment: SeccompEnvironment
  private let root: RootView?
  private let readStandardInput: () throws(Errno) -> [UInt8]
  /// By path and prefix: several files of a folder are checked beside the same other files.
  private var folders: [String: ProfileFolder] = [:]
  private var loaders: [String: ProfileLoader] = [:]

  /// - Parameter root: the image for which the profiles are meant; nil: it is not known.
  package init(
    node: JudgedNode, environment: SeccompEnvironment, root: RootView? = nil,
    readStandardInput: @escaping () throws(Errno) -> [UInt8] = Self.bytesOfStandardInput
  ) {
    self.node = node
    self.environment = environment
    self.root = root
    self.readStandardInput = readStandardInput
  }

  /// - Parameter paths: files, folders, and `-`.
  package mutating func check(_ paths: [String]) -> [CheckedFile] {
    paths.flatMap { path -> [CheckedFile] in
      if path == Self.standardInput { return [checkStandardInput()] }
      let isFolder = (try? Files.status(path).st_mode & S_IFMT == S_IFDIR) ?? false
      return isFolder ? checkFolder(path) : [checkFile(path)]
    }
  }

  // MARK: What is checked

  private mutating func checkFolder(_ path: String) -> [CheckedFile] {
    let prefix = path.utf8.last == UInt8(ascii: "/") ? path : path + "/"
    do {
      let folder = try folder(path, prefix: prefix)
      let files = folder.files.sorted { $0.key < $1.key }.map { check($0.value, beside: folder) }
      return files + unread(in: folder)
    } catch { return [unusable(path, "\(error)")] }
  }

  /// What the daemon leaves out of a folder.
  private func unread(in folder: ProfileFolder) -> [CheckedFile] {
    if folder.files.isEmpty, folder.ignored.isEmpty {
      return [unusable(folder.path, "no file whose name ends in .yaml; nothing was checked")]
    }
    return folder.ignored.sorted { $0.key < $1.key }.map { path, why in
      unusable(path.wrappedValue, "the daemon does not read this file: \(why)")
    }
  }

  private mutating func checkFile(_ path: String) -> CheckedFile {
    let slash = path.utf8.lastIndex(of: UInt8(ascii: "/"))
    let prefix = slash.map { String(path[...$0]) } ?? ""
    let folder: ProfileFolder
    do { folder = try self.folder(Files.folder(of: path), prefix: prefix) } catch {
      return unusable(path, "\(ProfileFile(path).unreadable ?? error)")
    }
    let ignored = ProfileFolder.whyIgnored(String(path.dropFirst(prefix.count))) ?? folder.ignored[ExactText(path)]
    let file = folder.files[ExactText(path)] ?? ProfileFile(path)
    var checked = check(file, beside: folder)
    if let ignored, file.unreadable == nil {
      checked.findings.append(
        Finding(
          .warning, file: path, profile: checked.profile,
          "the daemon does not read this file from its folder: \(ignored)"))
    }
    return checked
  }

  private mutating func checkStandardInput() -> CheckedFile {
    do {
      let file = ProfileFile(Self.standardInput, bytes: try readStandardInput())
      return check(file, beside: try folder(".", prefix: ""))
    } catch { return unusable(Self.standardInput, "\(error)") }
  }

  private mutating func folder(_ path: String, prefix: String) throws(Errno) -> ProfileFolder {
    let key = path + "\n" + prefix
    if let known = folders[key] { return known }
    let folder = try ProfileFolder(reading: path, prefix: prefix)
    folders[key] = folder
    return folder
  }

  private func unusable(_ path: String, _ message: String) -> CheckedFile {
    CheckedFile(file: path, profile: nil, verdict: .broken, findings: [Finding(.error, file: path, message)])
  }

  // MARK: One file

  private mutating func check(_ file: ProfileFile, beside folder: ProfileFolder) -> CheckedFile {
    var loader = loaders[folder.path] ?? ProfileLoader(folder: folder.path, environment: environment)
    defer { loaders[folder.path] = loader }
    let name = file.layer.flatMap { ProfileName.isValid($0.name) ? $0.name : nil }
    do {
      let loaded = try load(file, ProfileResolver(folder), &loader)
      return accepted(file, loaded)
    } catch {
      let findings: [Finding] =
        switch error {
        case .invalid(let problems): problems.map { Finding(.error, $0, profile: name) }
        case .unreadable, .noSuchProfile: [Finding(.error, file: file.path, profile: name, "\(error)")]
        }
      return CheckedFile(file: file.path, profile: name, verdict: .broken, findings: findings)
    }
  }

  private func load(
    _ file: ProfileFile, _ resolver: ProfileResolver, _ loader: inout ProfileLoader
  ) throws(PolicyError) -> LoadedProfile {
    guard let layer = file.layer, file.error == nil else {
      throw file.everyProblem(resolver, loader.problems)
    }
    let (profile, problems) = resolver.join(layer)
    guard problems.isEmpty else { throw .invalid((problems + loader.problems(of: profile)).ordered(of: file.path)) }
    return try loader.load(profile)
  }

  private func accepted(_ file: ProfileFile, _ loaded: LoadedProfile) -> CheckedFile {
    let name = loaded.profile.name
    var findings = loaded.warnings.map { Finding(.warning, $0, profile: name) }
    if let root { findings += idleInRoot(loaded.profile, root) + links(of: loaded.profile, root) }
    findings += NodeJudgement(node: node, loaded: loaded, file: file.path).findings
    let isRefused = findings.contains { $0.severity == .error }
    return CheckedFile(
      file: file.path, profile: name, verdict: isRefused ? .refused : .accepted, findings: findings)
  }

  /// What the image alone shows to do nothing.
  private func idleInRoot(_ profile: Profile, _ root: RootView) -> [Finding] {
    let told = Set(profile.idleParts)
    return profile.idleParts(inRoot: root.facts).filter { !told.contains($0) }.map { part in
      Finding(part.severity == .note ? .note : .warning, part.problem(in: profile.file), profile: profile.name)
    }
  }

  /// What links of the image make of the rules.
  private func links(of profile: Profile, _ root: RootView) -> [Finding] {
    do throws(EnforcementError) {
      let (held, wide, idle) = profile.effects(of: try root.aliases(of: profile))
      return idle.map { Finding(.warning, $0.problem(in: profile.file), profile: profile.name) }
        + wide.map {
          Finding(
            .warning, file: profile.file, profile: profile.name,
            "links of the image: also \($0), a program that it blocks by all of its names")
        } + held.map { Finding(.note, file: profile.file, profile: profile.name, "links of the image: also \($0)") }
    } catch { return [Finding(.warning, file: profile.file, profile: profile.name, "\(error)")] }
  }

  /// Reads one byte more than a profile may have, so that a longer profile is noticed.
  package static func bytesOfStandardInput() throws(Errno) -> [UInt8] {
    let input = FileDescriptor(owning: dup(0))
    var bytes: [UInt8] = []
    while bytes.count <= Node.fileMaxBytes {
      let part: [UInt8]
      do { part = try input.read(atMost: 65536) } catch { throw Errno(error.code, "read standard input") }
      if part.isEmpty { break }
      bytes += part
    }
    return bytes
  }
}

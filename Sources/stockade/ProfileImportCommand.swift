import CommandOptions
import Glibc
import Policy
import ProfileCheck
import ProfileImport
import Seccomp
import System
import YAML

/// `stockade profile import`
enum ProfileImportCommand {
  static let syntax = CommandSyntax<ImportOptions>(
    name: "profile import",
    summary: "make profiles of policies of other programs, and say what is lost",
    description: """
      Reads seccomp filters (OCI, Docker, Podman), SeccompProfile (Security Profiles Operator), KubeArmorPolicy,
      WorkloadPolicy (runtime-enforcer) and TracingPolicy (Tetragon), from files or - for standard input. Prints
      the profile, and tells on standard error, line by line, what is lost and what else to do
      (docs/profile-import.md).
      """,
    options: [
      CommandOption("--folder", "DIR", help: "write each profile to DIR/NAME.yaml, which must not exist") {
        $0.folder = $1
      },
      CommandOption("--name", "NAME", help: "the profile's name (default: that of the policy, or of the filter's file)")
      {
        (options, value) throws(UsageError) in
        guard ProfileName.isValid(value), value != ProfileName.unconfined else {
          throw UsageError("--name \(quoted(value)): a name has lower-case letters, digits, - and .")
        }
        options.name = value
      },
      CommandOption(
        "--capability", "CAP", help: "the containers have it; for filters whose rules depend on capabilities",
        isRepeatable: true, words: Capabilities.names
      ) { (options, value) throws(UsageError) in
        guard Capabilities.names.contains(value) else {
          let advice = Suggestion.advice(
            for: value, among: Capabilities.names, otherwise: "write a name like CAP_SYS_ADMIN")
          throw UsageError("--capability \(quoted(value)) is no capability\(advice)")
        }
        if !options.capabilities.contains(value) { options.capabilities.append(value) }
      },
      CommandOption("--localhost", help: "let the profile name the filter's file, which keeps its conditions") {
        (options, _) in options.localhost = true
      },
    ],
    operands: Operands("FILE...") { (options, paths) throws(UsageError) in
      if paths.isEmpty { throw UsageError("no file; name files, or - for standard input") }
      options.paths = paths
    },
    examples: [
      ("stockade profile import block-shells.yaml > block-shells-profile.yaml", "one policy"),
      ("kubectl get ksp -n shop -o yaml | stockade profile import --folder profiles -", "all of a namespace"),
    ],
    exitStatuses: [
      ("0", "everything was carried over"),
      ("1", "a file is broken, or nothing of a policy can be carried over; nothing was written"),
      ("2", "the command line is wrong"),
      ("3", "the profiles were written, and the lines marked as lost were not carried over"),
    ])

  static func main(_ arguments: [String]) -> Int32 {
    syntax.main(arguments, ImportOptions()) { options in
      do {
        guard let files = read(options.paths) else { return 1 }
        return finish(ProfileImport(files, options, try SeccompEnvironment.thisNode()), options)
      } catch { return fail("\(error)") }
    }
  }

  private static func fail(_ problem: String) -> Int32 {
    put("stockade profile import: \(problem)\n", to: 2)
    return 1
  }

  /// nil: some cannot be read. Each of them is told.
  private static func read(_ paths: [String]) -> [(name: String, bytes: [UInt8])]? {
    var (files, isWhole) = ([(name: String, bytes: [UInt8])](), true)
    for path in paths {
      do { files.append((path, try read(path))) } catch {
        _ = fail("\(error)")
        isWhole = false
      }
    }
    return isWhole ? files : nil
  }

  private static func read(_ path: String) throws(Errno) -> [UInt8] {
    path == ProfileCheck.standardInput
      ? try ProfileCheck.bytesOfStandardInput() : try Files.readRegular(path, limit: Node.fileMaxBytes)
  }

  private static func finish(_ found: ProfileImport, _ options: ImportOptions) -> Int32 {
    put(found.report, to: 2)
    guard found.problems.isEmpty else { return 1 }
    do {
      if let folder = options.folder {
        try write(found.profiles, to: folder)
      } else if let only = found.profiles.first, found.profiles.count == 1 {
        put(only.text, to: 1)
      } else {
        return syntax.refuse(
          "\(found.profiles.count) profiles (\(found.profiles.map(\.name).joined(separator: ", "))), and a file holds "
            + "one; write --folder DIR")
      }
    } catch { return fail("\(error)") }
    return found.status
  }

  /// All of them or none. A file that exists is never replaced.
  private static func write(_ profiles: [ImportedProfile], to folder: String) throws(Errno) {
    var written: [String] = []
    do throws(Errno) {
      for profile in profiles {
        let path = "\(folder)/\(profile.name).yaml"
        let file = try FileDescriptor(open: path, O_WRONLY | O_CREAT | O_EXCL, mode: 0o644)
        written.append(path)
        do { try file.write(profile.text.utf8) } catch { throw Errno(error.code, "write \(path)") }
      }
    } catch {
      for path in written { unlink(path) }
      throw error
    }
    for path in written { put("\(path)\n", to: 1) }
  }
}

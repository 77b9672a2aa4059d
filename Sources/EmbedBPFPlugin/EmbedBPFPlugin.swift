import Foundation
import PackagePlugin

/// Compiles each `bpf/*.bpf.c` with the toolchain's clang and embeds the objects in the target as Swift strings.
@main
struct EmbedBPFPlugin: BuildToolPlugin {
  func createBuildCommands(context: PluginContext, target: Target) throws -> [Command] {
    let folder = context.package.directoryURL.appending(path: "bpf")
    let headers = try files(in: folder, suffix: ".h") + files(in: folder.appending(path: "include"), suffix: ".h")
    let clang = try context.tool(named: "clang").url
    let strip = try context.tool(named: "llvm-objcopy").url
    let embed = try context.tool(named: "embed-bpf").url
    let work = context.pluginWorkDirectoryURL
    var commands: [Command] = []
    var objects: [URL] = []
    for source in try files(in: folder, suffix: ".bpf.c") {
      let name = source.deletingPathExtension().deletingPathExtension().lastPathComponent
      let object = work.appending(path: "\(name).o")
      let stripped = work.appending(path: "\(name).bpf.o")
      commands.append(
        .buildCommand(
          displayName: "Compiling \(name).bpf.c", executable: clang,
          arguments: [
            // v3: atomics and 32-bit jumps; every kernel from 5.12 on has it.
            "-target", "bpf", "-mcpu=v3", "-O2", "-g", "-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter",
            "-I", folder.path, "-I", folder.appending(path: "include").path,
            "-c", source.path, "-o", object.path,
          ],
          inputFiles: [source] + headers, outputFiles: [object]))
      // DWARF is two thirds of an object and libbpf does not read it; BTF stays.
      commands.append(
        .buildCommand(
          displayName: "Stripping \(name).o", executable: strip, arguments: ["--strip-debug", object.path, stripped.path],
          inputFiles: [object], outputFiles: [stripped]))
      objects.append(stripped)
    }
    let output = work.appending(path: "EmbeddedObjects.swift")
    commands.append(
      .buildCommand(
        displayName: "Embedding \(objects.count) BPF objects", executable: embed,
        arguments: [output.path] + objects.map(\.path), inputFiles: objects, outputFiles: [output]))
    return commands
  }

  private func files(in folder: URL, suffix: String) throws -> [URL] {
    try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
      .filter { $0.lastPathComponent.hasSuffix(suffix) }
      .sorted { $0.path < $1.path }
  }
}

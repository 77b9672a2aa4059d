import Foundation
import PackagePlugin

/// Compiles each `bpf/*.bpf.c` with the toolchain's clang and embeds the objects in the target as Swift strings.
@main
struct EmbedBPFPlugin: BuildToolPlugin {
  func createBuildCommands(context: PluginContext, target: Target) throws -> [Command] {
    let folder = context.package.directoryURL.appending(path: "bpf")
    let headers = try folders(in: folder).flatMap { try files(in: $0, suffix: ".h") }
    let sources = try files(in: folder, suffix: ".bpf.c")
    let clang = try context.tool(named: "clang").url
    let objcopy = try context.tool(named: "llvm-objcopy").url
    let work = context.pluginWorkDirectoryURL
    let output = work.appending(path: "EmbeddedObjects.swift")
    // One command, since SwiftPM takes objects among the outputs for resources, and those bring Foundation.
    return [
      .buildCommand(
        displayName: "Compiling and embedding \(sources.count) BPF programs",
        executable: try context.tool(named: "embed-bpf").url,
        arguments: [clang.path, objcopy.path, folder.path, work.path, output.path] + sources.map(\.path),
        inputFiles: sources + headers, outputFiles: [output])
    ]
  }

  private func folders(in folder: URL) throws -> [URL] {
    try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil).filter(\.hasDirectoryPath)
  }

  private func files(in folder: URL, suffix: String) throws -> [URL] {
    try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
      .filter { $0.lastPathComponent.hasSuffix(suffix) }
      .sorted { $0.path < $1.path }
  }
}

// swift-tools-version: 6.3
import PackageDescription

// Debian's static archives keep the release binary one file: only glibc and the compiler's runtime stay dynamic.
func archive(_ name: String) -> LinkerSetting { .linkedLibrary(":lib\(name).a") }

let package = Package(
  name: "stockade",
  products: [.executable(name: "stockade", targets: ["stockade"])],
  dependencies: [.package(url: "https://github.com/apple/swift-log", from: "1.16.2")],
  targets: [
    // C, one target a library; pointers of a library stay in the one Swift module that imports its target.
    .target(
      name: "CStockade", path: "bpf", exclude: ["LICENSE.GPL-2.0", "LICENSE.BSD-2-Clause"], sources: ["assert.c"]),
    .target(name: "CSystem"),
    .target(name: "CBPF", linkerSettings: [archive("bpf"), archive("elf"), archive("zstd"), archive("z")]),
    .target(name: "CSeccomp", linkerSettings: [archive("seccomp")]),
    .target(name: "CYAML", linkerSettings: [archive("yaml")]),
    .target(name: "CProtobuf", linkerSettings: [archive("protobuf-c")]),

    // Swift, from what everything uses to what uses everything.
    .target(name: "System", dependencies: ["CSystem"]),
    .target(name: "Keeper", dependencies: ["System"]),
    .target(name: "YAML", dependencies: ["CYAML"]),
    .target(name: "TOML"),
    .target(name: "TTRPC", dependencies: ["System", "CProtobuf"]),
    .target(name: "NRI", dependencies: ["TTRPC", "System", "CProtobuf"]),
    .target(name: "Policy", dependencies: ["YAML", "System"]),
    .target(name: "Seccomp", dependencies: ["Policy", "YAML", "System", "CSeccomp"]),
    .target(name: "Compilation", dependencies: ["Policy"]),
    .target(
      name: "BPF", dependencies: ["Compilation", "Policy", "System", "CBPF", "CStockade"],
      plugins: ["EmbedBPFPlugin"]),
    .target(
      name: "Enforcement",
      dependencies: [
        "Policy", "Seccomp", "Compilation", "BPF", "System",
        .product(name: "Logging", package: "swift-log"),
      ]),
    .target(
      name: "Events",
      dependencies: ["Policy", "BPF", "System", .product(name: "Logging", package: "swift-log")]),
    .target(
      name: "Daemon",
      dependencies: [
        "Keeper", "NRI", "Policy", "Seccomp", "Compilation", "BPF", "Enforcement", "Events", "YAML",
        "System",
        .product(name: "Logging", package: "swift-log"),
      ]),
    .target(
      name: "Doctor",
      dependencies: [
        "Daemon", "Keeper", "NRI", "Policy", "Seccomp", "Enforcement", "Events", "BPF", "TOML", "YAML", "System",
      ]),
    .target(
      name: "ProfileCheck",
      dependencies: ["Daemon", "Enforcement", "Policy", "Seccomp", "YAML", "System"]),
    .target(name: "CommandOptions", dependencies: ["Policy", "System"]),
    .target(name: "Try", dependencies: ["CommandOptions", "NRI", "Policy", "System"]),
    .executableTarget(
      name: "stockade",
      dependencies: [
        "CommandOptions", "Daemon", "Doctor", "Enforcement", "Events", "Keeper", "Policy", "ProfileCheck", "Seccomp",
        "System", "Try",
        .product(name: "Logging", package: "swift-log"),
      ]),

    // bpf/*.bpf.c is compiled and embedded by the build itself.
    .executableTarget(name: "embed-bpf"),
    .plugin(
      name: "EmbedBPFPlugin", capability: .buildTool(), dependencies: ["embed-bpf"], path: "Sources/EmbedBPFPlugin"),

    .testTarget(name: "SystemTests", dependencies: ["System"]),
    .testTarget(name: "KeeperTests", dependencies: ["Keeper", "System"]),
    .testTarget(name: "YAMLTests", dependencies: ["YAML"]),
    .testTarget(name: "TOMLTests", dependencies: ["TOML", "System"]),
    .testTarget(name: "TTRPCTests", dependencies: ["TTRPC", "System"]),
    .testTarget(name: "NRITests", dependencies: ["NRI", "TTRPC", "System"], exclude: ["Captures"]),
    .testTarget(name: "PolicyTests", dependencies: ["Policy", "YAML", "System"]),
    .testTarget(name: "SeccompTests", dependencies: ["Seccomp", "Policy", "System"]),
    .target(name: "PolicyTesting", dependencies: ["Policy"], path: "Tests/PolicyTesting"),
    .testTarget(name: "CompilationTests", dependencies: ["Compilation", "Policy", "PolicyTesting"]),
    .testTarget(
      name: "BPFTests", dependencies: ["BPF", "Compilation", "Policy", "PolicyTesting", "CStockade", "System"]),
    .target(
      name: "EnforcementTesting", dependencies: ["Enforcement", "Compilation", "BPF", "Policy", "System"],
      path: "Tests/EnforcementTesting"),
    .testTarget(
      name: "EnforcementTests",
      dependencies: [
        "Enforcement", "EnforcementTesting", "PolicyTesting", "Compilation", "BPF", "Policy", "Seccomp", "CBPF",
        "CStockade", "System",
      ],
      exclude: ["BPF"]),
    .testTarget(
      name: "EventsTests",
      dependencies: [
        "Events", "Policy", "BPF", "System",
        .product(name: "Logging", package: "swift-log"), .product(name: "InMemoryLogging", package: "swift-log"),
      ]),
    .testTarget(
      name: "DaemonTests",
      dependencies: [
        "Daemon", "Keeper", "NRI", "Policy", "Seccomp", "Compilation", "Enforcement", "EnforcementTesting", "Events",
        "BPF", "CBPF", "CStockade", "System", .product(name: "Logging", package: "swift-log"),
        .product(name: "InMemoryLogging", package: "swift-log"),
      ]),
    .testTarget(
      name: "DoctorTests", dependencies: ["Doctor", "BPF", "Daemon", "Policy", "System"],
      exclude: ["Containerd", "Dumps"]),
    .testTarget(name: "CommandOptionsTests", dependencies: ["CommandOptions"]),
    .testTarget(name: "TryTests", dependencies: ["Try", "CommandOptions", "NRI", "Policy", "System"]),
    .testTarget(
      name: "DocumentationTests",
      dependencies: [
        "Daemon", "NRI", "Policy", "Seccomp", "YAML", "Compilation", "Enforcement", "Events", "Keeper", "BPF",
        "CStockade", "System",
      ]),
    .testTarget(
      name: "ProfileCheckTests",
      dependencies: ["ProfileCheck", "Daemon", "Enforcement", "Policy", "Seccomp", "YAML", "System"],
      exclude: ["Broken"]),
  ],
  swiftLanguageModes: [.v6],
  cLanguageStandard: .gnu11
)

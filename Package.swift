// swift-tools-version: 6.3
import Glibc
import PackageDescription

// Debian's static archives keep the release binary one file: only glibc and the compiler's runtime stay dynamic. NOTICE
// has their licences.
func archive(_ name: String) -> LinkerSetting { .linkedLibrary(":lib\(name).a") }

// What gRPC's C core needs, each before what it needs itself. zlib is the last of CBPF's.
let grpcArchives = """
  grpc_unsecure gpr
  absl_statusor absl_status absl_cord absl_cordz_info absl_cordz_handle absl_synchronization absl_symbolize
  absl_kernel_timeout_internal absl_demangle_internal absl_cord_internal absl_random_internal_pool_urbg
  absl_graphcycles_internal absl_time absl_str_format_internal absl_demangle_rust absl_crc_cord_state
  absl_raw_hash_set absl_random_internal_randen absl_malloc_internal absl_stacktrace absl_strings
  absl_decode_rust_punycode absl_crc32c absl_hash absl_cordz_functions absl_random_internal_randen_hwaes_impl
  absl_random_internal_randen_slow absl_base absl_debugging_internal absl_strings_internal
  absl_utf8_for_code_point absl_crc_internal absl_low_level_hash absl_city absl_exponential_biased
  absl_random_internal_platform absl_time_zone absl_bad_optional_access
  upb address_sorting
  absl_string_view absl_random_internal_randen_hwaes absl_strerror absl_int128 absl_random_seed_gen_exception
  absl_random_internal_seed_material absl_spinlock_wait absl_raw_logging_internal
  cares
  absl_throw_delegate absl_bad_variant_access
  """
// Debian 12 has not all of them. Without gRPC itself this fails, so that no list is remembered that has nothing in it.
let isInstalled = { (name: String) in
  ["x86_64", "aarch64"].contains { access("/usr/lib/\($0)-linux-gnu/lib\(name).a", R_OK) == 0 }
}
guard isInstalled("grpc_unsecure") else {
  fatalError("gRPC's C core is missing: run hack/install-dependencies --build, or install libgrpc-dev")
}
let grpc =
  grpcArchives.split(whereSeparator: \.isWhitespace).map(String.init).filter(isInstalled).map(archive)
  + [.linkedLibrary("stdc++")]

let package = Package(
  name: "stockade",
  products: [
    .executable(name: "stockade", targets: ["stockade"]),
    // What reads input from outside, for the nested package Fuzz: it can name no targets of this one.
    .library(
      name: "Inputs",
      targets: [
        "System", "YAML", "TOML", "TTRPC", "NRI", "HTTP", "Policy", "Seccomp", "ProfileImport", "Compilation",
        "Recording", "BPF", "Enforcement", "Events", "Control", "CommandOptions", "Try", "PolicyTesting",
      ]),
  ],
  dependencies: [.package(url: "https://github.com/apple/swift-log", from: "1.16.2")],
  targets: [
    // C, one target a library; pointers of a library stay in the one Swift module that imports its target.
    .target(
      name: "CStockade", path: "bpf", exclude: ["LICENSE.GPL-2.0", "LICENSE.BSD-2-Clause"], sources: ["assert.c"]),
    .target(name: "CSystem"),
    .target(name: "CBPF", linkerSettings: [archive("bpf"), archive("elf"), archive("zstd"), archive("z")]),
    .target(name: "CSeccomp", linkerSettings: [archive("seccomp")]),
    .target(name: "CYAML", linkerSettings: [archive("yaml")]),
    .target(name: "CGRPC", linkerSettings: grpc),
    // Its assertions name their file, which must not say where this checkout lies.
    .target(
      name: "CProtobuf", cSettings: [.unsafeFlags(["-ffile-prefix-map=\(Context.packageDirectory)=."])],
      linkerSettings: [archive("protobuf-c")]),

    // Swift, from what everything uses to what uses everything.
    .target(name: "System", dependencies: ["CSystem"]),
    .target(name: "Keeper", dependencies: ["System"]),
    .target(name: "YAML", dependencies: ["System", "CYAML"]),
    .target(name: "TOML", dependencies: ["System"]),
    .target(name: "TTRPC", dependencies: ["System", "CProtobuf"]),
    .target(name: "RPC", dependencies: ["System", "CGRPC"]),
    .target(name: "HTTP", dependencies: ["System"]),
    .target(name: "Metrics"),
    .target(name: "NRI", dependencies: ["TTRPC", "System", "CProtobuf"]),
    .target(name: "NRIRuntime", dependencies: ["NRI", "TTRPC", "System"]),
    .target(name: "Policy", dependencies: ["YAML", "System"]),
    .target(name: "Seccomp", dependencies: ["Policy", "YAML", "System", "CSeccomp"]),
    .target(name: "ProfileImport", dependencies: ["Seccomp", "Policy", "YAML", "System"]),
    .target(name: "Compilation", dependencies: ["Policy"]),
    .target(name: "Recording", dependencies: ["Policy", "Seccomp", "Compilation", "YAML", "System"]),
    .target(name: "Explanation", dependencies: ["Policy", "Seccomp", "YAML", "System"]),
    .target(name: "ProfileDiff", dependencies: ["Explanation", "Compilation", "Policy", "Seccomp", "YAML", "System"]),
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
      dependencies: ["Policy", "Recording", "BPF", "System", .product(name: "Logging", package: "swift-log")]),
    .target(name: "Status", dependencies: ["YAML", "System"]),
    .target(
      name: "Control",
      dependencies: ["RPC", "Status", "Events", "Explanation", "Policy", "TTRPC", "YAML", "System", "CProtobuf"]),
    .target(
      name: "Daemon",
      dependencies: [
        "Keeper", "RPC", "HTTP", "Metrics", "Control", "Status", "NRI", "Policy", "Seccomp", "Compilation", "Recording",
        "BPF", "Enforcement", "Events", "Explanation", "YAML", "System",
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
    .target(name: "Try", dependencies: ["CommandOptions", "NRI", "NRIRuntime", "Policy", "System"]),
    .executableTarget(
      name: "stockade",
      dependencies: [
        "BPF", "CommandOptions", "Control", "Daemon", "Doctor", "Enforcement", "Events", "Explanation", "Keeper",
        "Policy", "ProfileCheck", "ProfileDiff", "ProfileImport", "RPC", "Recording", "Seccomp", "Status", "System",
        "Try", "YAML",
        .product(name: "Logging", package: "swift-log"),
      ]),

    // bpf/*.bpf.c is compiled and embedded by the build itself.
    .target(name: "CZstd", linkerSettings: [archive("zstd")]),
    .executableTarget(name: "embed-bpf", dependencies: ["CZstd"]),
    .plugin(
      name: "EmbedBPFPlugin", capability: .buildTool(), dependencies: ["embed-bpf"], path: "Sources/EmbedBPFPlugin"),

    .testTarget(name: "SystemTests", dependencies: ["System"]),
    .testTarget(name: "KeeperTests", dependencies: ["Keeper", "System"]),
    .testTarget(name: "YAMLTests", dependencies: ["YAML"]),
    .testTarget(name: "TOMLTests", dependencies: ["TOML", "System"]),
    .testTarget(name: "TTRPCTests", dependencies: ["TTRPC", "System"]),
    .testTarget(name: "RPCTests", dependencies: ["RPC", "System"]),
    .testTarget(name: "StatusTests", dependencies: ["Status", "System"]),
    .testTarget(
      name: "ControlTests",
      dependencies: ["Control", "RPC", "Status", "Events", "Explanation", "Policy", "BPF", "TTRPC", "System"]),
    .testTarget(
      name: "ProfileDiffTests",
      dependencies: ["ProfileDiff", "Explanation", "Compilation", "Policy", "PolicyTesting", "Seccomp", "System"]),
    .testTarget(
      name: "ExplanationTests", dependencies: ["Explanation", "Policy", "PolicyTesting", "Seccomp", "System"]),
    .testTarget(name: "HTTPTests", dependencies: ["HTTP", "System"]),
    .testTarget(name: "MetricsTests", dependencies: ["Metrics"]),
    .testTarget(name: "NRITests", dependencies: ["NRI", "NRIRuntime", "TTRPC", "System"], exclude: ["Captures"]),
    .testTarget(name: "PolicyTests", dependencies: ["Policy", "PolicyTesting", "YAML", "System"]),
    .testTarget(
      name: "SeccompTests", dependencies: ["Seccomp", "Policy", "System"],
      exclude: ["Runc", "Shapes"]),
    .testTarget(
      name: "RecordingTests",
      dependencies: ["Recording", "PolicyTesting", "Policy", "Seccomp", "Compilation", "YAML", "System"]),
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
        "Events", "Policy", "Recording", "BPF", "System",
        .product(name: "Logging", package: "swift-log"), .product(name: "InMemoryLogging", package: "swift-log"),
      ]),
    .testTarget(
      name: "DaemonTests",
      dependencies: [
        "Daemon", "Keeper", "HTTP", "Metrics", "Status", "NRI", "NRIRuntime", "Policy", "Seccomp", "Compilation",
        "Enforcement", "EnforcementTesting", "PolicyTesting", "YAML", "Events", "BPF", "CBPF", "CStockade", "System",
        .product(name: "Logging", package: "swift-log"),
        .product(name: "InMemoryLogging", package: "swift-log"),
      ]),
    .testTarget(
      name: "DoctorTests", dependencies: ["Doctor", "BPF", "Daemon", "Policy", "System"],
      exclude: ["Containerd", "Dumps"]),
    .testTarget(name: "CommandOptionsTests", dependencies: ["CommandOptions"]),
    .testTarget(name: "TryTests", dependencies: ["Try", "BPF", "CommandOptions", "NRI", "Policy", "Status", "System"]),
    .testTarget(
      name: "DocumentationTests",
      dependencies: [
        "Daemon", "HTTP", "Metrics", "NRI", "Policy", "ProfileImport", "Seccomp", "YAML", "Compilation", "Enforcement",
        "Events", "Keeper", "BPF", "CStockade", "System",
      ]),
    .testTarget(
      name: "ProfileImportTests",
      dependencies: ["ProfileImport", "Policy", "PolicyTesting", "Seccomp", "YAML", "System"],
      exclude: ["Policies"]),
    .testTarget(
      name: "ProfileCheckTests",
      dependencies: ["ProfileCheck", "Daemon", "Enforcement", "Policy", "Seccomp", "YAML", "System"],
      exclude: ["Broken"]),
  ],
  swiftLanguageModes: [.v6],
  cLanguageStandard: .gnu11
)

// Without the standard library's regular expressions, which nothing of this needs and which weigh 1.2 MB. Tests may use
// what they like.
for target in package.targets where [.regular, .executable].contains(target.type) && target.path == nil {
  target.swiftSettings = [.unsafeFlags(["-Xfrontend", "-disable-implicit-string-processing-module-import"])]
}

// Commands that a person waits for, and that no container does: small before fast, in release builds.
let cold = [
  "CommandOptions", "Doctor", "Explanation", "ProfileCheck", "ProfileDiff", "ProfileImport", "Recording", "Status",
  "TOML",
]
for target in package.targets where cold.contains(target.name) {
  target.swiftSettings?.append(.unsafeFlags(["-Osize"], .when(configuration: .release)))
}

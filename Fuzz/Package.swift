// swift-tools-version: 6.3
import PackageDescription

let package = Package(
  name: "Fuzz",
  dependencies: [.package(name: "stockade", path: "..")],
  targets: [
    .executableTarget(
      name: "fuzz", dependencies: [.product(name: "Inputs", package: "stockade")])
  ],
  swiftLanguageModes: [.v6]
)

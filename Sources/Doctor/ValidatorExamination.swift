/// NRI's default validator. NRI fails open: while no plugin is there, only the runtime itself can hold back what it
/// starts.
struct ValidatorExamination {
  private static let section = "[plugins.\"io.containerd.nri.v1.nri\".default_validator]"
  private static let consequence = "containers start without a profile while Stockade is away"

  let findings: [Finding]

  init(_ validator: ContainerdConfiguration.Validator) {
    findings = [Self.required(validator)] + Self.refusedFilters(validator)
  }

  private static func required(_ validator: ContainerdConfiguration.Validator) -> Finding {
    let names = validator.requiredPlugins
    guard names.contains("stockade") else {
      let listed = names.isEmpty ? "is empty" : "lists \(names.joined(separator: ", ")), not stockade"
      return Finding(
        .requiredPlugin, .limited, "required_plugins \(listed): \(consequence)",
        "set enable = true and add \"stockade\" to required_plugins in \(section), and restart containerd")
    }
    guard validator.isEnabled else {
      return Finding(
        .requiredPlugin, .limited, "required_plugins lists stockade, but the validator is off: \(consequence)",
        "set enable = true in \(section), and restart containerd")
    }
    let annotation = validator.toleratingAnnotation
    return Finding(
      .requiredPlugin, .ok,
      "no container is created while Stockade is away"
        + (annotation.isEmpty ? "" : ", but for pods with the annotation \(annotation)"))
  }

  private static func refusedFilters(_ validator: ContainerdConfiguration.Validator) -> [Finding] {
    guard validator.isEnabled, !validator.refusedFilters.isEmpty else { return [] }
    let keys = validator.refusedFilters.joined(separator: ", ")
    return [
      Finding(
        .nri, .limited, "the validator refuses containers that get a seccomp filter from Stockade: \(keys)",
        "set that to false in \(section), or use profiles without seccomp")
    ]
  }
}

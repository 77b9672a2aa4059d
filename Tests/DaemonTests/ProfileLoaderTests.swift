import Compilation
import Daemon
import Policy
import Testing

@Suite struct ProfileLoaderTests {
  @Test("a profile that was loaded carries what the kernel's tables hold of it")
  func compiled() throws {
    let spec = "process: {rules: [{path: /bin/id, action: Block}]}, network: {egress: {defaultAction: Block}}"
    let loaded = try library(["metadata: {name: p}\nspec: {\(spec)}\n"]).profile(named: "p")
    let policy = try PolicyCompiler.compile(loaded.profile)
    #expect(loaded.compiled.policy == policy)
    #expect(policy.process?.paths.count == 1 && policy.egress != nil)
  }

  @Test("every section that cannot be compiled is told when the profile is read, and nobody gets the profile")
  func tooLarge() throws {
    let ports = (1...65).map { "{port: \($0 * 2)}" }
    // As many ports as a rule may have, and one more.
    let rules = [ports[..<64], ports[64...]].map { "{ports: [\($0.joined(separator: ", "))], action: Allow}" }
    let direction = "{defaultAction: Block, rules: [\(rules.joined(separator: ", "))]}"
    let folder = try ProfilesFolder([
      "metadata: {name: p}\nspec:\n  network:\n    egress: \(direction)\n    ingress: \(direction)\n"
    ])
    let library = folder.library
    let told = library.reload().messages.filter { $0.contains("65 port ranges of spec.network.") }
    #expect(told.map { $0.split(separator: " ")[0] } == [6, 7].map { "\(folder.path)/0.yaml:\($0):" })
    let error = #expect(throws: Refusal.self) { try library.profile(named: "p") }
    #expect(error?.description.contains("65 port ranges of spec.network.egress") == true)
  }
}

import System
import Testing

@testable import Doctor

/// docs/doctor.md and the code must say the same.
@Suite struct DoctorDocumentationTests {
  /// First cells of the table's rows that are code: `| \`kernel\` | …`.
  private func rows(below heading: String) throws -> [String] {
    let text = try Files.text("\(repository)/docs/doctor.md")
    let start = try #require(text.firstRange(of: heading)).upperBound
    return text[start...].split(separator: "\n").prefix { !$0.hasPrefix("## ") }
      .filter { $0.hasPrefix("| `") }.compactMap { $0.split(separator: "`").dropFirst().first.map(String.init) }
  }

  @Test("it lists the subjects of the code, in their order")
  func subjects() throws { #expect(try rows(below: "## Subjects") == Finding.Subject.allCases.map(\.rawValue)) }

  @Test("it lists the levels of the code, from the best to the worst")
  func levels() throws { #expect(try rows(below: "## Levels") == Finding.Level.allCases.map(\.rawValue)) }

  @Test("its sample is what the code writes")
  func sample() throws {
    let text = try Files.text("\(repository)/docs/doctor.md")
    let findings = [
      Finding(.tier, .ok, "lsm, proved by a refused exec"),
      Finding(
        .instances, .missing, "none runs: new containers start without a profile",
        "install it as a plugin or as a service (README.md)"),
    ]
    let sample = try #require(text.split(separator: "```json\n").dropFirst().first?.split(separator: "```").first)
    let spaceless = { (text: String) in text.filter { $0 != " " && $0 != "\n" } }
    #expect(spaceless(String(sample)) == spaceless(Diagnosis(findings: findings).json.text))
  }

  @Test(
    "the exit status tells of the worst level",
    arguments: [(Finding.Level.ok, 0), (.limited, 0), (.unknown, 1), (.missing, 1)] as [(Finding.Level, Int32)])
  func exitStatus(level: Finding.Level, status: Int32) {
    #expect(Diagnosis(findings: [Finding(.tier, .ok, ""), Finding(.nri, level, "")]).exitStatus == status)
  }

  @Test("the table has a line a finding, with the advice below it")
  func table() {
    let findings = [Finding(.nri, .ok, "on"), Finding(.requiredPlugin, .limited, "not listed", "list it")]
    #expect(
      Diagnosis(findings: findings).table == """
        ok       NRI              on
        limited  required plugin  not listed
                                  -> list it

        """)
  }
}

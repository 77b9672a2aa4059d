import Doctor
import System

/// `stockade doctor`
enum DoctorCommand {
  /// - Returns: 0; 1 where something is missing that enforcement needs, or could not be found out.
  static func main(_ arguments: [String]) -> Int32 {
    guard arguments.isEmpty || arguments == ["-o", "json"] else {
      return Command.usage("doctor: it takes only -o json")
    }
    let diagnosis = Diagnosis.ofThisNode()
    put(arguments.isEmpty ? diagnosis.table : diagnosis.json.text + "\n", to: 1)
    return diagnosis.exitStatus
  }
}

/// The activities of OCSF that events become: a class and what happened in its words.
enum OCSFActivity: CaseIterable {
  case launchProcess, openProcess
  case readFile, updateFile, openFile, mapFile
  case openConnection, traffic, listen
  case createFinding

  /// A class of OCSF.
  enum Class: Int {
    case fileActivity = 1001
    case processActivity = 1007
    case detectionFinding = 2004
    case networkActivity = 4001

    var name: String {
      switch self {
      case .fileActivity: "File System Activity"
      case .processActivity: "Process Activity"
      case .detectionFinding: "Detection Finding"
      case .networkActivity: "Network Activity"
      }
    }

    /// `category_uid`: the number's first digit.
    var category: Int { rawValue / 1000 }
  }

  var ofClass: Class {
    switch self {
    case .launchProcess, .openProcess: .processActivity
    case .readFile, .updateFile, .openFile, .mapFile: .fileActivity
    case .openConnection, .traffic, .listen: .networkActivity
    case .createFinding: .detectionFinding
    }
  }

  /// `activity_id`, which has a meaning only within its class.
  var number: Int {
    switch self {
    case .launchProcess, .openConnection, .createFinding: 1
    case .readFile: 2
    case .openProcess, .updateFile: 3
    case .traffic: 6
    case .listen: 7
    case .openFile: 14
    // Other: OCSF knows no mapping of code.
    case .mapFile: 99
    }
  }

  var name: String {
    switch self {
    case .launchProcess: "Launch"
    case .openProcess, .openFile, .openConnection: "Open"
    case .readFile: "Read"
    case .updateFile: "Update"
    case .mapFile: "Map Code"
    case .traffic: "Traffic"
    case .listen: "Listen"
    case .createFinding: "Create"
    }
  }

  /// `type_uid`.
  var type: Int { ofClass.rawValue * 100 + number }
}

enum OCSFSeverity: Int {
  case informational = 1
  case low, medium, high, critical

  var name: String {
    switch self {
    case .informational: "Informational"
    case .low: "Low"
    case .medium: "Medium"
    case .high: "High"
    case .critical: "Critical"
    }
  }
}

/// `status_id`: of an activity `unknown` or `failure`, of a finding `new`.
enum OCSFStatus {
  case unknown, failure, new

  var number: Int {
    switch self {
    case .unknown: 0
    case .new: 1
    case .failure: 2
    }
  }

  var name: String {
    switch self {
    case .unknown: "Unknown"
    case .new: "New"
    case .failure: "Failure"
    }
  }
}

/// What Stockade did about it, as the profile `security_control` has it.
enum OCSFControl {
  case blocked, dropped, logged, corrected, uncorrected

  var isDenial: Bool { self == .blocked || self == .dropped }

  var action: (number: Int, name: String) {
    switch self {
    case .blocked, .dropped: (2, "Denied")
    case .logged, .uncorrected: (3, "Observed")
    case .corrected: (4, "Modified")
    }
  }

  var disposition: (number: Int, name: String) {
    switch self {
    case .blocked: (2, "Blocked")
    case .dropped: (6, "Dropped")
    case .corrected: (11, "Corrected")
    case .uncorrected: (13, "Uncorrected")
    case .logged: (17, "Logged")
    }
  }
}

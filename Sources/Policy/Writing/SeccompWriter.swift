import System

extension SeccompSection {
  /// The keys of `spec.seccomp`.
  var members: [(String, JSON)] {
    var members: [(String, JSON)] = [("type", .string(kind.rawValue))]
    if case .localhost(let name) = source { members.append(("localhostProfile", .string(name))) }
    if replacesPod { members.append(("replacesPod", true)) }
    members.add("addedCapabilities", addedCapabilities)
    if case .inline(let filter) = source { members += filter.members }
    return members
  }

  private var kind: Kind {
    switch source {
    case .runtimeDefault: .runtimeDefault
    case .localhost: .localhost
    case .inline: .inline
    }
  }
}

extension SeccompFilter {
  fileprivate var members: [(String, JSON)] {
    var members: [(String, JSON)] = [("defaultAction", .string(defaultAction))]
    if let defaultErrno { members.append(("defaultErrnoRet", .unsigned(UInt64(defaultErrno)))) }
    members.add("architectures", architectures)
    members.add("flags", flags)
    members.add("syscalls", syscalls) { .object($0.members) }
    return members
  }
}

extension SeccompFilter.Rule {
  fileprivate var members: [(String, JSON)] {
    var members: [(String, JSON)] = []
    members.add("names", names)
    members.append(("action", .string(action)))
    if let errnoReturn { members.append(("errnoRet", .unsigned(UInt64(errnoReturn)))) }
    members.add("args", arguments) { .object($0.members) }
    return members
  }
}

extension SeccompFilter.Argument {
  fileprivate var members: [(String, JSON)] {
    let second: [(String, JSON)] = valueTwo == 0 ? [] : [("valueTwo", .unsigned(valueTwo))]
    return [("index", .unsigned(UInt64(index))), ("value", .unsigned(value))] + second + [("op", .string(op))]
  }
}

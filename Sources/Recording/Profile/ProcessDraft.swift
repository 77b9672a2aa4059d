import Policy

/// Programs -> process rules. Programs are never generalised: each has its own path.
extension ProfileDraft {
  mutating func addProcess() {
    guard tier >= .signal, sees(.execs, for: "process section") else { return }
    profile.process = ProcessSection()
    profile.process?.defaultAction = .block
    addEntrypoint()
    if tier >= .fmodRet { tellUnseen(.mappings, "New files that are only mapped as code may lack rules") }
    let programs = Program.all(of: recording, mappings: tier >= .fmodRet)
    leaveOut(programs.filter { $0.text == nil }.map(\.name), "no rule can name such a path")
    let nameable = programs.filter { $0.text != nil }
    let isListing = options.hasArguments
    let kept = fitting(
      nameable, limit: PathRuleParser.rulesMax, bytes: { $0.bytes(withArguments: isListing) },
      name: \.name)
    for program in kept { add(program) }
    if recording.execs.keys.contains(where: \.file.isFileless) || hasFilelessMapping {
      profile.process?.fileless = .allow
      warn(at: "spec.process.fileless", "the workload ran code that lies in no file, so such code is not refused.")
    }
  }

  private var hasFilelessMapping: Bool {
    tier >= .fmodRet && recording.mappings.keys.contains(where: \.file.isFileless)
  }

  private mutating func addEntrypoint() {
    let entrypoints = recording.execs.keys.filter(\.isEntrypoint)
    guard entrypoints.isEmpty || entrypoints.contains(where: \.file.isOfImage) else { return }
    profile.process?.allowEntrypoint = true
    guard entrypoints.isEmpty else { return }
    comments.above["spec.process.allowEntrypoint"] = ["The start was not recorded. Without this no container starts."]
  }

  private mutating func add(_ program: Program) {
    guard let path = program.text else { return }
    let place = "spec.process.rules[\(profile.process?.rules.count ?? 0)]"
    var rule = PathRule(path: path, isDirectory: false, action: .allow, location: Self.location)
    rule.allowNew = program.isNew
    if program.isNew {
      warn(at: place, "this file is not of the image: whoever can change it chooses what runs here.")
      if VolatileName.matches(program.path.names.last ?? []) {
        warn(at: place, "its name looks like one that is another in the next run, and no rule can name that.")
      }
    }
    if options.hasArguments { addArguments(program, to: &rule, at: place) }
    profile.process?.rules.append(rule)
    count(program.count, at: place)
  }

  private mutating func addArguments(_ program: Program, to rule: inout PathRule, at place: String) {
    switch program.firstArguments {
    case .unknown: break
    case .tooMany:
      comments.above[place, default: []].append("Its first arguments are not listed: no list can hold them.")
    case .texts(let texts):
      comments.above[place, default: []].append("Other first arguments are reported.")
      rule.action = .audit
      rule.arguments = texts.map { ArgumentRule(kind: .equals, text: $0, index: 1, action: .allow) }
    }
  }
}

extension Recording.File {
  var isOfImage: Bool { !isNew && !isFileless }
}

/// A path from which code was loaded, and that needs a rule.
private struct Program {
  enum FirstArguments {
    case unknown, tooMany
    /// Sorted.
    case texts([String])
  }

  var path: NamedPath
  var isNew = false
  var count: UInt64 = 0
  var arguments: [[[UInt8]]?] = []

  init(_ path: NamedPath) { self.path = path }

  var name: String { ByteText.written(path.bytes) }
  var text: String? { path.text(isDirectory: false) }

  /// - Parameter mappings: whether what was mapped without an exec counts.
  static func all(of recording: Recording, mappings: Bool) -> [Program] {
    var programs: [[UInt8]: Program] = [:]
    // `allowEntrypoint` does not hold for new files.
    for (exec, count) in recording.execs where !exec.file.isFileless && (!exec.isEntrypoint || exec.file.isNew) {
      programs[exec.file.path, default: Program(NamedPath(exec.file.path))].add(exec.file, count, exec.arguments)
    }
    // What is of the image may be mapped without a rule.
    for (mapped, count) in recording.mappings where mappings && mapped.file.isNew && !mapped.file.isFileless {
      programs[mapped.file.path, default: Program(NamedPath(mapped.file.path))].add(mapped.file, count, nil)
    }
    return programs.values.sorted { $0.path < $1.path }
  }

  private mutating func add(_ file: Recording.File, _ count: UInt64, _ arguments: [[UInt8]]?) {
    isNew = isNew || file.isNew
    self.count = self.count.addingOrMax(count)
    self.arguments.append(arguments)
  }

  /// Of the path and of the rule's comments, with the keys of each argument rule.
  func bytes(withArguments: Bool) -> Int {
    let bytes = name.utf8.count + (isNew ? 128 : 0)
    guard withArguments, case .texts(let texts) = firstArguments else { return bytes }
    return texts.reduce(bytes) { $0 + $1.utf8.count + 32 }
  }

  var firstArguments: FirstArguments {
    let known = arguments.compactMap(\.self)
    guard known.count == arguments.count, !known.isEmpty else { return .unknown }
    let firsts = Set(known.map { $0.count > 1 ? $0[1] : [] })
    let texts = firsts.compactMap { String(validating: $0, as: UTF8.self) }.filter(Self.fits)
    guard texts.count == firsts.count, texts.count <= PathRuleParser.argumentsMax else { return .tooMany }
    return .texts(texts.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) })
  }

  /// Whether a rule can have the text.
  private static func fits(_ text: String) -> Bool {
    (1...PathRuleParser.argumentTextMaxBytes).contains(text.utf8.count) && ByteText.written(Array(text.utf8)) == text
  }
}

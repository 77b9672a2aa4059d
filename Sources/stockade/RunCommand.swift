import Daemon

/// `stockade run`
enum RunCommand {
  static func main(_ arguments: [String]) -> Int32 {
    var options = Service.RunOptions()
    var rest = arguments[...]
    while let option = rest.popFirst() {
      guard ["--config", "--socket", "--name", "--index"].contains(option) else {
        return Command.usage("run: unknown option \"\(option)\"")
      }
      guard let value = rest.popFirst() else { return Command.usage("run: \(option) needs a value") }
      switch option {
      case "--config": options.configurationFile = value
      case "--socket": options.socketPath = value
      case "--name": options.name = value
      default: options.index = value
      }
    }
    return Service.run(options)
  }
}

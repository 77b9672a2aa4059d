import CProtobuf
import Events
import TTRPC

/// The place of an event among all that one Stockade has told.
package struct EventPosition: Equatable, Sendable {
  /// Another one after each start.
  package var instance: String
  package var number: UInt64

  package init(instance: String, number: UInt64) { (self.instance, self.number) = (instance, number) }

  init(_ message: PositionMessage) { self.init(instance: text(message.instance), number: message.number) }

  func write(to message: inout PositionMessage, _ arena: Arena) {
    message.instance = arena.string(instance)
    message.number = number
  }
}

/// An event passes that has one of the values of each list that is not empty.
package struct EventFilter: Equatable, Sendable {
  package var namespaces: [String] = []
  package var pods: [String] = []
  /// Names or ids.
  package var containers: [String] = []
  package var profiles: [String] = []
  package var kinds: [String] = []
  package var actions: [String] = []
  package var sections: [String] = []

  package static let valuesMax = 64

  package init() {}

  var isTooLong: Bool {
    [namespaces, pods, containers, profiles, kinds, actions, sections].contains { $0.count > Self.valuesMax }
  }

  /// What is missing concerns every reader, so `dropped` always passes.
  package func passes(_ event: Event) -> Bool {
    if case .lost = event { return true }
    func isOne(_ list: [String], of values: String?...) -> Bool {
      list.isEmpty || values.contains { $0.map(list.contains) ?? false }
    }
    let subject = event.subject
    return isOne(namespaces, of: subject?.podNamespace) && isOne(pods, of: subject?.podName)
      && isOne(containers, of: subject?.containerName, subject?.containerID) && isOne(profiles, of: event.profile)
      && isOne(kinds, of: event.kind) && isOne(actions, of: event.action) && isOne(sections, of: event.section.rawValue)
  }

  fileprivate init(_ message: EventFilterMessage) {
    namespaces = texts(message.n_namespaces, message.namespaces)
    pods = texts(message.n_pods, message.pods)
    containers = texts(message.n_containers, message.containers)
    profiles = texts(message.n_profiles, message.profiles)
    kinds = texts(message.n_kinds, message.kinds)
    actions = texts(message.n_actions, message.actions)
    sections = texts(message.n_sections, message.sections)
  }

  fileprivate func write(to message: inout EventFilterMessage, _ arena: Arena) {
    (message.n_namespaces, message.namespaces) = arena.array(namespaces, arena.string)
    (message.n_pods, message.pods) = arena.array(pods, arena.string)
    (message.n_containers, message.containers) = arena.array(containers, arena.string)
    (message.n_profiles, message.profiles) = arena.array(profiles, arena.string)
    (message.n_kinds, message.kinds) = arena.array(kinds, arena.string)
    (message.n_actions, message.actions) = arena.array(actions, arena.string)
    (message.n_sections, message.sections) = arena.array(sections, arena.string)
  }
}

/// What a client of WatchEvents asks for.
package struct WatchRequest: Equatable, Sendable {
  package var filter = EventFilter()
  package var after: EventPosition?
  package var backlog = 0
  /// Whether the stream ends with the last event that is remembered.
  package var isPastOnly = false

  package init() {}

  init(_ message: WatchEventsRequestMessage) {
    if let message = message.filter?.pointee { filter = EventFilter(message) }
    after = message.after.map { EventPosition($0.pointee) }
    backlog = Int(message.backlog)
    isPastOnly = message.past_only != 0
  }

  func write(to message: inout WatchEventsRequestMessage, _ arena: Arena) {
    message.filter = arena.message { filter.write(to: &$0, arena) }
    if let after { message.after = arena.message { after.write(to: &$0, arena) } }
    message.backlog = UInt32(clamping: backlog)
    message.past_only = isPastOnly ? 1 : 0
  }
}

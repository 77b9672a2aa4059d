import CProtobuf
import Events
import Glibc
import RPC
import Synchronization
import System
import TTRPC

/// WatchEvents: the events of the hub, to clients that come and go.
enum EventService {
  /// The most that waits for one client. Each client shares the events with all others.
  static let waitingBytes = 256 << 10
  /// Why events are missing in a stream.
  private static let slowness = "they came faster than they were taken"
  private static let forgotten = "they are not remembered any more, and a filter may not have let all of them pass"
  private static let restarted = "Stockade has started anew since then"

  /// Who tells the events.
  struct Source: Sendable {
    var instance: String
    var node: String
  }

  static func method(_ node: any ControlledNode) -> RPCMethod {
    RPCMethod.stream(ControlService.Method.watchEvents.path) { (bytes, _, stream) throws(RPCStatus) in
      let request = try ControlService.decoded(bytes) { (message: WatchEventsRequestMessage) in
        WatchRequest(message)
      }
      if request.filter.isTooLong {
        throw RPCStatus(.invalidArgument, "a list of the filter has over \(EventFilter.valuesMax) values")
      }
      try watch(node, request, stream)
    }
  }

  private static func watch(
    _ node: any ControlledNode, _ request: WatchRequest, _ stream: RPCStream
  ) throws(RPCStatus) {
    let (source, hub) = (Source(instance: node.instance, node: node.name), node.events)
    let isAnother = request.after.map { $0.instance != source.instance } ?? false
    let start: EventHub.Start =
      switch request.after {
      case .some(let after) where !isAnother: .after(after.number)
      // What an earlier Stockade told is not known here; all that this one remembers is new to the client.
      case .some: .last(.max)
      case nil: .last(request.backlog)
      }
    let first = { (begin: UInt64, missed: UInt64) in
      [Self.begin(source.instance, begin)] + (isAnother ? [lost(0, restarted)] : [])
        + (missed > 0 ? [lost(missed, forgotten)] : [])
    }
    if request.isPastOnly {
      let past = hub.past(from: start, wants: request.filter.passes)
      return stream.open(with: first(past.begin, past.missed) + past.events.map { item($0.event, $0.number, source) }) {
        stream.finish(.ok)
      }
    }
    // The first items must be on their way before the first event.
    let isOpen = Monitor(false)
    let guest: EventHub.Guest
    do throws(Errno) {
      guest = try hub.addGuest(
        "a client of the control socket", limitBytes: waitingBytes, from: start, wants: request.filter.passes
      ) { (number, event) throws(Errno) in
        isOpen.wait { $0 }
        for item in items(of: event, number, source) where !stream.send(item) {
          throw Errno(EPIPE, "send events to a client")
        }
      }
    } catch { throw RPCStatus(.resourceExhausted, "\(error)") }
    stream.whenOver { [hub] in
      isOpen.withLock { $0 = true }
      hub.remove(guest)
    }
    stream.open(with: first(guest.begin, guest.missed)) { isOpen.withLock { $0 = true } }
  }

  /// The items that an event becomes. Without a number it stands in the place of others.
  private static func items(of event: Event, _ number: UInt64?, _ source: Source) -> [[UInt8]] {
    guard let number else {
      guard case .lost(let losses) = event else { return [] }
      return (losses.unwritten > 0 ? [lost(losses.unwritten, slowness)] : [])
        + (losses.counts.isEmpty ? [] : [item(event, 0, source)])
    }
    return [item(event, number, source)]
  }

  private static func item(_ event: Event, _ number: UInt64, _ source: Source) -> [UInt8] {
    WatchEventsResponseMessage.encode { message, arena in
      message.item_case = STOCKADE__CONTROL__V1ALPHA1__WATCH_EVENTS_RESPONSE__ITEM_EVENT
      message.event = arena.message { event.write(to: &$0, number, source, arena) }
    }
  }

  private static func lost(_ count: UInt64, _ reason: String) -> [UInt8] {
    WatchEventsResponseMessage.encode { message, arena in
      message.item_case = STOCKADE__CONTROL__V1ALPHA1__WATCH_EVENTS_RESPONSE__ITEM_LOST
      message.lost = arena.message { (lost: inout LostEventsMessage) in
        lost.count = count
        lost.reason = arena.string(reason)
      }
    }
  }

  private static func begin(_ instance: String, _ number: UInt64) -> [UInt8] {
    WatchEventsResponseMessage.encode { message, arena in
      message.item_case = STOCKADE__CONTROL__V1ALPHA1__WATCH_EVENTS_RESPONSE__ITEM_BEGIN
      message.begin = arena.message { EventPosition(instance: instance, number: number).write(to: &$0, arena) }
    }
  }
}

extension Event {
  fileprivate func write(
    to message: inout EventMessage, _ number: UInt64, _ source: EventService.Source, _ arena: Arena
  ) {
    if number > 0 {
      message.position = arena.message {
        EventPosition(instance: source.instance, number: number).write(to: &$0, arena)
      }
    }
    message.time = timeNanoseconds
    message.kind = arena.string(kind)
    message.action = arena.string(action ?? "")
    message.section = arena.string(section.rawValue)
    message.pod_namespace = arena.string(subject?.podNamespace ?? "")
    message.pod_name = arena.string(subject?.podName ?? "")
    message.container_name = arena.string(subject?.containerName ?? "")
    message.container_id = arena.string(subject?.containerID ?? "")
    message.profile = arena.string(profile ?? "")
    message.summary = arena.string(summary)
    message.record = arena.string(json(node: source.node).text)
  }
}

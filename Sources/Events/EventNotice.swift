/// What an observer of the events is told.
package enum EventNotice: Sendable {
  case record(EventRecord)
  /// Records are missing before this, or something could not be followed.
  case lost(EventLosses)
}

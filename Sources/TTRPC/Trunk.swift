/// Everything that is received on a trunk: bytes come in, and whole messages of the two connections come out.
package struct TrunkDecoder: Equatable, Sendable {
  package struct Received: Equatable, Sendable {
    package let connection: UInt32
    package let message: Message
    /// If `message` has only a part of a long message's body, the place of that part; nil: `message` is whole.
    package var part: BodyPlace?
  }

  private var frames: FrameDecoder
  private var plugin: MessageDecoder
  private var runtime = MessageDecoder()

  /// - Parameter longCalls: a call of the plugin that is longer than messages may be comes out in parts. If false, it
  ///   is an error.
  package init(longCalls: Bool = false) {
    frames = FrameDecoder(longCalls: longCalls)
    plugin = MessageDecoder(takesLong: longCalls)
  }

  /// - Parameter bytes: what the socket gave, cut anywhere.
  package mutating func receive(_ bytes: ArraySlice<UInt8>) throws(WireError) -> [Received] {
    var received: [Received] = []
    for piece in try frames.receive(bytes) {
      let isPlugin = piece.connection == Connection.plugin
      let messages = try isPlugin ? plugin.receive(piece.bytes) : runtime.receive(piece.bytes)
      received += messages.map {
        Received(connection: piece.connection, message: $0.message, part: $0.part)
      }
    }
    return received
  }

  /// Must be called when the socket has ended. It may only end between messages.
  package func finish() throws(WireError) {
    try frames.finish()
    if !plugin.isBetweenMessages { throw .endInsideMessage(connection: Connection.plugin) }
    if !runtime.isBetweenMessages { throw .endInsideMessage(connection: Connection.runtime) }
  }
}

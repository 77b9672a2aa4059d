extension Node {
  /// How much of a text is read. Without others, what is enough for everything that people write.
  package struct Limits {
    var bytes: Int
    var nodes: Int

    package init(bytes: Int = Node.fileMaxBytes, nodes: Int = Node.nodesMax) {
      (self.bytes, self.nodes) = (bytes, nodes)
    }
  }
}

/** Plain counters of one multiplexer. They only grow. */
export class RpcStats {
  framesIn = 0
  framesOut = 0
  bytesIn = 0
  bytesOut = 0
  messagesIn = 0
  messagesOut = 0
  /** Socket writes: at most one per connection and flush. */
  writes = 0
  linksUp = 0
  linksDown = 0
  dials = 0
  handshakesRefused = 0
  handshakesTimedOut = 0
  /** Silent connections that were closed to make room for newer ones. */
  handshakesCrowdedOut = 0
  protocolErrors = 0
  /** Exceptions that handlers threw: each cost its connection. */
  handlerErrors = 0
  /** Group messages for replicas that are not here. */
  noSuchReplica = 0
  /** Sends refused because a queue or window was full. */
  refusedSends = 0
  heartbeatsOut = 0
  heartbeatsIn = 0
}

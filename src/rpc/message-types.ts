/** The type byte before each message of a frame; `proto/rpc.proto` is the register. Below 16: the link itself. */
export const MSG_HELLO = 1
export const MSG_HELLO_ANSWER = 2
export const MSG_READY = 3
export const MSG_GOODBYE = 4
export const MSG_GROUP_ALIAS = 5
export const MSG_NO_SUCH_REPLICA = 6
export const MSG_HEARTBEAT = 7
export const MSG_HEARTBEAT_ACK = 8
export const MSG_FLUSH_NUMBERS = 9

export const MSG_VOTE_REQUEST = 16
export const MSG_VOTE_RESPONSE = 17
export const MSG_APPEND_REQUEST = 18
export const MSG_APPEND_RESPONSE = 19
export const MSG_TIMEOUT_NOW = 20
export const MSG_READ_INDEX_REQUEST = 21
export const MSG_READ_INDEX_RESPONSE = 22

export const MSG_FORWARD_REQUEST = 32
export const MSG_FORWARD_RESPONSE = 33
export const MSG_CALL = 34
export const MSG_REPLY = 35

/** The protocol versions that this code speaks. */
export const PROTOCOL_MIN = 1
export const PROTOCOL_MAX = 1

/** The two connections of a pair, and one that only asks who is there. The numbers are those of `ConnectionKind`. */
export const KIND_CONTROL = 1
export const KIND_BULK = 2
export const KIND_PROBE = 3
export type ConnectionKind = typeof KIND_CONTROL | typeof KIND_BULK | typeof KIND_PROBE

/** Stores host groups and dial each other; clients forward and call only, and are never dialed (`PeerRole`). */
export const ROLE_STORE = 0
export const ROLE_CLIENT = 1
export type PeerRole = typeof ROLE_STORE | typeof ROLE_CLIENT

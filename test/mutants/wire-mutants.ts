import type { Mutant } from './mutant.ts'

const CONNECTION = 'src/rpc/connection.ts'
const JUDGEMENT = 'src/store/peer-judgement.ts'

/** Bugs between stores, and between stores and callers. */
export const WIRE_MUTANTS: readonly Mutant[] = [
  {
    name: 'stale-frame-accepted',
    what: 'A frame is taken whatever its connection, boot and sequence numbers are.',
    edits: [
      {
        file: CONNECTION,
        find: `    if (frame.sequence !== this.sequenceIn) {`,
        replace: `    if (frame.sequence === 0) {`,
      },
      {
        file: CONNECTION,
        find: `    if (this.id !== 0 && frame.connection !== this.id) throw protocolError('a frame of another connection')
    if (this.hello !== null && frame.boot !== this.hello.boot) throw protocolError('a frame of another boot')
`,
        replace: ``,
      },
    ],
  },
  {
    name: 'frame-crc-ignored',
    what: 'Messages are taken without a look at their frame’s CRC.',
    edits: [
      {
        file: 'src/rpc/frame.ts',
        find: `    if (sum !== buffer.readUInt32LE(start + AT_CRC)) throw protocolError('a frame fails its CRC')
`,
        replace: `    if (sum < 0) throw protocolError('a frame fails its CRC')
`,
      },
    ],
  },
  {
    name: 'incarnation-ignored',
    what: 'A store that comes with another incarnation is taken for a new one.',
    edits: [
      {
        file: JUDGEMENT,
        find: `  if (known.incarnation === '') return null
`,
        replace: `  if (known.incarnation !== hello.incarnation) return null
`,
      },
      {
        file: JUDGEMENT,
        find: `  if (seen.incarnation === '') return null
`,
        replace: `  if (seen.incarnation !== me.incarnation) return null
`,
      },
    ],
  },
  {
    name: 'rollback-ignored',
    what: 'A store that comes back with fewer starts or flushes than it had is taken in.',
    edits: [
      {
        file: JUDGEMENT,
        find: `  if (hello.boot < known.boot) {
    return`,
        replace: `  if (hello.boot <= known.boot) return null
  if (hello.boot < known.boot) {
    return`,
      },
      {
        file: JUDGEMENT,
        find: `  if (seen.boot > me.boot) {
    return`,
        replace: `  if (seen.boot >= me.boot) return null
  if (seen.boot > me.boot) {
    return`,
      },
    ],
  },
  {
    name: 'forward-sent-twice',
    what: 'A forwarded write whose connection broke is forwarded again.',
    edits: [
      {
        file: 'src/client/forwarder.ts',
        find: `    for (const batch of sent) this.#refuseAll(target, batch, lost)`,
        replace: `    for (const batch of sent) this.#refuseAll(target, batch, notConnected(storeId) ?? lost)`,
      },
    ],
  },
  {
    name: 'stale-forward-answer',
    what: 'What was asked over an old connection is answered over the new one.',
    edits: [
      {
        file: 'src/client/forward-server.ts',
        find: `      if (link.epoch === this.#epoch && link.connected) {`,
        replace: `      if (link.epoch >= this.#epoch && link.connected) {`,
      },
      {
        file: 'src/client/forward-server.ts',
        find: `    this.#sources.delete(storeId)
`,
        replace: `    this.#sources.get(storeId)
`,
      },
    ],
  },
  {
    name: 'window-without-bound',
    what: 'A leader sends appends to a follower without waiting for its acks.',
    edits: [
      {
        file: 'src/raft/replicator.ts',
        find: `    return window.lastIndexes.length < MAX_APPENDS_IN_FLIGHT && window.totalBytes < MAX_APPEND_BYTES_IN_FLIGHT`,
        replace: `    return window.lastIndexes.length < MAX_APPENDS_IN_FLIGHT * MAX_APPEND_BYTES_IN_FLIGHT`,
      },
    ],
  },
  {
    name: 'cache-without-bound',
    what: 'A leader takes calls however many bytes of its log wait in memory.',
    edits: [
      {
        file: 'src/raft/proposer.ts',
        find: `    if (!log.hasRoom(inBlocks, -1, this.#spokenFor)) return 'the cache of its log is full'
`,
        replace: ``,
      },
    ],
  },
]

import type { StoreHost } from '../store/store-host.ts'
import type { DiskMirror } from './disk-mirror.ts'
import type { GroupGhost } from './ghost.ts'
import type { HistoryEntry } from './history.ts'
import type { LogRecord } from './logger.ts'
import type { Mark } from './mark-table.ts'
import type { Marks } from './marks.ts'

/** What stores log, by its words, reasons included. */
const LOGGED: ReadonlyArray<readonly [Mark, RegExp]> = [
  ['step-down/no-quorum', /^stepped down: no quorum answered/],
  ['step-down/higher-term', /^stepped down: .*in a higher term/],
  ['step-down/lost-election', /^stepped down: another one was elected/],
  ['step-down/vote-timeout', /^stepped down: no quorum of votes/],
  ['step-down/stuck-disk', /^stepped down: the disk is stuck/],
  ['step-down/missing-prefix', /^stepped down: .*this log does not hold/],
  ['left-behind', /^a follower is left behind/],
  ['start/torn-log', /as a crash leaves it; nothing there had been reported/],
  ['start/torn-state', /was cut from \d+ to \d+ bytes/],
  ['start/ledger-slot', /^The ledger .* had \d+ bad slots/],
  ['start/state-set-aside', /It was moved to .*; the log replays/],
  ['suspect/accused', /^suspect to store/],
  ['suspect/wiped', /^suspect to store .*wiped or replaced/],
  ['suspect/rolled-back', /^suspect to store .*(older copy|rolled back|two processes)/],
  ['disk/stuck', /^a flush is not back after an election timeout/],
]

export function markLogged(marks: Marks, { message, fields }: LogRecord): void {
  const { reason } = fields
  const text = typeof reason === 'string' ? `${message}: ${reason}` : message
  for (const [mark, words] of LOGGED) if (words.test(text)) marks.reach(mark)
}

const ENDED: ReadonlyArray<readonly [Mark, RegExp]> = [
  ['start/ledger-refuses', /the ledger knows of/],
  ['start/hole-refused', /missing among others|is bad at byte|written after it|is damaged at index/],
  ['end/worker-died', /^The worker of shard/],
  ['end/stuck-disk', /the disk is stuck/],
]

/** A store ended by itself, or did not open. */
export function markEnding(marks: Marks, code: string, message: string): void {
  if (code === 'STORAGE_FAILED') marks.reach('end/storage-error')
  for (const [mark, words] of ENDED) if (words.test(message)) marks.reach(mark)
}

const CALLS: Readonly<Record<string, Mark>> = {
  'refused FLOTILLA_BUSY': 'call/busy',
  'refused FLOTILLA_TIMEOUT': 'call/timeout',
  'unknown FLOTILLA_TIMEOUT': 'call/timeout-unknown',
  'unknown FLOTILLA_CONNECTION_LOST': 'call/connection-lost',
  'refused FLOTILLA_TERM_MISMATCH': 'call/term-mismatch',
  'refused FLOTILLA_CLOSED': 'call/closed',
  'unknown FLOTILLA_CLOSED': 'call/closed',
}

/** Which queue refused a call, by its words. No run fills those of a store's callers, forwarder and scans. */
const QUEUES: ReadonlyArray<readonly [Mark, RegExp]> = [
  ['busy/calls', /too much in flight: \d+ calls/],
  ['busy/call-bytes', /too much in flight: \d+ bytes/],
  ['busy/log-cache', /too much in flight: the cache/],
  ['busy/disk', /too much in flight: its disk/],
  ['busy/reads', /reads waiting/],
]

/** At the end, of the whole history. */
export function markCalls(marks: Marks, entries: readonly HistoryEntry[]): void {
  for (const { outcome, error, message } of entries) {
    const mark = CALLS[`${outcome} ${error}`]
    if (mark === undefined) continue
    marks.reach(mark)
    if (mark === 'call/busy') markQueue(marks, message ?? '')
  }
}

function markQueue(marks: Marks, message: string): void {
  for (const [mark, words] of QUEUES) if (words.test(message)) marks.reach(mark)
}

const COUNTED = [
  ['link/refused-send', 'refusedSends'],
  ['link/protocol-error', 'protocolErrors'],
  ['link/handshake-refused', 'handshakesRefused'],
  ['link/handshake-late', 'handshakesTimedOut'],
] as const satisfies ReadonlyArray<readonly [Mark, string]>
/** Of one kind at one look: a queue that is full refuses thousands. */
const MOST_COUNTED = 16

/** What the links of one life count for themselves: now and then it is looked at what has been added. */
export class LinkMarks {
  readonly #marks: Marks
  readonly #seen = new Map<Mark, number>()

  constructor(marks: Marks) {
    this.#marks = marks
  }

  look(host: StoreHost): void {
    const { rpc } = host.stats()
    for (const [mark, name] of COUNTED) {
      const more = rpc[name] - (this.#seen.get(mark) ?? 0)
      this.#seen.set(mark, rpc[name])
      for (let left = Math.min(more, MOST_COUNTED); left > 0; left--) this.#marks.reach(mark)
    }
  }
}

/** A life as it was when it ended by a crash. The disk shows what survived. */
export interface CrashedLife {
  /** Null before the store had its host. */
  readonly host: StoreHost | null
  readonly serves: boolean
  readonly disk: DiskMirror
  readonly unsentBytes: number
  readonly writesInFlight: number
  readonly group: (groupId: string) => GroupGhost
}

export function markCrash(marks: Marks, life: CrashedLife): void {
  const { host, serves, disk, unsentBytes, writesInFlight } = life
  if (!serves) marks.reach('crash/while-starting')
  if (writesInFlight > 0) marks.reach('crash/flush-in-flight')
  if (host === null) return
  const states = new Set([...host.groups()].map(({ node }) => node?.state))
  if (states.has('leader')) marks.reach('crash/leader')
  else marks.reach('crash/follower')
  if (states.has('candidate')) marks.reach('crash/candidate')
  if (states.has('leader') && unsentBytes > 0) marks.reach('crash/half-sent-frame')
  for (const log of disk.logs()) markUntold(marks, life, host.storeId, log)
}

/** What the disk holds and nobody was told. */
function markUntold(
  marks: Marks,
  { group }: CrashedLife,
  storeId: string,
  log: { readonly group: GroupGhost; readonly replica: number; readonly term: number } & {
    readonly votedFor: number
    readonly lastIndex: number
  },
): void {
  const replica = group(log.group.groupId).replica(storeId, log.replica)
  if (log.votedFor !== 0 && replica.votes.get(log.term) === undefined)
    marks.reach(log.votedFor === log.replica ? 'crash/own-vote-not-told' : 'crash/vote-not-told')
  if (log.lastIndex > replica.ackedIndex) marks.reach('crash/ack-not-told')
}

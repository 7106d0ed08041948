import { Keyspace } from '../kv/keyspace.ts'
import { crc32 } from '../util/crc.ts'
import { CounterGhost } from './counter-machine.ts'
import type { LogEntry } from './ghost-state.ts'
import type { GroupGhost } from './ghost.ts'
import type { HistoryEntry } from './history.ts'
import { changesOf, checkHistory, type HistoryVerdict } from './history-check.ts'
import { KvGhost } from './kv-ghost.ts'

interface Committed {
  readonly group: GroupGhost
  readonly index: number
  readonly entry: LogEntry
  readonly atMs: number
}

/** Stands for a delete among the values that were sent for a key. */
const DELETED = -1

/** The key-value calls of somebody else, who may send what he likes: they are judged when all of them are known. */
export class UserKv {
  readonly #splitKeys: readonly string[]
  readonly #nowMs: () => number
  readonly #committed: Committed[] = []

  constructor(splitKeys: readonly string[], nowMs: () => number) {
    this.#splitKeys = splitKeys
    this.#nowMs = nowMs
  }

  onCommitted(group: GroupGhost, index: number, entry: LogEntry): void {
    this.#committed.push({ group, index, entry, atMs: this.#nowMs() })
  }

  /**
   * I-15, I-17, I-17b and I-18, of all keyspaces. Null where two calls put the same value to the same key: then nothing tells
   * whose a command is.
   */
  check(history: readonly HistoryEntry[]): HistoryVerdict | null {
    const sent = sentBy(history)
    if (sent === null) return null
    let atMs = 0
    const wasSent = (_groupId: string, key: string, crc: number | null): boolean =>
      sent.get(key)?.has(crc ?? DELETED) ?? false
    const ghost = new KvGhost(wasSent, () => atMs)
    for (const { group, index, entry, atMs: committedAtMs } of this.#committed) {
      atMs = committedAtMs
      ghost.onCommitted(group, index, entry)
    }
    const noCounters = new CounterGhost()
    const verdict = { operations: 0, steps: 0, undecided: 0 }
    for (const [keyspace, entries] of byKeyspace(history)) {
      const { operations, steps, undecided } = checkHistory(
        entries,
        ghost,
        noCounters,
        this.#splitKeys,
        keyspace,
      )
      verdict.operations += operations
      verdict.steps += steps
      verdict.undecided += undecided
    }
    return verdict
  }
}

/** What calls wanted each key to hold, as CRCs; null when two of them wanted the same. */
function sentBy(history: readonly HistoryEntry[]): Map<string, Map<number, HistoryEntry>> | null {
  const sent = new Map<string, Map<number, HistoryEntry>>()
  for (const entry of history) {
    for (const change of changesOf(entry)) {
      const key = new Keyspace(entry.target).fullKey(Buffer.from(change.key)).toString('latin1')
      const known = sent.get(key) ?? new Map<number, HistoryEntry>()
      sent.set(key, known)
      const crc = change.type === 'put' ? crc32(change.value) : DELETED
      if (crc !== DELETED && (known.get(crc) ?? entry) !== entry) return null
      known.set(crc, entry)
    }
  }
  return sent
}

function byKeyspace(history: readonly HistoryEntry[]): Map<string, HistoryEntry[]> {
  const found = new Map<string, HistoryEntry[]>()
  for (const entry of history) {
    if (entry.kind === 'apply' || entry.kind === 'query') continue
    const alike = found.get(entry.target)
    if (alike === undefined) found.set(entry.target, [entry])
    else alike.push(entry)
  }
  return found
}

import { Keyspace } from '../kv/keyspace.ts'
import { RegionMap } from '../kv/regions.ts'
import { crc32 } from '../util/crc.ts'
import type { CounterGhost } from './counter-machine.ts'
import type { HistoryEntry } from './history.ts'
import { InvariantViolation } from './invariants.ts'
import type { CommittedDelete, KvGhost } from './kv-ghost.ts'
import type { Model, ModelState, Operation } from './history-model.ts'
import { checkLinearizable } from './linearizability.ts'
import { type CounterInput, counterModel, type KvInput, type KvOutput, kvModel } from './models.ts'
import type { BatchChange } from './sim-client.ts'

/** Of a call without an answer. */
const OPEN_END = Number.POSITIVE_INFINITY
const MAX_TOKEN_BYTES = 16

/** What was checked, for the totals. */
export interface HistoryVerdict {
  readonly operations: number
  readonly steps: number
  /** Keys and counters whose search did not end within its limits: neither good nor bad. */
  readonly undecided: number
}

/**
 * I-15 for the whole history, by the answers alone: each key and each counter on its own. The committed entries say which
 * calls of unknown outcome took effect, and in which order it pays to look; whether that order fits the answers and the times
 * of the calls is what is checked.
 */
export function checkHistory(
  entries: readonly HistoryEntry[],
  kv: KvGhost,
  counters: CounterGhost,
  splitKeys: readonly string[],
  keyspace = 'default',
): HistoryVerdict {
  const kvVerdict = judge(new KvHistory(kv, splitKeys, keyspace).operations(entries), kvModel, 'the key')
  const counterVerdict = judge(counterOperations(entries, counters), counterModel, 'the counter')
  return {
    operations: kvVerdict.operations + counterVerdict.operations,
    steps: kvVerdict.steps + counterVerdict.steps,
    undecided: kvVerdict.undecided + counterVerdict.undecided,
  }
}

function judge<I, O, S extends ModelState>(
  operations: readonly Operation<I, O>[],
  model: Model<I, O, S>,
  what: string,
): HistoryVerdict {
  const { verdict, partition, stuckAt, steps } = checkLinearizable(operations, model)
  if (verdict === 'violation') {
    const text = `${what} ${partition}: no order explains ${JSON.stringify(stuckAt)}, among ${operations.length} operations`
    throw new InvariantViolation('I-15', text)
  }
  return { operations: operations.length, steps, undecided: verdict === 'undecided' ? 1 : 0 }
}

interface DeleteCall {
  readonly entry: HistoryEntry
  readonly keys: readonly string[]
}

class KvHistory {
  readonly #ghost: KvGhost
  readonly #regions: RegionMap
  readonly #keyspace: Keyspace
  /** Every key that was ever named. */
  readonly #keys = new Set<string>()

  constructor(ghost: KvGhost, splitKeys: readonly string[], keyspace: string) {
    this.#ghost = ghost
    this.#keyspace = new Keyspace(keyspace)
    this.#regions = RegionMap.fromSplitKeys(splitKeys)
  }

  operations(entries: readonly HistoryEntry[]): Operation<KvInput, KvOutput>[] {
    const found: Operation<KvInput, KvOutput>[] = []
    const deletes = new Map<string, DeleteCall[]>()
    for (const entry of entries) this.#write(entry, found, deletes)
    for (const calls of deletes.values()) this.#deletes(calls, found)
    for (const entry of entries) if (entry.outcome === 'done') this.#read(entry, found)
    return found
  }

  /** Values are unique: a put says whether its command is committed, and where. Commands without one are put aside. */
  #write(
    entry: HistoryEntry,
    into: Operation<KvInput, KvOutput>[],
    deletes: Map<string, DeleteCall[]>,
  ): void {
    const changes = changesOf(entry)
    const put = changes.find((change) => change.type === 'put')
    if (entry.outcome === 'refused') {
      if (put !== undefined && this.#indexOf(put) !== undefined) wasRefused(entry)
      // A refused delete is of no command: whatever is committed of that kind must have another call.
      if (put !== undefined) return
    }
    if (changes.length === 0) return
    if (put === undefined) {
      const keys = [...new Set(changes.map(({ key }) => key))].sort()
      const name = keys.join('\n')
      const alike = deletes.get(name)
      if (alike === undefined) deletes.set(name, [{ entry, keys }])
      else alike.push({ entry, keys })
      return
    }
    const index = entry.outcome === 'done' ? this.#writtenAt(put) : this.#indexOf(put)
    if (index !== undefined) this.#change(entry, changes, index, into)
  }

  /** Calls that delete the same. Once each of those commands has its call, the others of unknown outcome took no effect. */
  #deletes(calls: readonly DeleteCall[], into: Operation<KvInput, KvOutput>[]): void {
    const committed = this.#ghost.deletesOf(calls[0]!.keys.map((key) => this.#place(key)[1]))
    const owners = ownersOf(
      committed,
      calls.map(({ entry }) => entry).filter(({ outcome }) => outcome !== 'refused'),
    )
    const unowned = committed[owners.indexOf(null)]
    if (unowned !== undefined) {
      const text = `the delete of ${calls[0]!.keys.join(' ')} at ${unowned.index} is of no call under way then, or that call’s second`
      throw new InvariantViolation('I-18', text)
    }
    const indexes = new Map(owners.map((owner, i) => [owner, committed[i]!.index]))
    for (const { entry, keys } of calls) {
      const index = indexes.get(entry)
      if (entry.outcome !== 'done' && index === undefined) continue
      this.#change(
        entry,
        keys.map((key) => ({ type: 'del', key })),
        index,
        into,
      )
    }
  }

  /** A batch is its last change of each key. I-17: what is done is committed, though later writes may have hidden it. */
  #change(
    entry: HistoryEntry,
    changes: readonly BatchChange[],
    index: number | undefined,
    into: Operation<KvInput, KvOutput>[],
  ): void {
    const isDone = entry.outcome === 'done'
    if (isDone && index === undefined) isLost(entry)
    for (const change of new Map(changes.map((one) => [one.key, one])).values()) {
      const { key } = change
      this.#keys.add(key)
      into.push({
        input: change.type === 'put' ? { f: 'put', key, value: token(change.value) } : { f: 'del', key },
        output: isDone ? null : undefined,
        calledAt: entry.calledAt,
        returnedAt: isDone ? entry.returnedAt : OPEN_END,
        hint: index,
        client: `${entry.storeId}/${entry.id}`,
      })
    }
  }

  #indexOf({ key, value }: BatchChange & { readonly type: 'put' }): number | undefined {
    const [groupId, full] = this.#place(key)
    return this.#ghost.indexOf(groupId, full, value)
  }

  /** I-17: it was acknowledged. */
  #writtenAt({ key, value }: BatchChange & { readonly type: 'put' }): number {
    const [groupId, full] = this.#place(key)
    return this.#ghost.firstIndexOf(groupId, full, value)
  }

  #place(key: string): readonly [groupId: string, fullKey: string] {
    const full = this.#keyspace.fullKey(Buffer.from(key))
    return [this.#regions.regionOf(full).groupId, full.toString('latin1')]
  }

  #read(entry: HistoryEntry, into: Operation<KvInput, KvOutput>[]): void {
    for (const [key, value] of this.#seen(entry)) {
      into.push({
        input: { f: 'get', key },
        output: value === undefined ? null : token(value),
        calledAt: entry.calledAt,
        returnedAt: entry.returnedAt,
        client: `${entry.storeId}/${entry.id}`,
      })
    }
  }

  #seen(entry: HistoryEntry): Array<readonly [key: string, value: Buffer | undefined]> {
    if (entry.kind === 'get') return [[entry.input as string, entry.output as Buffer | undefined]]
    if (entry.kind === 'getMany') {
      const values = entry.output as readonly (Buffer | undefined)[]
      return (entry.input as readonly string[]).map((key, i) => [key, values[i]] as const)
    }
    if (entry.kind !== 'scan') return []
    const { gte, lt } = entry.input as { readonly gte: string; readonly lt: string }
    const rows = new Map(entry.output as ReadonlyArray<readonly [string, Buffer]>)
    return [...this.#keys].filter((key) => key >= gte && key < lt).map((key) => [key, rows.get(key)] as const)
  }
}

/**
 * Whose each of these equal commands is, oldest first: of the calls that were under way when it was committed, the one that
 * must be over first. That way every command finds a call, and every call that is done its command, if they can at all.
 */
function ownersOf(
  committed: readonly CommittedDelete[],
  calls: readonly HistoryEntry[],
): Array<HistoryEntry | null> {
  const byCall = [...calls].sort((a, b) => a.calledMs - b.calledMs)
  const open = new Set<HistoryEntry>()
  let called = 0
  return committed.map(({ atMs }) => {
    for (; called < byCall.length && byCall[called]!.calledMs <= atMs; called++) open.add(byCall[called]!)
    let owner: HistoryEntry | null = null
    for (const call of open) {
      if (dueMs(call) < atMs) open.delete(call)
      else if (owner === null || dueMs(call) < dueMs(owner)) owner = call
    }
    if (owner !== null) open.delete(owner)
    return owner
  })
}

/** What was given up may take effect at any time. */
function dueMs({ outcome, returnedMs }: HistoryEntry): number {
  return outcome === 'done' ? returnedMs : OPEN_END
}

/** What a call writes, in its order. */
export function changesOf({ kind, input }: HistoryEntry): readonly BatchChange[] {
  if (kind === 'batch') return input as readonly BatchChange[]
  if (kind === 'put') return [{ type: 'put', ...(input as { key: string; value: Buffer }) }]
  return kind === 'del' ? [{ type: 'del', key: input as string }] : []
}

function wasRefused({ id, kind, target, storeId, error }: HistoryEntry): never {
  const text = `call ${id}, ${kind} of ${target} on ${storeId}, was refused with ${error}, and is committed`
  throw new InvariantViolation('I-17b', text)
}

function isLost({ id, kind, target, storeId }: HistoryEntry): never {
  const text = `call ${id}, ${kind} of ${target} on ${storeId}, was acknowledged, and is committed nowhere`
  throw new InvariantViolation('I-17', text)
}

/** All of a short value; of a long one enough to show, and to tell it from others. */
function token(value: Buffer): string {
  if (value.length <= MAX_TOKEN_BYTES) return value.toString('latin1')
  return `${value.toString('latin1', 0, MAX_TOKEN_BYTES)}… ${crc32(value).toString(16)}`
}

function counterOperations(
  entries: readonly HistoryEntry[],
  counters: CounterGhost,
): Operation<CounterInput, number>[] {
  const found: Operation<CounterInput, number>[] = []
  for (const entry of entries) {
    const { calledAt, returnedAt, outcome, target: groupId } = entry
    const client = `${entry.storeId}/${entry.id}`
    if (entry.kind === 'query' && outcome === 'done') {
      const output = Number((entry.output as Buffer).toString())
      found.push({ input: { groupId, add: 0 }, output, calledAt, returnedAt, client })
    } else if (entry.kind === 'apply') {
      const [id, add] = (entry.input as Buffer).toString().split(' ').map(Number) as [number, number]
      const output = counters.sumOf(groupId, id)
      if (output === undefined) continue
      if (outcome === 'refused') wasRefused(entry)
      const end = outcome === 'done' ? returnedAt : OPEN_END
      const hint = counters.placeOf(groupId, id)
      found.push({ input: { groupId, add }, output, calledAt, returnedAt: end, client, hint })
    }
  }
  return found
}

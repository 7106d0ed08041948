import { Keyspace } from '../kv/keyspace.ts'
import { RegionMap } from '../kv/regions.ts'
import type { CounterGhost } from './counter-machine.ts'
import type { HistoryEntry } from './history.ts'
import { InvariantViolation } from './invariants.ts'
import type { KvGhost } from './kv-ghost.ts'
import type { Model, ModelState, Operation } from './history-model.ts'
import { checkLinearizable } from './linearizability.ts'
import { type CounterInput, counterModel, type KvInput, type KvOutput, kvModel } from './models.ts'
import type { BatchChange } from './sim-client.ts'

/** Of a call without an answer. */
const OPEN_END = Number.POSITIVE_INFINITY

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
): HistoryVerdict {
  const kvVerdict = judge(new KvHistory(kv, splitKeys).operations(entries), kvModel, 'the key')
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

class KvHistory {
  readonly #ghost: KvGhost
  readonly #regions: RegionMap
  readonly #keyspace = new Keyspace('default')
  /** Every key that was ever named. */
  readonly #keys = new Set<string>()
  /** Deletes that were given to a call. */
  readonly #owned = new Set<string>()

  constructor(ghost: KvGhost, splitKeys: readonly string[]) {
    this.#ghost = ghost
    this.#regions = RegionMap.fromSplitKeys(splitKeys)
  }

  operations(entries: readonly HistoryEntry[]): Operation<KvInput, KvOutput>[] {
    const found: Operation<KvInput, KvOutput>[] = []
    // In the order of their returns, for the guesses.
    for (const entry of [...entries].sort((a, b) => a.returnedAt - b.returnedAt)) this.#write(entry, found)
    for (const entry of entries) if (entry.outcome === 'done') this.#read(entry, found)
    return found
  }

  /** A batch is its last change of each key. */
  #write(entry: HistoryEntry, into: Operation<KvInput, KvOutput>[]): void {
    const changes = changesOf(entry)
    if (changes.length === 0 || entry.outcome === 'refused') return
    const isDone = entry.outcome === 'done'
    const put = changes.find((change) => change.type === 'put')
    // Values are unique: a put says whether its command is committed, and where.
    const index = put === undefined ? this.#guessDelete(entry, changes[0]!.key) : this.#indexOf(put)
    if (!isDone && put !== undefined && index === undefined) return
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

  /** Nothing tells one delete of a key from another: the first that was committed during the call and has no owner yet. */
  #guessDelete({ calledAt, returnedAt }: HistoryEntry, key: string): number | undefined {
    const [groupId, full] = this.#place(key)
    const free = this.#ghost
      .deletes(groupId, full)
      .find(({ index, at }) => at >= calledAt && at <= returnedAt && !this.#owned.has(`${key} ${index}`))
    if (free !== undefined) this.#owned.add(`${key} ${free.index}`)
    return free?.index
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

function changesOf({ kind, input }: HistoryEntry): readonly BatchChange[] {
  if (kind === 'batch') return input as readonly BatchChange[]
  if (kind === 'put') return [{ type: 'put', ...(input as { key: string; value: Buffer }) }]
  return kind === 'del' ? [{ type: 'del', key: input as string }] : []
}

/** The number that a value begins with: no two values share it. */
function token(value: Buffer): string {
  const end = value.indexOf(0x3a)
  return value.toString('latin1', 0, end < 0 ? value.length : end)
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
      const end = outcome === 'done' ? returnedAt : OPEN_END
      const hint = counters.placeOf(groupId, id)
      found.push({ input: { groupId, add }, output, calledAt, returnedAt: end, client, hint })
    }
  }
  return found
}

import { Keyspace } from '../kv/keyspace.ts'
import { RegionMap } from '../kv/regions.ts'
import type { CounterGhost } from './counter-machine.ts'
import type { HistoryEntry } from './history.ts'
import { InvariantViolation } from './invariants.ts'
import type { KvGhost } from './kv-ghost.ts'
import { checkLinearizable, type Model, type ModelState, type Operation } from './linearizability.ts'
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
 * calls of unknown outcome took effect, which makes the search short; they say nothing about order.
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

  constructor(ghost: KvGhost, splitKeys: readonly string[]) {
    this.#ghost = ghost
    this.#regions = RegionMap.fromSplitKeys(splitKeys)
  }

  operations(entries: readonly HistoryEntry[]): Operation<KvInput, KvOutput>[] {
    const found: Operation<KvInput, KvOutput>[] = []
    for (const entry of entries) this.#write(entry, found)
    for (const entry of entries) if (entry.outcome === 'done') this.#read(entry, found)
    return found
  }

  /** A batch is its last change of each key. */
  #write(entry: HistoryEntry, into: Operation<KvInput, KvOutput>[]): void {
    const changes = changesOf(entry)
    if (changes.length === 0 || entry.outcome === 'refused') return
    const happened = entry.outcome === 'done' ? 'done' : this.#happened(changes)
    if (happened === 'never') return
    for (const change of new Map(changes.map((one) => [one.key, one])).values()) {
      const { key } = change
      this.#keys.add(key)
      const input: KvInput =
        change.type === 'put' ? { f: 'put', key, value: token(change.value) } : { f: 'del', key }
      into.push({
        input,
        output: happened === 'unknown' ? undefined : null,
        calledAt: entry.calledAt,
        returnedAt: entry.outcome === 'done' ? entry.returnedAt : OPEN_END,
        client: `${entry.storeId}/${entry.id}`,
      })
    }
  }

  /** Of a write without an answer. Values are unique, so a put says whether its command is committed. */
  #happened(changes: readonly BatchChange[]): 'done' | 'never' | 'unknown' {
    const put = changes.find((change) => change.type === 'put')
    if (put === undefined) return 'unknown'
    const full = this.#keyspace.fullKey(Buffer.from(put.key))
    const { groupId } = this.#regions.regionOf(full)
    return this.#ghost.isCommitted(groupId, full.toString('latin1'), put.value) ? 'done' : 'never'
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
      found.push({ input: { groupId, add }, output, calledAt, returnedAt: end, client })
    }
  }
  return found
}

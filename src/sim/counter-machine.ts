import type { AppliedEntry, StateMachine } from '../api/state-machine.ts'
import { crc32 } from '../util/crc.ts'
import type { GroupGhost } from './ghost.ts'
import type { LogEntry } from './ghost-state.ts'
import { applyOrder, InvariantViolation } from './invariants.ts'

/** What a counter is told: the number of the call and what it adds. */
export function counterCommand(id: number, add: number): Buffer {
  return Buffer.from(`${id} ${add}`)
}

function readCommand(data: Buffer): { readonly id: number; readonly add: number } {
  const [id, add] = data.toString().split(' ')
  return { id: Number(id), add: Number(add) }
}

/** The sum of all that was added. It answers each addition, and each query, with the sum then. */
export class CounterMachine implements StateMachine {
  readonly #onEntry: (index: number, data: Buffer) => void
  readonly #hangs: () => boolean
  readonly #fails: () => boolean
  #sum = 0

  constructor(
    onEntry: (index: number, data: Buffer) => void,
    hangs: () => boolean = () => false,
    fails: () => boolean = () => false,
  ) {
    this.#onEntry = onEntry
    this.#hangs = hangs
    this.#fails = fails
  }

  onApply(entries: Iterable<AppliedEntry>): void | Promise<void> {
    if (this.#hangs()) return new Promise(() => {})
    const fails = this.#fails()
    for (const entry of entries) {
      this.#onEntry(entry.index, entry.data)
      this.#sum += readCommand(entry.data).add
      entry.reply(Buffer.from(String(this.#sum)))
      if (fails) throw new Error('a fault of this machine')
    }
  }

  onQuery(): Buffer {
    return Buffer.from(String(this.#sum))
  }
}

/** One counter by its committed entries: its sum at every index, and where each call came to stand. */
class CounterHistory {
  readonly indexes: number[] = [0]
  readonly sums: number[] = [0]
  readonly places = new Map<number, number>()
}

/** All counters of a run. */
export class CounterGhost {
  readonly #counters = new Map<string, CounterHistory>()
  /** Commands that clients sent, by call. */
  readonly #proposed = new Map<number, string>()

  /** A client is about to send it. */
  propose(id: number, command: Buffer): void {
    this.#proposed.set(id, command.toString())
  }

  /** I-18, and the effect. */
  onCommitted({ groupId }: GroupGhost, index: number, { payload, isData }: LogEntry): void {
    if (!isData) return
    const { id, add } = readCommand(payload)
    if (this.#proposed.get(id) !== payload.toString())
      throw new InvariantViolation(
        'I-18',
        `${groupId}/${index} holds ${payload.toString()}, which nobody sent`,
      )
    const counter = this.#of(groupId)
    if (counter.places.has(id))
      throw new InvariantViolation(
        'I-18',
        `${groupId}/${index} holds call ${id} again, as ${counter.places.get(id)}`,
      )
    counter.places.set(id, index)
    counter.indexes.push(index)
    counter.sums.push(counter.sums.at(-1)! + add)
  }

  /** I-7: a replica's machine is given the next entry. */
  onApplied(group: GroupGhost, storeId: string, last: number, index: number, data: Buffer): void {
    applyOrder(group, storeId, last, index, crc32(data))
  }

  /** Where a call came to stand; undefined when it did not. */
  placeOf(groupId: string, id: number): number | undefined {
    return this.#of(groupId).places.get(id)
  }

  sumOf(groupId: string, id: number): number | undefined {
    const index = this.placeOf(groupId, id)
    const { indexes, sums } = this.#of(groupId)
    return index === undefined ? undefined : sums[indexes.indexOf(index)]
  }

  /** I-17 and I-7: an addition was acknowledged at `index` with `sum`. */
  checkAck(groupId: string, id: number, index: number, sum: number): void {
    const place = this.placeOf(groupId, id)
    const at = `${groupId}: call ${id} was acknowledged at ${index} with ${sum}`
    if (place !== index)
      throw new InvariantViolation('I-17', `${at}, it is committed at ${place ?? 'no index'}`)
    if (this.sumOf(groupId, id) !== sum)
      throw new InvariantViolation('I-7', `${at}, the sum there is ${this.sumOf(groupId, id)}`)
  }

  /** I-15: a query answered `sum` though it could only see states `from … to`. Answers the first index with that sum. */
  checkQuery(groupId: string, sum: number, from: number, to: number): number {
    const { indexes, sums } = this.#of(groupId)
    const position = sums.indexOf(sum)
    const since = indexes[position]
    const until = (indexes[position + 1] ?? Number.POSITIVE_INFINITY) - 1
    if (since === undefined || since > to || until < from) {
      const text = `a query of ${groupId} between ${from} and ${to} answered ${sum}, the sum from ${since} to ${until}`
      throw new InvariantViolation('I-15', text)
    }
    return since
  }

  #of(groupId: string): CounterHistory {
    let counter = this.#counters.get(groupId)
    if (counter === undefined) {
      counter = new CounterHistory()
      this.#counters.set(groupId, counter)
    }
    return counter
  }
}

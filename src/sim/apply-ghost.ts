import type { ApplyResult } from '../client/apply-call.ts'
import type { GroupRecord, LogEntry } from './ghost-state.ts'
import type { HistoryEntry } from './history.ts'
import { InvariantViolation } from './invariants.ts'

/** All calls of one group that send the same bytes: nothing tells them apart, so they are counted. */
interface Tally {
  called: number
  refused: number
  committed: number
}

/** The applies of somebody else’s machines, of which only the bytes are known, against what is committed. */
export class ApplyGhost {
  readonly #groups = new Map<
    string,
    { readonly tallies: Map<string, Tally>; readonly acknowledged: Set<number> }
  >()

  onCalled({ target, input }: HistoryEntry): void {
    this.#tally(target, input as Buffer).called++
  }

  /** I-18: of equal bytes no more are committed than calls sent them. */
  onCommitted(groupId: string, index: number, { payload, isData }: LogEntry): void {
    if (!isData) return
    const tally = this.#tally(groupId, payload)
    tally.committed++
    if (tally.committed > tally.called) {
      const text = `${groupId}/${index} holds ${shown(payload)} for the ${tally.committed}. time, ${tally.called} calls sent it`
      throw new InvariantViolation('I-18', text)
    }
    this.#holdRefused(tally, groupId, payload)
  }

  /** When the step is over in which the caller was told. */
  onReturned(group: GroupRecord, entry: HistoryEntry): void {
    if (entry.outcome === 'done') this.#acknowledge(group, entry)
    if (entry.outcome !== 'refused') return
    const tally = this.#tally(entry.target, entry.input as Buffer)
    tally.refused++
    this.#holdRefused(tally, entry.target, entry.input as Buffer)
  }

  /** I-17: it stands where its caller was told, in the term that he was told, for no other call. */
  #acknowledge(group: GroupRecord, { id, target, input, output }: HistoryEntry): void {
    const { index, term } = output as ApplyResult
    const { acknowledged } = this.#group(target)
    const at = `${target}/${index} of term ${term} was acknowledged to call ${id}, which sent ${shown(input as Buffer)}`
    const entry = group.committed[index]?.entry
    if (entry === undefined) throw new InvariantViolation('I-17', `${at}, and is not committed`)
    if (entry.term !== term || !entry.isData || !entry.payload.equals(input as Buffer)) {
      const text = `${at}, and committed is ${shown(entry.payload)} of term ${entry.term}`
      throw new InvariantViolation('I-17', text)
    }
    if (acknowledged.has(index)) throw new InvariantViolation('I-17', `${at}, and to a call before`)
    acknowledged.add(index)
  }

  /** I-17b. */
  #holdRefused({ called, refused, committed }: Tally, groupId: string, payload: Buffer): void {
    if (committed <= called - refused) return
    const text = `${groupId}: ${refused} of ${called} calls that sent ${shown(payload)} were refused, and ${committed} are committed`
    throw new InvariantViolation('I-17b', text)
  }

  #tally(groupId: string, payload: Buffer): Tally {
    const { tallies } = this.#group(groupId)
    const text = payload.toString('latin1')
    let tally = tallies.get(text)
    if (tally === undefined) {
      tally = { called: 0, refused: 0, committed: 0 }
      tallies.set(text, tally)
    }
    return tally
  }

  #group(groupId: string): { readonly tallies: Map<string, Tally>; readonly acknowledged: Set<number> } {
    let group = this.#groups.get(groupId)
    if (group === undefined) {
      group = { tallies: new Map(), acknowledged: new Set() }
      this.#groups.set(groupId, group)
    }
    return group
  }
}

const SHOWN_BYTES = 40

function shown(payload: Buffer): string {
  const head = JSON.stringify(payload.toString('latin1', 0, SHOWN_BYTES))
  return payload.length <= SHOWN_BYTES ? head : `${head}… (${payload.length} bytes)`
}

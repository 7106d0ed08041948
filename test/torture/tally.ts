/**
 * What became of a store that was started on a damaged directory. Good ends: `refused` to start with a typed error;
 * refused by its `peers`; `repaired` itself, and said so; `unharmed`, for what was damaged was not needed; `late`, its
 * key-value state alone was damaged and the read that came upon it said so; `waits`, the state is gone and its log does not
 * reach back to the beginning: it votes and stores, serves nothing, and says that it waits for a snapshot. Bad ends: `stopped`, it joined and failed
 * afterwards, of anything else; `crashed`, without a word; `untyped`, with an error that is no answer; `undetected`, it
 * joined though the others must have known better; `wrong`, it gave wrong answers.
 */
export const ENDS = [
  'refused',
  'peers',
  'repaired',
  'unharmed',
  'late',
  'waits',
  'stopped',
  'crashed',
  'untyped',
  'undetected',
  'wrong',
] as const

export type DamageEnd = (typeof ENDS)[number]

const BAD: ReadonlySet<DamageEnd> = new Set<DamageEnd>([
  'stopped',
  'crashed',
  'untyped',
  'undetected',
  'wrong',
])

export function isBad(end: DamageEnd): boolean {
  return BAD.has(end)
}

export interface TallyRow {
  readonly damage: string
  readonly counts: ReadonlyMap<DamageEnd, number>
  /** Why the class was left out, null when it was not. */
  readonly leftOut: string | null
}

/** How often each class of damage was done, and how it ended. */
export class Tally {
  readonly #rows = new Map<string, { counts: Map<DamageEnd, number>; leftOut: string | null }>()

  constructor(names: readonly string[]) {
    for (const name of names) this.#rows.set(name, { counts: new Map(), leftOut: null })
  }

  add(name: string, end: DamageEnd): void {
    const { counts } = this.#rows.get(name)!
    counts.set(end, (counts.get(end) ?? 0) + 1)
  }

  leaveOut(name: string, why: string): void {
    this.#rows.get(name)!.leftOut = why
  }

  get rows(): readonly TallyRow[] {
    return [...this.#rows].map(([damage, { counts, leftOut }]) => ({ damage, counts, leftOut }))
  }

  get total(): number {
    let total = 0
    for (const { counts } of this.#rows.values()) for (const count of counts.values()) total += count
    return total
  }
}

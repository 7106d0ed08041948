import { MARKS, type Mark } from './mark-table.ts'

/** Which marks a run has reached, and how often. */
export class Marks {
  readonly #counts = new Map<Mark, number>()

  /** Hears of each mark as it is reached, in the step that reaches it. */
  onReach: ((mark: Mark) => void) | null = null

  reach(mark: Mark): void {
    this.onReach?.(mark)
    this.#counts.set(mark, (this.#counts.get(mark) ?? 0) + 1)
  }

  has(mark: Mark): boolean {
    return this.#counts.has(mark)
  }

  /** Every mark, in the order of the table. */
  counts(): Readonly<Record<Mark, number>> {
    const names = Object.keys(MARKS) as Mark[]
    return Object.fromEntries(names.map((name) => [name, this.#counts.get(name) ?? 0])) as Record<
      Mark,
      number
    >
  }
}

/** Marks that were reached less than `least` times. */
export function marksBelow(counts: Readonly<Record<string, number>>, least: number): Mark[] {
  return (Object.keys(MARKS) as Mark[]).filter((name) => (counts[name] ?? 0) < least)
}

/** One place in one file of production code: `find` stands there exactly once. */
export interface Edit {
  /** Below the root of the checkout. */
  readonly file: string
  readonly find: string
  readonly replace: string
}

/** A bug that somebody could have written, planted to see that the simulator finds it. */
export interface Mutant {
  readonly name: string
  /** What is wrong, for the table. */
  readonly what: string
  readonly edits: readonly Edit[]
}

/** A bug that cannot be planted yet: what it breaks is not built. */
export interface WaitingMutant {
  readonly name: string
  readonly waitsFor: string
}

export const MAX_CHANGED_LINES = 10

/** Lines that are not the same before and after; the longer side counts. */
export function changedLines({ edits }: Mutant): number {
  let changed = 0
  for (const { find, replace } of edits) {
    const before = find.split('\n')
    const after = replace.split('\n')
    let head = 0
    while (head < Math.min(before.length, after.length) && before[head] === after[head]) head++
    let tail = 0
    const most = Math.min(before.length, after.length) - head
    while (tail < most && before[before.length - 1 - tail] === after[after.length - 1 - tail]) tail++
    changed += Math.max(before.length, after.length) - head - tail
  }
  return changed
}

/** `source` with the edit made. Throws when what it looks for does not stand there exactly once: the mutant is stale. */
export function applyEdit(mutant: string, { file, find, replace }: Edit, source: string): string {
  const places = source.split(find).length - 1
  if (places !== 1)
    throw new Error(`mutant ${mutant} is stale: its text stands ${places} times in ${file}, not once`)
  return source.replace(find, () => replace)
}

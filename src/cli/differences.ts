/** Differences that are told one by one; the rest is only counted. */
const MAX_LISTED = 20

export interface Difference {
  /** The store, or 'all'. */
  readonly store: string
  /** A file's key, or a group. */
  readonly key: string
  readonly problem: string
}

/** What does not match: counted all, listed some. */
export class Differences {
  readonly #listed: Difference[] = []
  #count = 0

  get count(): number {
    return this.#count
  }

  get listed(): readonly Difference[] {
    return this.#listed
  }

  add(difference: Difference): void {
    this.#count++
    if (this.#listed.length < MAX_LISTED) this.#listed.push(difference)
  }
}

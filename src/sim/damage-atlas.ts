/**
 * Decides what may be damaged for good. A store whose directory is damaged counts toward no quorum from then on, so of no
 * group may as many members be damaged as would leave less than a majority: beyond that any loss would be right.
 */
export class DamageAtlas {
  readonly #memberships: ReadonlyMap<string, readonly string[]>
  readonly #damaged: ReadonlySet<string>

  /** `damaged` is read at each question. */
  constructor(memberships: ReadonlyMap<string, readonly string[]>, damaged: ReadonlySet<string>) {
    this.#memberships = memberships
    this.#damaged = damaged
  }

  mayDamage(storeId: string): boolean {
    if (this.#damaged.has(storeId)) return false
    for (const members of this.#memberships.values()) {
      if (!members.includes(storeId)) continue
      const damaged = members.filter((member) => this.#damaged.has(member)).length
      if ((damaged + 1) * 2 >= members.length) return false
    }
    return true
  }
}

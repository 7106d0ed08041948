import type { ClientHost } from '../client/ports.ts'
import type { TimerHandle } from '../env/ports.ts'
import type { GroupSpec } from '../store/group-spec.ts'
import { FlotillaError, toFlotillaError } from '../util/errors.ts'
import { MAX_CREATE_GROUPS, MISSING_REPLICA_INTERVAL_MS, RETRY_MAX_MS } from '../util/limits.ts'
import { creationPortions, decodeCreateAnswers, encodeCreateGroups } from './group-wire.ts'

/** Time that the making of groups takes at most. */
export const CREATE_TIMEOUT_MS = 10_000

export interface CreatorHost extends ClientHost {
  createGroups(specs: readonly GroupSpec[]): Promise<(FlotillaError | null)[]>
}

/** One group on its way: how many members have it, and how it ends. */
class Creation {
  readonly spec: GroupSpec
  readonly done: Promise<void>
  readonly #majority: number
  #made = 0
  #resolve: () => void = () => {}
  #reject: (error: FlotillaError) => void = () => {}
  settled = false

  constructor(spec: GroupSpec) {
    this.spec = spec
    this.#majority = Math.floor(spec.members.length / 2) + 1
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    // Its one owner awaits it among others: a rejection is not unhandled meanwhile.
    this.done.catch(() => {})
  }

  has(storeId: string): boolean {
    return this.spec.members.some((member) => member.storeId === storeId)
  }

  /** A member has it durably, or refused it for good. */
  answered(error: FlotillaError | null): void {
    if (error !== null) this.fail(error)
    else if (++this.#made >= this.#majority && !this.settled) {
      this.settled = true
      this.#resolve()
    }
  }

  fail(error: FlotillaError): void {
    if (this.settled) return
    this.settled = true
    this.#reject(error)
  }
}

/**
 * Makes groups on all their members. A creation is done when a majority has the group durably: members that could not be
 * reached get it from the leader later, when it learns that they miss it.
 */
export class GroupCreator {
  readonly #host: CreatorHost
  /** Groups that a store was found to miss, by store. */
  readonly #missing = new Map<string, Map<string, GroupSpec>>()
  readonly #sleepers = new Map<TimerHandle, () => void>()
  #closed = false

  constructor(host: CreatorHost) {
    this.#host = host
  }

  /**
   * Settles when every group is. Rejects with the first refusal (GROUP_EXISTS, …), or TIMEOUT when no majority could be
   * reached; groups made meanwhile stay.
   */
  async create(specs: readonly GroupSpec[], timeoutMs: number): Promise<void> {
    const deadlineMs = this.#host.clock.monotonicMs() + timeoutMs
    const creations = specs.map((spec) => new Creation(spec))
    await this.#createHere(creations)
    const stores = new Set(specs.flatMap((spec) => spec.members.map((member) => member.storeId)))
    stores.delete(this.#host.storeId)
    for (const storeId of stores) {
      const theirs = creations.filter((creation) => !creation.settled && creation.has(storeId))
      void this.#createOn(storeId, theirs, deadlineMs)
    }
    const overdue = this.#expire(creations, deadlineMs)
    try {
      await Promise.all(creations.map((creation) => creation.done))
    } finally {
      for (const creation of creations) creation.settled = true
      overdue()
    }
  }

  async #createHere(creations: readonly Creation[]): Promise<void> {
    const own = creations.filter((creation) => creation.has(this.#host.storeId))
    if (own.length === 0) return
    const answers = await this.#host.createGroups(own.map((creation) => creation.spec))
    own.forEach((creation, i) => creation.answered(answers[i] ?? null))
    const refused = answers.find((error) => error !== null)
    // Known here as something else: no other store is bothered.
    if (refused !== undefined && refused !== null) throw refused
  }

  /** Returns what calls the alarm off. */
  #expire(creations: readonly Creation[], deadlineMs: number): () => void {
    const timer = this.#host.timers.setTimeout(
      () => {
        this.#sleepers.delete(timer)
        fail()
      },
      Math.max(1, deadlineMs - this.#host.clock.monotonicMs()),
    )
    const fail = () => {
      const name = this.#closed ? 'CLOSED' : 'TIMEOUT'
      const why = this.#closed
        ? 'its maker was closed'
        : 'no majority of its members could be reached in time'
      for (const creation of creations) {
        const text = `group ${creation.spec.groupId}: ${why}; some members may have it`
        creation.fail(new FlotillaError(name, text))
      }
    }
    this.#sleepers.set(timer, fail)
    return () => this.#wake(timer)
  }

  /** One member: in portions, each until it is answered, all its groups are settled without it, or time is up. */
  async #createOn(storeId: string, creations: readonly Creation[], deadlineMs: number): Promise<void> {
    const bySpec = new Map(creations.map((creation) => [creation.spec, creation]))
    for (const portion of creationPortions(creations.map((creation) => creation.spec))) {
      const open = () => portion.some((spec) => !bySpec.get(spec)!.settled)
      while (open() && !this.#closed) {
        const answers = await this.#ask(storeId, portion, deadlineMs)
        if (answers !== null) {
          portion.forEach((spec, i) => bySpec.get(spec)!.answered(answers[i] ?? null))
          break
        }
        if (this.#host.clock.monotonicMs() >= deadlineMs) return
        await this.#sleep(RETRY_MAX_MS / 4)
      }
    }
  }

  /** Null when the store gave no answer that counts: not reached, closing, or overloaded. */
  async #ask(
    storeId: string,
    specs: readonly GroupSpec[],
    deadlineMs: number,
  ): Promise<(FlotillaError | null)[] | null> {
    const link = this.#host.link(storeId)
    if (!link.connected) return null
    const timeoutMs = Math.max(1, deadlineMs - this.#host.clock.monotonicMs())
    try {
      const body = await link.call('createGroups', encodeCreateGroups(specs), timeoutMs)
      return decodeCreateAnswers(body, specs.length)
    } catch (cause) {
      const error = toFlotillaError(cause)
      return error.retryable || error.shortName === 'CLOSED' ? null : specs.map(() => error)
    }
  }

  // ---- members that missed their creation ------------------------------------------------------------------------------

  /** A leader found that `storeId` should host a group and does not. Told again and again until it does. */
  onMissing(storeId: string, spec: GroupSpec): void {
    if (this.#closed) return
    const running = this.#missing.get(storeId)
    if (running !== undefined) {
      if (running.size < MAX_CREATE_GROUPS) running.set(spec.groupId, spec)
      return
    }
    this.#missing.set(storeId, new Map([[spec.groupId, spec]]))
    void this.#supply(storeId)
  }

  /** One message at a time and store, and a pause after each: what is still missing by then is told once more. */
  async #supply(storeId: string): Promise<void> {
    while (!this.#closed) {
      await this.#sleep(MISSING_REPLICA_INTERVAL_MS)
      const missing = this.#missing.get(storeId)
      if (this.#closed || missing === undefined || missing.size === 0) break
      const specs = [...missing.values()]
      missing.clear()
      const deadlineMs = this.#host.clock.monotonicMs() + 2_000
      for (const portion of creationPortions(specs)) await this.#ask(storeId, portion, deadlineMs)
    }
    this.#missing.delete(storeId)
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      if (this.#closed) {
        resolve()
        return
      }
      const timer = this.#host.timers.setTimeout(() => {
        this.#sleepers.delete(timer)
        resolve()
      }, ms)
      this.#sleepers.set(timer, resolve)
    })
  }

  #wake(timer: TimerHandle): void {
    this.#host.timers.clearTimeout(timer)
    this.#sleepers.delete(timer)
  }

  /** Creations under way reject with CLOSED. */
  close(): void {
    this.#closed = true
    const sleepers = [...this.#sleepers]
    this.#sleepers.clear()
    for (const [timer, wake] of sleepers) {
      this.#host.timers.clearTimeout(timer)
      wake()
    }
  }
}

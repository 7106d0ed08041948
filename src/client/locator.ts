import { encodeWire, type Wire, wire } from '../rpc/wire.ts'
import { FlotillaError } from '../util/errors.ts'
import { MAX_CACHED_LOCATIONS, MAX_LOCATE_GROUPS } from '../util/limits.ts'
import type { ClientHost } from './ports.ts'
import { whyDown } from './why-down.ts'

const LOCATE_TIMEOUT_MS = 2_000

/** Where a group's replicas are, as far as is known. */
export interface Location {
  readonly type: string
  /** Those that have not denied it. */
  members: readonly string[]
  /** '' when not known. */
  leader: string
  /** Which member is asked next when no leader is known. */
  turn: number
}

export interface LocateWaiter {
  onLocated(): void
  /** `final`: every store of the address book has said that it does not host the group. */
  onNotLocated(error: FlotillaError, final: boolean): void
}

/** A question about one group that waits for the answers of all stores that were asked. */
interface Question {
  readonly waiters: LocateWaiter[]
  pending: number
  denials: number
}

/**
 * Finds groups that this process hosts no working replica of, by asking all connected stores. What it learns is kept
 * until it proves wrong. Questions of a turn go out together.
 */
export class Locator {
  readonly #host: ClientHost
  readonly #known = new Map<string, Location>()
  readonly #questions = new Map<string, Question>()
  /** Questions of this turn. */
  #fresh: string[] = []

  readonly #onLeader: (groupId: string, leader: string, term: number) => void

  /** `onLeader`: who leads a group elsewhere has changed, as far as is known here. Term 0: not told. */
  constructor(
    host: ClientHost,
    onLeader: (groupId: string, leader: string, term: number) => void = () => {},
  ) {
    this.#host = host
    this.#onLeader = onLeader
  }

  /** What is known, without asking. */
  of(groupId: string): Location | null {
    const known = this.#known.get(groupId)
    if (known !== undefined) return known
    const local = this.#host.local(groupId)
    if (local === null) return null
    // The replica here is down, but it knows who the others are.
    const members = local.memberStoreIds.filter((storeId) => storeId !== this.#host.storeId)
    return members.length === 0 ? null : this.#remember(groupId, local.type, members, local.leaderStoreId)
  }

  locate(groupId: string, waiter: LocateWaiter): void {
    const local = this.#host.local(groupId)
    if (local !== null && local.error !== null) {
      // The only member is here and is down: nobody else can say more.
      waiter.onNotLocated(whyDown(this.#host.storeId, local), true)
      return
    }
    const asked = this.#questions.get(groupId)
    if (asked !== undefined) {
      asked.waiters.push(waiter)
      return
    }
    this.#questions.set(groupId, { waiters: [waiter], pending: 0, denials: 0 })
    if (this.#fresh.length === 0) this.#host.markDirty(this)
    this.#fresh.push(groupId)
  }

  /** The leader when it is known and connected, else the next connected member; null when none is connected. */
  pick(location: Location): string | null {
    if (location.leader !== '' && this.#reachable(location.leader)) return location.leader
    for (let i = 0; i < location.members.length; i++) {
      const storeId = location.members[location.turn++ % location.members.length]!
      if (this.#reachable(storeId)) return storeId
    }
    return null
  }

  /** No member is connected. Stores that are may know of newer ones, so they are asked at the next try. */
  onNoneConnected(groupId: string): void {
    if (this.#host.peers().some((storeId) => this.#reachable(storeId))) this.#known.delete(groupId)
  }

  #reachable(storeId: string): boolean {
    return storeId !== this.#host.storeId && this.#host.link(storeId).connected
  }

  /** What a refusal of `storeId` says about where the group is. */
  onRefused(groupId: string, storeId: string, error: FlotillaError): void {
    const location = this.#known.get(groupId)
    if (location === undefined) return
    if (error.leader !== undefined) this.#lead(groupId, location, error.leader, 0)
    else if (location.leader === storeId) this.#lead(groupId, location, '', 0)
    if (error.shortName !== 'NO_SUCH_REPLICA') return
    location.members = location.members.filter((member) => member !== storeId)
    if (location.members.length === 0) this.#known.delete(groupId)
  }

  #lead(groupId: string, location: Location, leader: string, term: number): void {
    if (location.leader === leader) return
    location.leader = leader
    this.#onLeader(groupId, leader, term)
  }

  endOfTurn(): void {
    const fresh = this.#fresh
    this.#fresh = []
    const stores = this.#host.peers().filter((storeId) => this.#host.link(storeId).connected)
    if (stores.length === 0) {
      const error = new FlotillaError('NO_LEADER', 'no other store is connected')
      for (const groupId of fresh) this.#take(groupId)?.forEach((waiter) => waiter.onNotLocated(error, false))
      return
    }
    for (const groupId of fresh) this.#questions.get(groupId)!.pending = stores.length
    for (let from = 0; from < fresh.length; from += MAX_LOCATE_GROUPS) {
      const groupIds = fresh.slice(from, from + MAX_LOCATE_GROUPS)
      const body = encodeWire(wire.admin.LocateRequest, new wire.admin.LocateRequest({ groupIds }))
      for (const storeId of stores) this.#ask(storeId, groupIds, body)
    }
  }

  #ask(storeId: string, groupIds: readonly string[], body: Buffer): void {
    this.#host
      .link(storeId)
      .call('locate', body, LOCATE_TIMEOUT_MS)
      .then((answer) => this.#onAnswer(groupIds, answer))
      .catch(() => {
        for (const groupId of groupIds) this.#onSilence(groupId)
      })
  }

  #onAnswer(groupIds: readonly string[], body: Buffer): void {
    const { groups } = wire.admin.LocateResponse.decode(body)
    groupIds.forEach((groupId, i) => {
      const answer = groups[i]
      if (answer === undefined || answer.groupId !== groupId) this.#onSilence(groupId)
      else if (answer.hosted === true) {
        this.#onFound(answer)
      } else this.#onDenial(groupId)
    })
  }

  #onFound({ groupId: name, type, memberStores, leaderStore, term }: Wire.admin.IGroupLocation): void {
    const groupId = name ?? ''
    const leader = leaderStore ?? ''
    const waiters = this.#take(groupId)
    if (waiters === null) {
      // Another store was quicker; who leads it may not have known.
      const known = this.#known.get(groupId)
      if (known !== undefined && known.leader === '') this.#lead(groupId, known, leader, term ?? 0)
      return
    }
    this.#lead(groupId, this.#remember(groupId, type ?? '', memberStores ?? [], ''), leader, term ?? 0)
    for (const waiter of waiters) waiter.onLocated()
  }

  #onDenial(groupId: string): void {
    const question = this.#questions.get(groupId)
    if (question === undefined) return
    question.denials++
    this.#onSilence(groupId)
  }

  #onSilence(groupId: string): void {
    const question = this.#questions.get(groupId)
    if (question === undefined || --question.pending > 0) return
    this.#questions.delete(groupId)
    const final = question.denials >= this.#host.peers().length
    const text = final ? `no store hosts group ${groupId}` : `no store that answers hosts group ${groupId}`
    const error = new FlotillaError('UNKNOWN_GROUP', text)
    for (const waiter of question.waiters) waiter.onNotLocated(error, final)
  }

  #take(groupId: string): LocateWaiter[] | null {
    const question = this.#questions.get(groupId)
    this.#questions.delete(groupId)
    return question?.waiters ?? null
  }

  #remember(groupId: string, type: string, members: readonly string[], leader: string): Location {
    if (this.#known.size >= MAX_CACHED_LOCATIONS) {
      for (const oldest of this.#known.keys()) {
        this.#known.delete(oldest)
        break
      }
    }
    const location = {
      type,
      members,
      leader,
      turn: Math.floor(this.#host.random() * Math.max(1, members.length)),
    }
    this.#known.set(groupId, location)
    return location
  }
}

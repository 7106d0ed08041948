import assert from 'node:assert/strict'
import type { AdminSource } from '../../src/api/admin-server.ts'
import { CallServer } from '../../src/api/call-server.ts'
import { ForwardServer } from '../../src/client/forward-server.ts'
import { KvReads } from '../../src/client/kv-reads.ts'
import type { ClientHost } from '../../src/client/ports.ts'
import { Router } from '../../src/client/router.ts'
import type { Clock, TimerHandle, Timers } from '../../src/env/ports.ts'
import type { ForwardRequest, ForwardResponse, PeerLink } from '../../src/rpc/messages.ts'
import { FlotillaError } from '../../src/util/errors.ts'
import { TestGroup, type TestReplica } from './replica.ts'

interface Event {
  readonly at: number
  readonly order: number
  readonly run: () => void
  cancelled: boolean
}

export type Outcome<T> =
  | { readonly value: T; readonly error: null }
  | { readonly value: null; readonly error: FlotillaError }

const HOP_MS = 1

/** Virtual time and the stores in it. Between two events every promise that can go on does. */
export class World {
  nowMs = 1_000
  readonly stores = new Map<string, TestStore>()
  readonly groups = new Map<string, TestGroup>()
  #events: Event[] = []
  #order = 0
  #seed = 1

  constructor(storeIds: readonly string[]) {
    for (const storeId of storeIds) this.stores.set(storeId, new TestStore(this, storeId))
  }

  store(storeId: string): TestStore {
    return this.stores.get(storeId)!
  }

  /** A group with a replica on each member; led by the first unless told otherwise. */
  group(groupId: string, members: readonly string[], type = 'log'): TestGroup {
    const group = new TestGroup(this, groupId, type, members)
    this.groups.set(groupId, group)
    for (const [storeId, replica] of group.replicas) this.store(storeId).replicas.set(groupId, replica)
    return group
  }

  random(): number {
    this.#seed = (Math.imul(this.#seed, 1_664_525) + 1_013_904_223) >>> 0
    return this.#seed / 2 ** 32
  }

  schedule(delayMs: number, run: () => void): Event {
    const event = { at: this.nowMs + delayMs, order: this.#order++, run, cancelled: false }
    this.#events.push(event)
    return event
  }

  /** Things that would still happen by themselves. */
  get pending(): number {
    return this.#events.filter((event) => !event.cancelled).length
  }

  async run(ms: number): Promise<void> {
    const end = this.nowMs + ms
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve))
      const next = this.#takeNext(end)
      if (next === null) break
      this.nowMs = Math.max(this.nowMs, next.at)
      next.run()
    }
    this.nowMs = end
  }

  #takeNext(end: number): Event | null {
    this.#events = this.#events.filter((event) => !event.cancelled)
    let next: Event | null = null
    for (const event of this.#events) {
      if (event.at > end) continue
      if (next === null || event.at < next.at || (event.at === next.at && event.order < next.order))
        next = event
    }
    if (next !== null) next.cancelled = true
    return next
  }

  /** Runs until the promise is settled, a minute at most. */
  async settle<T>(promise: Promise<T>): Promise<Outcome<T>> {
    let outcome: Outcome<T> | null = null
    promise.then(
      (value) => {
        outcome = { value, error: null }
      },
      (error: FlotillaError) => {
        outcome = { value: null, error }
      },
    )
    for (let i = 0; i < 60_000 && outcome === null; i++) await this.run(1)
    if (outcome === null) throw new Error('the promise was not settled within a minute')
    return outcome
  }

  /** The connections between two stores break: what is under way on them is lost. */
  cut(a: string, b: string): void {
    this.store(a).linkTo(b).down()
    this.store(b).linkTo(a).down()
  }

  mend(a: string, b: string): void {
    this.store(a).linkTo(b).up()
    this.store(b).linkTo(a).up()
  }
}

/** One store's client side over real routers and servers; only raft is scripted. */
export class TestStore implements ClientHost {
  readonly storeId: string
  readonly clock: Clock
  readonly timers: Timers
  readonly world: World
  readonly replicas = new Map<string, TestReplica>()
  readonly router: Router
  readonly reads: KvReads
  readonly forwardServer: ForwardServer
  readonly callServer: CallServer
  readonly #links = new Map<string, TestLink>()
  #dirty: { endOfTurn(): void }[] = []

  constructor(world: World, storeId: string) {
    this.world = world
    this.storeId = storeId
    this.clock = { monotonicMs: () => world.nowMs, wallMs: () => world.nowMs }
    this.timers = {
      setTimeout: (callback, delayMs) => world.schedule(delayMs, callback) as unknown as TimerHandle,
      clearTimeout: (handle) => {
        ;(handle as unknown as Event).cancelled = true
      },
      setImmediate: (callback) => {
        world.schedule(0, callback)
      },
    }
    this.router = new Router(this)
    this.reads = new KvReads(this.router)
    this.forwardServer = new ForwardServer(this)
    const createGroups = async () => []
    const { router, reads } = this
    this.callServer = new CallServer({ router, reads, createGroups, admin: this.#adminSource() })
  }

  #adminSource(): AdminSource {
    return {
      report: () => assert.fail('nobody asks'),
      replicas: () => this.replicas.values(),
      digest: async () => assert.fail('nobody asks'),
      places: () => [...this.world.stores.keys()].map((storeId) => ({ storeId, address: '', version: 0 })),
      regions: () => null,
    }
  }

  nowMs(): number {
    return this.world.nowMs
  }

  random(): number {
    return this.world.random()
  }

  markDirty(work: { endOfTurn(): void }): void {
    if (this.#dirty.length === 0) this.world.schedule(0, () => this.#endTurn())
    this.#dirty.push(work)
  }

  /** Frames go out at the end of a turn, also of one that brought no work. */
  flushLater(): void {
    this.markDirty({ endOfTurn: () => {} })
  }

  #endTurn(): void {
    const dirty = this.#dirty
    this.#dirty = []
    for (const work of dirty) work.endOfTurn()
    for (const link of this.#links.values()) link.flush()
  }

  peers(): readonly string[] {
    return [...this.world.stores.keys()].filter((storeId) => storeId !== this.storeId)
  }

  link(storeId: string): PeerLink {
    return this.linkTo(storeId)
  }

  linkTo(storeId: string): TestLink {
    let link = this.#links.get(storeId)
    if (link === undefined) {
      link = new TestLink(this, storeId)
      this.#links.set(storeId, link)
    }
    return link
  }

  local(groupId: string): TestReplica | null {
    return this.replicas.get(groupId) ?? null
  }
}

type Message = { readonly request: ForwardRequest } | { readonly response: ForwardResponse }

interface OpenCall {
  readonly reject: (error: FlotillaError) => void
  settled: boolean
}

/** The part of a PeerLink that the client side uses, with its promises kept: in order, at most once, lost when cut. */
export class TestLink implements Pick<PeerLink, 'connected' | 'epoch' | 'call'> {
  readonly storeId: string
  connected = true
  epoch = 1
  /** Forwards are refused, as if the queue were full. */
  full = false
  /** Every forwarded request that was taken. */
  readonly requests: ForwardRequest[] = []
  readonly calls: string[] = []
  readonly #from: TestStore
  readonly #open = new Set<OpenCall>()
  #queue: Message[] = []

  constructor(from: TestStore, storeId: string) {
    this.#from = from
    this.storeId = storeId
  }

  sendForwardRequest(request: ForwardRequest): boolean {
    if (!this.connected || this.full) return false
    this.requests.push(request)
    return this.#send({ request })
  }

  sendForwardResponse(response: ForwardResponse): boolean {
    if (!this.connected || this.full) return false
    return this.#send({ response })
  }

  #send(message: Message): boolean {
    this.#queue.push(message)
    this.#from.flushLater()
    return true
  }

  flush(): void {
    const queue = this.#queue
    this.#queue = []
    const { epoch } = this
    const { world } = this.#from
    if (queue.length === 0 || !this.connected) return
    world.schedule(HOP_MS, () => {
      if (!this.connected || this.epoch !== epoch) return
      const to = world.store(this.storeId)
      for (const message of queue) {
        if ('request' in message) to.forwardServer.onForwardRequest(this.#from.storeId, message.request)
        else to.router.onForwardResponse(this.#from.storeId, message.response)
      }
    })
  }

  call(method: string, body: Buffer, timeoutMs: number): Promise<Buffer> {
    this.calls.push(method)
    return new Promise((resolve, reject) => {
      const open: OpenCall = { reject, settled: false }
      const end = (settle: () => void) => {
        if (open.settled) return
        open.settled = true
        this.#open.delete(open)
        timer.cancelled = true
        settle()
      }
      const { world } = this.#from
      const timer = world.schedule(timeoutMs, () =>
        end(() => reject(new FlotillaError('TIMEOUT', 'no answer'))),
      )
      if (!this.connected) {
        end(() => reject(new FlotillaError('CONNECTION_LOST', 'not connected', { outcome: 'not-applied' })))
        return
      }
      this.#open.add(open)
      world.schedule(HOP_MS, () => {
        if (open.settled) return
        const answer = world
          .store(this.storeId)
          .callServer.onCall(this.#from.storeId, method, Buffer.from(body))
        answer.then(
          (bytes) => world.schedule(HOP_MS, () => end(() => resolve(Buffer.from(bytes)))),
          (error: FlotillaError) => world.schedule(HOP_MS, () => end(() => reject(error))),
        )
      })
    })
  }

  down(): void {
    if (!this.connected) return
    this.connected = false
    this.#queue = []
    for (const open of [...this.#open]) {
      open.settled = true
      open.reject(new FlotillaError('CONNECTION_LOST', 'the link was cut'))
    }
    this.#open.clear()
    this.#from.router.onLinkDown(this.storeId)
    this.#from.forwardServer.onLinkDown(this.storeId)
    this.#from.callServer.onLinkDown(this.storeId)
  }

  up(): void {
    if (this.connected) return
    this.connected = true
    this.epoch++
  }

  // Raft's own messages are not the client's affair.
  sendVoteRequest = refuse
  sendVoteResponse = refuse
  sendAppendRequest = refuse
  sendAppendResponse = refuse
  sendTimeoutNow = refuse
  sendReadIndexRequest = refuse
  sendReadIndexResponse = refuse
  requestHeartbeat = (): number => 0
  releaseBulk = (): void => {}
  waitWritable = (): void => {}
  addHeartbeat = (): void => {}
  removeHeartbeat = (): void => {}
}

function refuse(): boolean {
  return false
}

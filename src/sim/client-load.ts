import type { ApplyResult } from '../client/apply-call.ts'
import { Keyspace } from '../kv/keyspace.ts'
import { regionGroupId } from '../kv/regions.ts'
import { crc32 } from '../util/crc.ts'
import type { SimCluster } from './cluster.ts'
import { CounterGhost, counterCommand } from './counter-machine.ts'
import type { CallKind } from './history.ts'
import { InvariantViolation } from './invariants.ts'
import { KvGhost } from './kv-ghost.ts'
import type { SimRandom } from './random.ts'
import { type BurstPlan, regionPrefix, type RunPlan } from './run-plan.ts'
import type { BatchChange, SimApplyOptions, SimCallOptions, SimClient, SimClients } from './sim-client.ts'

const MAX_BATCH_CHANGES = 5
const MAX_KEYS_READ = 6
const MAX_ADD = 9
/** Share of the callers of counters that want their entry in the term of the last one, or not at all. */
const OF_ONE_TERM = 0.1
/** Of a value in a burst of large ones: few calls fill the caches. */
const MAX_BURST_VALUE_BYTES = 2 * 1024 * 1024
/**
 * Share of the cut off leaders whose callers are many, and these, every third of them a reader: for about as long as such
 * a leader stays, in election timeouts.
 */
const CUT_OFF_BURSTS = 0.5
const CUT_OFF_CALLS = 90
const CUT_OFF_TIMEOUTS = 1.6
/** Of a rush, half of them reads. */
const MAX_RUSH_CALLS = 100
const LEAST_RUSH_GAP_MS = 1
/** Stands for a delete among the values that were proposed for a key. */
const DELETED = -1

/** What a call is about: a region if it is of the key-value side, else a counter. */
interface Aim {
  readonly region: number
  readonly counter: string
}

/** All of a rush want the same. */
function rushKey(region: number): string {
  return `${regionPrefix(region)}k0`
}

/**
 * Clients of a cluster: calls at random times from random stores. Each answer is held against the committed entries as
 * soon as it is there, besides what is done with the whole history at the end.
 */
export class ClientLoad {
  readonly kv: KvGhost
  readonly counters = new CounterGhost()
  readonly #plan: RunPlan
  readonly #cluster: SimCluster
  readonly #clients: SimClients
  readonly #random: SimRandom
  /** Of its own, so that bursts do not disturb what the others draw. */
  readonly #bursts: SimRandom
  readonly #terms: SimRandom
  /** Of each counter, of the newest entry that was acknowledged. */
  readonly #lastTerms = new Map<string, number>()
  readonly #keyspace = new Keyspace('default')
  readonly #kinds: readonly CallKind[]
  readonly #weights: readonly number[]
  /** What clients wanted each key to hold, as CRCs. */
  readonly #proposed = new Map<string, Set<number>>()
  /** Highest index of each group that a client knows of: whatever it asks later must be at least as new. */
  readonly #floors = new Map<string, number>()
  #nextId = 1
  #running = false
  /** Only these are asked; null for all. */
  askOnly: ReadonlySet<string> | null = null

  constructor(plan: RunPlan, cluster: SimCluster, clients: SimClients) {
    this.#plan = plan
    this.#cluster = cluster
    this.#clients = clients
    this.#random = cluster.world.random.fork('load')
    this.#bursts = cluster.world.random.fork('bursts')
    this.#terms = cluster.world.random.fork('terms')
    this.kv = new KvGhost(
      (_groupId, key, valueCrc) => this.#wasProposed(key, valueCrc),
      () => cluster.world.nowMs,
    )
    const able = Object.entries(plan.mix) as Array<[CallKind, number]>
    const kinds = able.filter(([kind]) => plan.counters.length > 0 || (kind !== 'apply' && kind !== 'query'))
    this.#kinds = kinds.map(([kind]) => kind)
    this.#weights = kinds.map(([, weight]) => weight)
  }

  start(): void {
    this.#running = true
    this.#scheduleNext()
    if (this.#plan.bursts !== null) this.#scheduleBurst(this.#plan.bursts)
  }

  stop(): void {
    this.#running = false
  }

  get regionCount(): number {
    return this.#plan.splitKeys.length + 1
  }

  #scheduleNext(): void {
    const { callsPerSecond, callsAtOnce } = this.#plan
    const pauseMs = this.#random.exponential((1_000 * callsAtOnce) / callsPerSecond)
    this.#cluster.world.schedule(pauseMs * 1_000, null, 'world', 0, () => {
      if (!this.#running) return
      this.#callsOfOne(callsAtOnce)
      this.#scheduleNext()
    })
  }

  /** One caller asks its store all at once, half the time of one region and one counter: what may go together does. */
  #callsOfOne(count: number): void {
    const able = this.#able()
    if (able.length === 0) return
    const client = this.#clients.client('load', this.#random, this.#random.pick(able))
    const aim = count > 1 && this.#random.chance(0.5) ? this.#drawAim() : null
    for (let i = 0; i < count && this.#clients.inFlight < this.#plan.maxInFlight; i++) {
      this.#send(this.#drawKind(), client, aim ?? this.#drawAim()).catch(() => {
        // The history has it.
      })
    }
  }

  /** Many writes to one group, faster than they can be answered: whatever is bounded fills. */
  #scheduleBurst(burst: BurstPlan): void {
    const { world } = this.#cluster
    world.schedule(this.#bursts.exponential(burst.everyMs) * 1_000, null, 'world', 0, () => {
      if (!this.#running) return
      const region = this.#bursts.below(this.regionCount)
      // What all stores ask of one is bounded on the way to it; what its own callers ask, at its door.
      const storeId = this.#bursts.chance(0.5) ? this.#leaderOf(regionGroupId(region)) : null
      for (let i = 0; i < burst.calls; i++) {
        const call = (): void => this.#callOfBurst(region, burst, storeId)
        world.schedule(i * burst.gapMs * 1_000, null, 'world', 0, call)
      }
      this.#scheduleBurst(burst)
    })
  }

  #leaderOf(groupId: string): string | null {
    const { hosts } = this.#cluster
    return this.#able().find((storeId) => hosts.get(storeId)?.group(groupId)?.isLeader) ?? null
  }

  #callOfBurst(region: number, { valueBytes }: BurstPlan, wanted: string | null): void {
    const able = this.#able()
    if (able.length === 0 || !this.#running) return
    const storeId = wanted !== null && able.includes(wanted) ? wanted : this.#bursts.pick(able)
    const client = this.#clients.client('burst', this.#bursts, storeId)
    const key = this.#drawKey(region, this.#bursts)
    const value = this.#drawValue(key, this.#bursts, valueBytes, MAX_BURST_VALUE_BYTES)
    this.#put(client, region, key, value, this.#options).catch(() => {
      // The history has it.
    })
  }

  /** A leader is cut off from the others, and its own callers go on: what it takes now nobody else may ever see. */
  onCutOff(storeId: string): void {
    if (!this.#running || !this.#bursts.chance(CUT_OFF_BURSTS)) return
    const led = [...(this.#cluster.hosts.get(storeId)?.groups() ?? [])].filter(({ isLeader }) => isLeader)
    if (led.length === 0) return
    const { groupId } = this.#bursts.pick(led)
    for (let i = 0; i < CUT_OFF_CALLS; i++) {
      const call = (): void => this.#callOfCutOff(storeId, groupId, i % 3 === 2)
      const afterMs = (i / CUT_OFF_CALLS) * CUT_OFF_TIMEOUTS * this.#plan.electionTimeoutMs
      this.#cluster.world.schedule(afterMs * 1_000, null, 'world', 0, call)
    }
  }

  #callOfCutOff(storeId: string, groupId: string, reads: boolean): void {
    if (!this.#running || !this.#able().includes(storeId)) return
    const client = this.#clients.client('burst', this.#bursts, storeId)
    const region = this.#regionOf(groupId)
    const answer = reads ? this.#readAt(client, region, groupId) : this.#writeTo(client, region, groupId)
    answer.catch(() => {
      // The history has it.
    })
  }

  /**
   * Clients crowd to a store that leads, or thinks so: they read there what is just being written through others. Whether
   * it still may answer is most in doubt about then.
   */
  rush(storeId: string, forMs: number): void {
    if (!this.#running) return
    const led = [...(this.#cluster.hosts.get(storeId)?.groups() ?? [])].filter(({ isLeader }) => isLeader)
    if (led.length === 0) return
    const { groupId } = this.#bursts.pick(led)
    const count = Math.min(MAX_RUSH_CALLS, Math.ceil(forMs / LEAST_RUSH_GAP_MS))
    for (let i = 0; i < count; i++) {
      const call = (): void => this.#callOfRush(storeId, groupId, i % 2 === 0)
      this.#cluster.world.schedule(((i * forMs) / count) * 1_000, null, 'world', 0, call)
    }
  }

  #callOfRush(storeId: string, groupId: string, reads: boolean): void {
    const able = this.#able()
    if (!this.#running || able.length === 0 || (reads && !this.#mayAsk(storeId))) return
    const client = this.#clients.client('burst', this.#bursts, reads ? storeId : this.#bursts.pick(able))
    const region = this.#regionOf(groupId)
    const answer = reads ? this.#readAt(client, region, groupId) : this.#writeRushed(client, region, groupId)
    answer.catch(() => {
      // The history has it.
    })
  }

  /** Null for a counter. */
  #regionOf(groupId: string): number | null {
    for (let region = 0; region < this.regionCount; region++)
      if (regionGroupId(region) === groupId) return region
    return null
  }

  #readAt(client: SimClient, region: number | null, groupId: string): Promise<void> {
    if (region === null) return this.query(client, groupId)
    return this.#readKeys(client, region, [rushKey(region)], this.#options)
  }

  #writeRushed(client: SimClient, region: number | null, groupId: string): Promise<unknown> {
    if (region === null) return this.applyTo(client, groupId)
    const key = rushKey(region)
    return this.#put(client, region, key, this.#drawValue(key, this.#bursts), this.#options)
  }

  #writeTo(client: SimClient, region: number | null, groupId: string): Promise<unknown> {
    return region === null ? this.applyTo(client, groupId) : this.put(client, region)
  }

  #able(): string[] {
    return this.#clients.storesThatServe().filter((storeId) => this.askOnly?.has(storeId) ?? true)
  }

  #mayAsk(storeId: string): boolean {
    return this.#clients.has(storeId) && (this.askOnly?.has(storeId) ?? true)
  }

  #drawKind(): CallKind {
    let at = this.#random.float() * this.#weights.reduce((sum, weight) => sum + weight, 0)
    for (const [i, weight] of this.#weights.entries()) {
      at -= weight
      if (at < 0) return this.#kinds[i]!
    }
    return 'put'
  }

  #drawAim(): Aim {
    const { counters } = this.#plan
    const region = this.#random.below(this.regionCount)
    return { region, counter: counters.length === 0 ? '' : this.#random.pick(counters).groupId }
  }

  #send(kind: CallKind, client: SimClient, { region, counter }: Aim): Promise<unknown> {
    switch (kind) {
      case 'apply':
        return this.applyTo(client, counter, this.#applyOptions(counter))
      case 'query':
        return this.query(client, counter)
      case 'put':
        return this.put(client, region)
      case 'del':
        return client.kv().del(this.#drawDelete(region), this.#options)
      case 'batch':
        return this.#batch(client, region)
      case 'get':
        return this.getMany(client, region, 1)
      case 'getMany':
        return this.getMany(client, region, 1 + this.#random.below(MAX_KEYS_READ))
      default:
        return this.#scan(client, region)
    }
  }

  #applyOptions(groupId: string): SimApplyOptions {
    const expectedTerm = this.#lastTerms.get(groupId) ?? 0
    return this.#terms.chance(OF_ONE_TERM) ? { ...this.#options, expectedTerm } : this.#options
  }

  get #options(): SimCallOptions {
    return { timeoutMs: this.#plan.callTimeoutMs }
  }

  // ---- writing -----------------------------------------------------------------------------------------------------

  async put(client: SimClient, region: number, options: SimCallOptions = this.#options): Promise<void> {
    const key = this.#drawKey(region)
    await this.#put(client, region, key, this.#drawValue(key), options)
  }

  async #put(
    client: SimClient,
    region: number,
    key: string,
    value: Buffer,
    options: SimCallOptions,
  ): Promise<void> {
    await client.kv().put(key, value, options)
    this.#later(() => this.#onWritten(region, key, value))
  }

  async #batch(client: SimClient, region: number): Promise<void> {
    const changes: BatchChange[] = []
    for (let left = 1 + this.#random.below(MAX_BATCH_CHANGES); left > 0; left--) {
      if (this.#random.chance(0.2)) changes.push({ type: 'del', key: this.#drawDelete(region) })
      else {
        const key = this.#drawKey(region)
        changes.push({ type: 'put', key, value: this.#drawValue(key) })
      }
    }
    await client.kv().batch(changes, this.#options)
    this.#later(() => {
      const last = new Map(changes.map((change) => [change.key, change]))
      for (const change of last.values()) {
        if (change.type === 'put') this.#onWritten(region, change.key, change.value)
      }
    })
  }

  async applyTo(
    client: SimClient,
    groupId: string,
    options: SimApplyOptions = this.#options,
  ): Promise<ApplyResult> {
    const id = this.#nextId++
    const command = counterCommand(id, 1 + this.#random.below(MAX_ADD))
    this.counters.propose(id, command)
    const answer = await client.group(groupId).apply(command, options)
    this.#later(() => {
      this.counters.checkAck(groupId, id, answer.index, Number(answer.result?.toString()))
      this.#checkTerm(groupId, answer, options.expectedTerm ?? 0)
      this.#raise(groupId, answer.index)
    })
    return answer
  }

  // ---- reading -----------------------------------------------------------------------------------------------------

  async query(client: SimClient, groupId: string, options: SimCallOptions = this.#options): Promise<void> {
    const from = this.#floor(groupId)
    const answer = await client.group(groupId).query(Buffer.from('sum'), options)
    this.#later(() => {
      const to = this.#cluster.ghost.group(groupId).lastCommitted
      this.#raise(groupId, this.counters.checkQuery(groupId, Number(answer.toString()), from, to))
    })
  }

  async getMany(
    client: SimClient,
    region: number,
    count: number,
    options: SimCallOptions = this.#options,
  ): Promise<void> {
    const keys = [...new Set(Array.from({ length: count }, () => this.#drawKey(region)))]
    await this.#readKeys(client, region, keys, options)
  }

  async #readKeys(
    client: SimClient,
    region: number,
    keys: readonly string[],
    options: SimCallOptions,
  ): Promise<void> {
    const from = this.#floor(regionGroupId(region))
    const kv = client.kv()
    const values = keys.length === 1 ? [await kv.get(keys[0]!, options)] : await kv.getMany(keys, options)
    const rows = new Map(keys.map((key, i) => [this.#fullKey(key), values[i] ?? null]))
    this.#later(() => this.#checkView(`a read by ${client.storeId}`, region, from, rows))
  }

  /** One view only on a store that hosts the region: elsewhere the store that keeps the view may be lost on the way. */
  async #scan(client: SimClient, region: number): Promise<void> {
    const groupId = regionGroupId(region)
    const from = this.#floor(groupId)
    const gte = regionPrefix(region)
    const lt = `${gte}~`
    const found = await client.kv().scan(gte, lt, this.#options)
    const rows = new Map(found.map(([key, value]) => [this.#fullKey(key), value]))
    const what = `a scan by ${client.storeId}`
    this.#later(() => {
      const isHost = this.#plan.kvMembers.includes(client.storeId ?? '')
      if (isHost) this.#checkView(what, region, from, rows, this.#fullKey(gte), this.#fullKey(lt))
      else for (const row of rows) this.#checkView(what, region, from, new Map([row]))
    })
  }

  #checkView(
    what: string,
    region: number,
    from: number,
    rows: ReadonlyMap<string, Buffer | null>,
    gte?: string,
    lt?: string,
  ): void {
    const groupId = regionGroupId(region)
    const to = this.#cluster.ghost.group(groupId).lastCommitted
    const range = gte === undefined || lt === undefined ? {} : { gte, lt }
    this.kv.checkView({ groupId, rows, from, to, ...range }, what)
    for (const [key, value] of rows)
      if (value !== null) this.#raise(groupId, this.kv.firstIndexOf(groupId, key, value))
  }

  // ---- what clients know ---------------------------------------------------------------------------------------------

  /** The step in which an answer comes is over before it is judged: by then the checker knows what was committed in it. */
  #later(check: () => void): void {
    this.#cluster.world.judgeAfterStep(check)
  }

  /** I-17: in the term that the caller was told, and in no other than it wanted. */
  #checkTerm(groupId: string, { index, term }: ApplyResult, expectedTerm: number): void {
    const committed = this.#cluster.ghost.group(groupId).committed[index]?.entry.term
    const text = `${groupId}/${index} of term ${committed} was acknowledged in term ${term}, wanted in ${expectedTerm || 'any'}`
    if (committed !== term || (expectedTerm !== 0 && term !== expectedTerm))
      throw new InvariantViolation('I-17', text)
    this.#lastTerms.set(groupId, term)
  }

  /** I-17: an acknowledged write is committed. */
  #onWritten(region: number, key: string, value: Buffer): void {
    const groupId = regionGroupId(region)
    this.#raise(groupId, this.kv.firstIndexOf(groupId, this.#fullKey(key), value))
  }

  #floor(groupId: string): number {
    return this.#floors.get(groupId) ?? 0
  }

  #raise(groupId: string, index: number): void {
    if (index > this.#floor(groupId)) this.#floors.set(groupId, index)
  }

  // ---- drawing -------------------------------------------------------------------------------------------------------

  #drawKey(region: number, random = this.#random): string {
    // Some keys are hot.
    return `${regionPrefix(region)}k${Math.floor(random.float() ** 2 * this.#plan.keysPerRegion)}`
  }

  #drawDelete(region: number): string {
    const key = this.#drawKey(region)
    this.#propose(key, DELETED)
    return key
  }

  /** No two values are equal: each begins with a number of its own. */
  #drawValue(
    key: string,
    random = this.#random,
    mean = this.#plan.valueBytes.mean,
    max = this.#plan.valueBytes.max,
  ): Buffer {
    const head = `${this.#nextId++}:`
    const length = Math.min(max, head.length + Math.floor(random.exponential(mean)))
    const value = Buffer.alloc(Math.max(length, head.length), head)
    this.#propose(key, crc32(value))
    return value
  }

  #propose(key: string, value: number): void {
    const full = this.#fullKey(key)
    const known = this.#proposed.get(full)
    if (known === undefined) this.#proposed.set(full, new Set([value]))
    else known.add(value)
  }

  #wasProposed(key: string, valueCrc: number | null): boolean {
    return this.#proposed.get(key)?.has(valueCrc ?? DELETED) ?? false
  }

  #fullKey(key: string): string {
    return this.#keyspace.fullKey(Buffer.from(key)).toString('latin1')
  }
}

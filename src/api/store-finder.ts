import { readCluster } from '../client/cluster-answer.ts'
import type { ClientEnv, TimerHandle } from '../env/ports.ts'
import { RegionMap } from '../kv/regions.ts'
import type { PeerHello, StoreAddress } from '../rpc/handshake.ts'
import { encodeWire, wire } from '../rpc/wire.ts'
import { FlotillaError, toFlotillaError } from '../util/errors.ts'
import {
  CLIENT_REFRESH_MS,
  CONNECT_GRACE_MS,
  MAX_KNOWN_STORES,
  RECONNECT_MAX_MS,
  RECONNECT_MIN_MS,
} from '../util/limits.ts'
import type { ClientProcess } from './client-host.ts'

const PROBE_TIMEOUT_MS = 3_000
const ASK_TIMEOUT_MS = 2_000

/** An address that the user has named. */
interface Seed {
  readonly address: string
  /** Who has answered there last; '' while nobody has. */
  storeId: string
  /** Why nobody did at the last try. */
  error: FlotillaError | null
  tries: number
}

export interface FinderOptions {
  readonly env: ClientEnv
  readonly host: ClientProcess
  readonly seeds: readonly string[]
  /** '' until it is learned. */
  clusterId(): string
  learnCluster(clusterId: string): void
}

/**
 * Finds the stores of a cluster and follows them: asks the addresses that the user has named who is there, takes over what
 * stores tell of each other, and goes on for as long as the client is open. The newest word on an address counts, as among
 * stores; an address that answers counts more than any word.
 */
export class StoreFinder {
  /** Null while none was told: the stores have no key-value regions, or have not been asked. */
  regions: RegionMap | null = null
  readonly #o: FinderOptions
  readonly #seeds: readonly Seed[]
  /** Versions of addresses that were told, by store. */
  readonly #versions = new Map<string, number>()
  readonly #sleepers = new Map<TimerHandle, () => void>()
  /** Regions were asked for and told, be it that there are none. */
  #introduced = false
  #askError: FlotillaError | null = null
  /** A store of another cluster has answered: told once to whoever connects. */
  #mismatch: FlotillaError | null = null
  #firstUpMs = -1
  #wanted = false
  #endPause: () => void = () => {}
  #closed = false

  constructor(options: FinderOptions) {
    this.#o = options
    this.#seeds = options.seeds.map((address) => ({ address, storeId: '', error: null, tries: 0 }))
  }

  start(): void {
    for (const seed of this.#seeds) void this.#watch(seed)
    void this.#follow()
  }

  /** Resolves when calls can be made. Rejects with UNREACHABLE, IDENTITY_MISMATCH or CLOSED. */
  async connected(timeoutMs: number): Promise<void> {
    const { clock } = this.#o.env
    const deadlineMs = clock.monotonicMs() + timeoutMs
    while (!this.#isReady()) {
      if (this.#mismatch !== null) throw this.#mismatch
      if (this.#closed) throw new FlotillaError('CLOSED', 'the client is closed', { outcome: 'not-applied' })
      if (this.#isHopeless()) throw this.#unreachable('none of the stores could be reached')
      if (clock.monotonicMs() >= deadlineMs)
        throw this.#unreachable(`none of the stores could be reached in ${timeoutMs} ms`)
      await this.#sleep(Math.min(RECONNECT_MIN_MS / 5, deadlineMs - clock.monotonicMs()))
    }
  }

  /** One store answers and has told what it knows; the others were tried, or had their time. */
  #isReady(): boolean {
    if (!this.#introduced || this.#mismatch !== null) return false
    const { host, env } = this.#o
    if (env.clock.monotonicMs() - this.#firstUpMs >= CONNECT_GRACE_MS) return true
    const asked = this.#seeds.every((seed) => seed.tries > 0)
    return (
      asked && host.peers().every((storeId) => host.isConnected(storeId) || host.failureOf(storeId) !== null)
    )
  }

  /** Whoever listens at all these addresses is no store. */
  #isHopeless(): boolean {
    return this.#seeds.every(({ error }) => error?.shortName === 'PROTOCOL')
  }

  #unreachable(text: string): FlotillaError {
    const { host } = this.#o
    const whys = this.#seeds.map(({ address, storeId, error }) => {
      const why = error ?? (storeId === '' ? null : (host.failureOf(storeId) ?? this.#askError))
      return { address, why: why?.message ?? 'no answer yet', error: why }
    })
    const list = whys.map(({ address, why }) => (why.includes(address) ? why : `${address}: ${why}`))
    const cause = whys.find(({ error }) => error !== null)?.error ?? undefined
    return new FlotillaError('UNREACHABLE', `${text}: ${list.join('; ')}`, { cause })
  }

  // ---- the addresses that the user has named --------------------------------------------------------------------------

  async #watch(seed: Seed): Promise<void> {
    let failures = 0
    while (!this.#closed) {
      if (seed.storeId !== '' && this.#o.host.isConnected(seed.storeId)) failures = 0
      else failures = (await this.#probe(seed)) ? 0 : failures + 1
      const pauseMs = Math.min(RECONNECT_MAX_MS, RECONNECT_MIN_MS * 2 ** Math.min(failures, 10))
      await this.#sleep(failures === 0 ? RECONNECT_MAX_MS : pauseMs * (0.5 + this.#o.env.random.float() / 2))
    }
  }

  /** True when a store of ours answered. */
  async #probe(seed: Seed): Promise<boolean> {
    try {
      const hello = await this.#o.host.multiplexer.probe(seed.address, PROBE_TIMEOUT_MS)
      if (this.#closed) return false
      this.#checkCluster(seed.address, hello)
      seed.storeId = hello.storeId
      seed.error = null
      this.#learn({ storeId: hello.storeId, address: seed.address, version: hello.addressVersion }, true)
      for (const entry of hello.addresses) this.#learn(entry, false)
      return true
    } catch (error) {
      if (!this.#closed) this.#failed(seed, toFlotillaError(error))
      return false
    } finally {
      seed.tries++
    }
  }

  #failed(seed: Seed, error: FlotillaError): void {
    const news = seed.error?.code !== error.code
    seed.error = error
    if (error.shortName === 'IDENTITY_MISMATCH') this.#mismatch ??= error
    if (news) this.#o.env.logger.warn({ address: seed.address, code: error.code }, error.message)
  }

  /** The first store that answers names the cluster, unless the user has. */
  #checkCluster(address: string, hello: PeerHello): void {
    const wanted = this.#o.clusterId()
    if (wanted === '') this.#o.learnCluster(hello.clusterId)
    else if (wanted !== hello.clusterId) {
      const text = `at ${address} is store ${hello.storeId} of cluster ${hello.clusterId}, not of cluster ${wanted}`
      throw new FlotillaError('IDENTITY_MISMATCH', text)
    }
  }

  // ---- what stores tell -----------------------------------------------------------------------------------------------

  onHello(hello: PeerHello): void {
    if (this.#firstUpMs < 0) {
      this.#firstUpMs = this.#o.env.clock.monotonicMs()
      this.refresh()
    }
    this.#learn({ storeId: hello.storeId, address: hello.address, version: hello.addressVersion }, false)
    for (const entry of hello.addresses) this.#learn(entry, false)
  }

  /** `answers`: somebody has just said there that it is this store. */
  #learn({ storeId, address, version }: StoreAddress, answers: boolean): void {
    const { host } = this.#o
    if (storeId === '' || address === '') return
    const known = this.#versions.get(storeId)
    if (known === undefined && this.#versions.size >= MAX_KNOWN_STORES) return
    if (known === undefined || version > known) this.#versions.set(storeId, version)
    const news = known === undefined || version > known || answers
    if (!news || host.isConnected(storeId) || host.addressOf(storeId) === address) return
    host.dial(storeId, address)
  }

  /** Asks a store soon: one was named that is not known, or one is gone. */
  refresh(): void {
    this.#wanted = true
    this.#endPause()
  }

  async #follow(): Promise<void> {
    while (!this.#closed) {
      this.#wanted = !(await this.#askSomeStore())
      // However often it is wanted, a store is asked no more often than this.
      await this.#sleep(RECONNECT_MIN_MS)
      if (!this.#wanted) await this.#pause(this.#someAreMissing() ? RECONNECT_MAX_MS : CLIENT_REFRESH_MS)
    }
  }

  /** One that does not answer may be elsewhere by now. */
  #someAreMissing(): boolean {
    const { host } = this.#o
    return host.peers().some((storeId) => !host.isConnected(storeId))
  }

  /** False when no store has told. */
  async #askSomeStore(): Promise<boolean> {
    const { host, env } = this.#o
    const stores = host.peers().filter((storeId) => host.isConnected(storeId))
    const first = Math.floor(env.random.float() * stores.length)
    let told = false
    for (let i = 0; i < stores.length && !this.#closed; i++) {
      const storeId = stores[(first + i) % stores.length]!
      try {
        await this.#askOne(storeId)
        told = true
        // A store that was opened without the database does not speak for the others.
        if (this.regions !== null) break
      } catch (error) {
        this.#askError = toFlotillaError(error, 'PROTOCOL')
      }
    }
    if (told) this.#introduced = true
    return told
  }

  async #askOne(storeId: string): Promise<void> {
    const { regions, stores } = await readCluster(async (regionsFrom) => {
      const request = new wire.admin.DescribeClusterRequest({ regionsFrom })
      const body = encodeWire(wire.admin.DescribeClusterRequest, request)
      return await this.#o.host.link(storeId).call('describeCluster', body, ASK_TIMEOUT_MS)
    })
    if (this.#closed) return
    for (const entry of stores) this.#learn(entry, false)
    if (regions.length === 0) return
    const map = RegionMap.fromRegions(regions)
    if (map === null)
      throw new FlotillaError('PROTOCOL', `store ${storeId} tells regions with gaps or overlaps`)
    this.regions = map
  }

  // ---- time -----------------------------------------------------------------------------------------------------------

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      if (this.#closed) {
        resolve()
        return
      }
      const timer = this.#o.env.timers.setTimeout(() => {
        this.#sleepers.delete(timer)
        resolve()
      }, ms)
      this.#sleepers.set(timer, resolve)
    })
  }

  /** Until `refresh` is called, or for so long. */
  async #pause(ms: number): Promise<void> {
    const wanted = new Promise<void>((resolve) => {
      this.#endPause = resolve
    })
    const timer: { handle: TimerHandle | null } = { handle: null }
    const over = new Promise<void>((resolve) => {
      if (this.#closed) resolve()
      else {
        timer.handle = this.#o.env.timers.setTimeout(resolve, ms)
        this.#sleepers.set(timer.handle, resolve)
      }
    })
    await Promise.race([wanted, over])
    if (timer.handle === null) return
    this.#o.env.timers.clearTimeout(timer.handle)
    this.#sleepers.delete(timer.handle)
  }

  close(): void {
    this.#closed = true
    for (const [timer, wake] of [...this.#sleepers]) {
      this.#o.env.timers.clearTimeout(timer)
      wake()
    }
    this.#sleepers.clear()
  }
}

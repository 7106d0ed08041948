import type { GroupRequest } from '../api/group-request.ts'
import type { StateMachineFactory } from '../api/state-machine.ts'
import { Store } from '../api/store.ts'
import type { StoreHost } from '../store/store-host.ts'
import { toFlotillaError, type FlotillaError } from '../util/errors.ts'
import type { QueueLimits } from '../util/queue-limits.ts'
import type { DiskImage } from './disk.ts'
import { Ghost, type GhostListener } from './ghost-cluster.ts'
import { InvariantViolation } from './invariants.ts'
import { markCrash, markEnding, markLogged } from './mark-lives.ts'
import { markMessages } from './mark-messages.ts'
import type { Marks } from './marks.ts'
import type { Nemesis } from './nemesis.ts'
import { type CrashScene, processNameOf, type SimProcess, type SimProcessOptions } from './process.ts'
import type { SimRandom } from './random.ts'
import type { SimWorld } from './world.ts'

export const SIM_PORT = 7000

export interface SimClusterOptions {
  readonly storeIds: readonly string[]
  readonly electionTimeoutMs: number
  /** Default: the store's own. */
  readonly heartbeatIntervalMs?: number
  readonly shards?: number
  /** See StoreOptions.maxLogBytes. */
  readonly maxLogBytes?: number
  /** Of every store. Default: what real stores have. */
  readonly limits?: QueueLimits
  readonly kv: false | { readonly splitKeys: readonly string[]; readonly members: readonly string[] }
  readonly groups: readonly GroupRequest[]
  readonly stateMachines: Readonly<Record<string, StateMachineFactory>>
  /** State machines may throw now and then: their keepers start the store again. Default false. */
  readonly machinesFail?: boolean
  /** Clock faults of each process. */
  readonly clockOf?: (storeId: string) => Pick<SimProcessOptions, 'clockRate' | 'lateTimers'>
}

export interface ClusterListener extends GhostListener {
  /** A life of a store serves. */
  onOpened?(storeId: string, store: Store): void
  /** A life is over: killed, failed, closed. */
  onLifeEnded?(storeId: string, life: string): void
}

/** A keeper starts a store that ended by itself again after this: least and mean addition. */
const RESTART_MS = { least: 50, mean: 300 }
/** Of a store whose directory is damaged it expects nothing soon. */
const DAMAGED_RESTART_MS = 5_000
/** Share of the damaged directories that are mended when their store refuses them. */
const MENDED = 0.9
const CREATE_RETRY_MS = 200

/**
 * A cluster of whole stores, each the main program of a simulated process, with keepers that start what ended by itself.
 * What a store may not do by itself is a violation: to fail without a fault, not to open, to accuse another.
 */
export class SimCluster {
  readonly world: SimWorld
  readonly options: SimClusterOptions
  readonly ghost: Ghost
  readonly processes: readonly SimProcess[]
  /** Stores that serve, by id. */
  readonly stores = new Map<string, Store>()
  readonly hosts = new Map<string, StoreHost>()
  /** Stores whose disk was damaged for good. */
  readonly damaged = new Set<string>()
  /** What lay on a damaged disk before, until a store goes by what lies there now. */
  readonly #sound = new Map<string, DiskImage>()
  /** Stores whose last life had its ledger open when only its process died: that holds all that was said. */
  readonly #crashedWhole = new Set<string>()
  /** Stores whose directory tells them that a part of it was damaged. */
  readonly #mustNotice = new Set<string>()
  /** Lives in which a fault of the disk was injected: they may fail. */
  readonly #troubled = new Set<string>()
  /** Stores that stay down until told otherwise. */
  readonly #heldDown = new Set<string>()
  readonly #random: SimRandom
  readonly #listener: ClusterListener
  /** Ends of lives by what ended them. */
  readonly endings = new Map<string, number>()
  readonly #crashedAtMs = new Map<string, number>()
  #groupsMade = false

  constructor(world: SimWorld, options: SimClusterOptions, listener: ClusterListener = {}) {
    this.world = world
    this.options = options
    this.#listener = listener
    this.#random = world.random.fork('keepers')
    this.ghost = new Ghost(world, {
      onCommitted: (group, index, entry) => listener.onCommitted?.(group, index, entry),
      onState: (group, storeId, step) => listener.onState?.(group, storeId, step),
      isDamaged: (storeId) => this.damaged.has(storeId),
      onAmnesia: (storeId, group, forgot) => this.#onAmnesia(storeId, group.groupId, forgot),
    })
    this.processes = options.storeIds.map((storeId) => this.#addProcess(storeId))
    void this.#makeGroups()
  }

  get marks(): Marks {
    return this.ghost.marks
  }

  /** Strikes that wait for a mark hear of each, and of the store that reaches it. */
  tellMarksTo(nemesis: Nemesis): void {
    this.marks.onReach = (mark) => {
      const thread = this.world.runningThread
      if (thread !== null) nemesis.onMark(mark, this.process(processNameOf(thread)))
    }
  }

  get groupsMade(): boolean {
    return this.#groupsMade
  }

  #addProcess(storeId: string): SimProcess {
    const { limits } = this.options
    const process = this.world.process(storeId, {
      ...this.options.clockOf?.(storeId),
      ...(limits && { limits }),
      main: (self) => this.#main(self),
      onLog: (record) => markLogged(this.marks, record),
      onCrashed: (self, scene) => this.#onCrashed(self, scene),
      inspect: (self, host) => {
        this.#sound.delete(storeId)
        markMessages(this.marks, host as StoreHost)
        this.hosts.set(storeId, host as StoreHost)
        this.ghost.watch(self, host as StoreHost)
      },
      onEnded: (_self, life) => this.#onLifeEnded(storeId, life),
    })
    this.ghost.addStore(process)
    return process
  }

  process(storeId: string): SimProcess {
    return this.world.process(storeId)
  }

  /** Members of each group, regions too. */
  memberships(): ReadonlyMap<string, readonly string[]> {
    const { kv, groups } = this.options
    const found = new Map(groups.map(({ groupId, members }) => [groupId, members]))
    if (kv !== false) {
      for (let i = 0; i <= kv.splitKeys.length; i++) found.set(`kv/${String(i).padStart(4, '0')}`, kv.members)
    }
    return found
  }

  /** A fault of the disk strikes this life: from now on it may fail by itself. */
  trouble(process: SimProcess): void {
    this.#troubled.add(process.life)
  }

  /** The disk of a store that is down was damaged for good: `before` is what had lain there. */
  onDamaged(storeId: string, before: DiskImage, extent: 'part' | 'whole'): void {
    this.damaged.add(storeId)
    if (extent === 'part' && this.#crashedWhole.has(storeId)) this.#mustNotice.add(storeId)
    if (this.#random.chance(MENDED)) this.#sound.set(storeId, before)
  }

  /** As `onDamaged`, of a store that runs: it goes on writing, so nothing that lay there before may be put back. */
  onRotten(storeId: string): void {
    this.damaged.add(storeId)
    this.#sound.delete(storeId)
  }

  /**
   * A store refused its damaged directory, so it has said nothing since: whoever keeps it may put back what lay there, and
   * it is as good as before. Answers whether that was done.
   */
  #mend(process: SimProcess, { shortName }: FlotillaError): boolean {
    const sound = this.#sound.get(process.name)
    if (sound === undefined || shortName !== 'CORRUPT') return false
    process.restore(sound)
    this.#sound.delete(process.name)
    this.damaged.delete(process.name)
    this.#mustNotice.delete(process.name)
    return true
  }

  /** Whether a store leads a group, or thinks so. */
  leads(storeId: string): boolean {
    if (!this.process(storeId).alive) return false
    return [...(this.hosts.get(storeId)?.groups() ?? [])].some(({ isLeader }) => isLeader)
  }

  /** The store is down until `release`. */
  hold(storeId: string): void {
    this.#heldDown.add(storeId)
  }

  release(storeId: string): void {
    this.#heldDown.delete(storeId)
    const process = this.process(storeId)
    if (!process.alive) process.restart()
  }

  /** Closes a store in order, then starts it again. */
  async restartOrderly(storeId: string): Promise<void> {
    const store = this.stores.get(storeId)
    const process = this.process(storeId)
    if (store === undefined || !process.alive || process.paused) return
    const { life } = process
    this.world.note(`close ${storeId}`)
    this.stores.delete(storeId)
    await store.close()
    if (process.alive && process.life === life && !this.#heldDown.has(storeId)) process.restart('process')
  }

  async #main(process: SimProcess): Promise<void> {
    const { name, life } = process
    if (process.disk.isBroken) this.trouble(process)
    let store: Store
    try {
      store = await Store.open(this.#storeOptions(process), process.env)
    } catch (error) {
      this.#onEnding(process, life, toFlotillaError(error))
      return
    }
    store.on('groupError', ({ groupId, error }) => this.#onGroupError(process, life, groupId, error))
    store.on('suspect', ({ by, error }) => this.#onSuspect(name, by, error))
    void store.closed.then((reason) => {
      if (this.stores.get(name) === store) this.stores.delete(name)
      if (reason !== null) this.#onEnding(process, life, reason)
    })
    this.stores.set(name, store)
    const downForMs = this.world.nowMs - (this.#crashedAtMs.get(name) ?? Number.NEGATIVE_INFINITY)
    if (downForMs < this.options.electionTimeoutMs) this.marks.reach('start/in-time')
    this.#listener.onOpened?.(name, store)
  }

  #storeOptions({ name, dir }: SimProcess): Parameters<typeof Store.open>[0] {
    const {
      storeIds,
      electionTimeoutMs,
      heartbeatIntervalMs,
      shards = 1,
      maxLogBytes,
      kv,
      stateMachines,
    } = this.options
    return {
      clusterId: 'sim',
      storeId: name,
      dataDir: dir,
      stores: Object.fromEntries(storeIds.map((storeId) => [storeId, `${storeId}:${SIM_PORT}`])),
      electionTimeoutMs,
      ...(heartbeatIntervalMs !== undefined && { heartbeatIntervalMs }),
      shards,
      kv,
      stateMachines,
      ...(maxLogBytes !== undefined && { maxLogBytes }),
    }
  }

  #onCrashed(process: SimProcess, scene: CrashScene): void {
    const { name } = process
    this.ghost.onLifeOver(process)
    markCrash(this.marks, {
      ...scene,
      host: this.hosts.get(name) ?? null,
      serves: this.stores.has(name),
      disk: this.ghost.disk(name),
      group: (groupId) => this.ghost.group(groupId),
    })
    this.#crashedAtMs.set(name, this.world.nowMs)
    if (scene.mode === 'process' && this.hosts.has(name)) this.#crashedWhole.add(name)
    else this.#crashedWhole.delete(name)
    if (this.processes.every(({ alive }) => !alive)) this.marks.reach('crash/all-down')
  }

  #onLifeEnded(storeId: string, life: string): void {
    this.stores.delete(storeId)
    this.hosts.delete(storeId)
    this.#listener.onLifeEnded?.(storeId, life)
  }

  /** A store did not open, or failed. Its process ends, and its keeper starts it again. */
  #onEnding(process: SimProcess, life: string, reason: FlotillaError): void {
    if (!process.alive || process.life !== life) return
    this.#count(reason.shortName)
    markEnding(this.marks, reason.shortName, reason.message)
    this.world.note(`${life} ends: ${reason.code} ${reason.message}`)
    if (!this.#isExplained(process.name, life, reason)) {
      this.#violation(`${life} ended by itself: ${reason.code} ${reason.message}`, reason)
      return
    }
    process.kill('process')
    const isDamaged = this.damaged.has(process.name) && !this.#mend(process, reason)
    const pauseMs = isDamaged
      ? DAMAGED_RESTART_MS
      : RESTART_MS.least + this.#random.exponential(RESTART_MS.mean)
    this.world.schedule(pauseMs * 1000, null, 'world', 0, () => {
      if (!process.alive && !this.#heldDown.has(process.name)) process.restart()
    })
  }

  /** A disk that was troubled or damaged may end a store; nothing else may. */
  #isExplained(storeId: string, life: string, reason: FlotillaError): boolean {
    if (this.damaged.has(storeId)) return reason.shortName !== 'INTERNAL'
    if (reason.shortName === 'STORE_REPLACED') return this.damaged.size > 0
    return reason.shortName === 'STORAGE_FAILED' && this.#troubled.has(life)
  }

  #onGroupError(process: SimProcess, life: string, groupId: string, error: FlotillaError): void {
    if (process.life !== life || this.#isExplained(process.name, life, error)) return
    if (this.options.machinesFail && error.shortName === 'STATE_MACHINE_FAILED') {
      this.#count(error.shortName)
      this.#restartSoon(process, life)
      return
    }
    this.#violation(`${groupId} on ${life} stopped: ${error.code} ${error.message}`, error)
  }

  /** A machine is made anew, and given all that is committed, when its store starts. */
  #restartSoon(process: SimProcess, life: string): void {
    const pauseMs = RESTART_MS.least + this.#random.exponential(RESTART_MS.mean)
    this.world.schedule(pauseMs * 1000, null, 'world', 0, () => {
      if (process.alive && process.life === life && !this.#heldDown.has(process.name))
        process.restart('process')
    })
  }

  #onSuspect(storeId: string, by: string, error: FlotillaError): void {
    this.world.note(`${by} calls ${storeId} suspect: ${error.message}`)
    if (this.damaged.size === 0)
      this.world.fail(new InvariantViolation('I-accused', `${by} accuses ${storeId}: ${error.message}`))
  }

  #onAmnesia(storeId: string, groupId: string, forgot: string): void {
    if (this.#mustNotice.has(storeId))
      throw new InvariantViolation('I-21', `${storeId} opened, and forgot of ${groupId}: ${forgot}`)
    if (this.damaged.has(storeId)) return
    throw new InvariantViolation(
      'I-20',
      `${storeId} forgot of ${groupId}: ${forgot}, and its disk was not damaged`,
    )
  }

  #violation(detail: string, cause: FlotillaError): void {
    const stack = cause.shortName === 'INTERNAL' ? `\n${cause.stack}` : ''
    this.world.fail(new InvariantViolation('I-open', detail + stack))
  }

  #count(name: string): void {
    this.endings.set(name, (this.endings.get(name) ?? 0) + 1)
  }

  /** Some store that serves makes the groups, however often that takes. */
  async #makeGroups(): Promise<void> {
    const { groups } = this.options
    while (!this.#groupsMade) {
      await this.world.sleep(CREATE_RETRY_MS * this.#random.between(0.5, 1.5))
      const able = [...this.stores.values()]
      if (able.length === 0) continue
      const store = this.#random.pick(able)
      const { life } = this.process(store.storeId)
      const made = store.createGroups(groups).then(
        () => true,
        () => false,
      )
      const died = this.#untilEnd(store.storeId, life).then(() => false)
      this.#groupsMade = await Promise.race([made, died])
    }
  }

  /** Looks now and then: what a dead process was asked never settles. */
  async #untilEnd(storeId: string, life: string): Promise<void> {
    const process = this.process(storeId)
    while (!this.#groupsMade && process.alive && process.life === life)
      await this.world.sleep(CREATE_RETRY_MS)
  }
}

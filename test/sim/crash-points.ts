import { Store } from '../../src/api/store.ts'
import { SimCluster } from '../../src/sim/cluster.ts'
import type { CrashMode, DiskCheckpoint, DiskJob, SimDisk } from '../../src/sim/disk.ts'
import { Ghost } from '../../src/sim/ghost-cluster.ts'
import type { ReplicaGhost } from '../../src/sim/ghost-state.ts'
import { InvariantViolation } from '../../src/sim/invariants.ts'
import type { SimProcess } from '../../src/sim/process.ts'
import { SimWorld } from '../../src/sim/world.ts'
import type { StoreHost } from '../../src/store/store-host.ts'
import { crc32 } from '../../src/util/crc.ts'
import { type AckedPut, CLUSTER, CrashScript, STORE_IDS } from './crash-script.ts'

/** What a store had promised of one group, and what was committed there, at one moment. */
interface GroupPromise {
  readonly groupId: string
  readonly committed: number
  readonly replica: number
  readonly votes: ReadonlyMap<number, number>
  readonly promisedTerm: number
  readonly ackedIndex: number
  readonly ackedTerm: number
}

/** A moment between two changes of a store's disk. */
export interface CrashPoint {
  readonly number: number
  readonly storeId: string
  /** The change that comes next. */
  readonly next: string
  readonly disk: DiskCheckpoint
  /** Begun, not done: each may reach the disk before the others. */
  readonly inFlight: readonly DiskJob[]
  readonly promises: readonly GroupPromise[]
  /** How many writes clients had been told of as done. */
  readonly acked: number
  /** At some points: the disks of all stores, and what each had promised. */
  readonly all: readonly StoreAtPoint[] | null
}

interface StoreAtPoint {
  readonly storeId: string
  readonly disk: DiskCheckpoint
  readonly promises: readonly GroupPromise[]
}

export interface Recording {
  readonly script: CrashScript
  readonly points: readonly CrashPoint[]
}

/** Plays the script and takes all that a crash before each change of each disk would leave. */
export async function record(wholeEvery: number): Promise<Recording> {
  const script = new CrashScript()
  const { cluster } = script
  const points: CrashPoint[] = []
  for (const { name, disk } of cluster.processes) {
    const inFlight = new Set<DiskJob>()
    disk.recorder = {
      onBegun: (job) => inFlight.add(job),
      beforeChange: (next, job) => {
        if (job !== null) inFlight.delete(job)
        const number = points.length
        points.push({
          number,
          storeId: name,
          next,
          disk: disk.checkpoint(),
          inFlight: [...inFlight, ...(job === null ? [] : [job])].filter((one) => !one.over || one === job),
          promises: promisesOf(cluster, name),
          acked: script.acked.length,
          all: number % wholeEvery === 0 ? allStores(cluster) : null,
        })
      },
    }
  }
  await script.play()
  for (const { disk } of cluster.processes) disk.recorder = null
  return { script, points }
}

function allStores(cluster: SimCluster): StoreAtPoint[] {
  return cluster.processes.map(({ name, disk }) => {
    return { storeId: name, disk: disk.checkpoint(), promises: promisesOf(cluster, name) }
  })
}

function promisesOf(cluster: SimCluster, storeId: string): GroupPromise[] {
  const found: GroupPromise[] = []
  for (const group of cluster.ghost.groups()) {
    for (const [name, replica] of group.replicas) {
      if (!name.startsWith(`${storeId}#`)) continue
      const { votes, promisedTerm, ackedIndex, ackedTerm } = replica
      found.push({
        groupId: group.groupId,
        committed: group.lastCommitted,
        replica: Number(name.slice(name.indexOf('#') + 1)),
        votes: new Map(votes),
        promisedTerm,
        ackedIndex,
        ackedTerm,
      })
    }
  }
  return found
}

/** One way in which a crash may go at a point. */
export interface Variant {
  readonly mode: CrashMode
  /** Draws what survives. */
  readonly draw: number
  /** This job reached the disk, before any that began earlier; -1 for none. */
  readonly early: number
}

const MODES: ReadonlyArray<readonly [CrashMode, number]> = [
  ['process', 1],
  ['lose-unsynced', 1],
  ['power', 2],
  ['holes', 2],
]

/** Bounded: some draws of each mode, and each job that was under way alone. */
export function variantsOf(point: CrashPoint): Variant[] {
  const variants: Variant[] = []
  for (let early = -1; early < point.inFlight.length; early++) {
    for (const [mode, draws] of MODES) {
      for (let draw = 0; draw < draws; draw++) variants.push({ mode, draw, early })
    }
  }
  return variants
}

export class CrashPointFailure extends Error {
  override readonly name = 'CrashPointFailure'

  constructor(point: CrashPoint, variant: Variant | null, cause: unknown) {
    const how = variant === null ? 'all stores at once' : JSON.stringify(variant)
    const text = cause instanceof Error ? cause.message : String(cause)
    super(`point ${point.number}, ${point.storeId} before ${JSON.stringify(point.next)}, ${how}: ${text}`, {
      cause,
    })
  }
}

/** Restarts stores on what crashes left, and checks what they know. */
export class CrashChecker {
  readonly #script: CrashScript
  /** Fingerprints of the disks that were started already, with what was promised for them. */
  readonly #seen = new Set<string>()
  /** Disks that were started. */
  states = 0
  /** Crashes that left a disk like one before. */
  repeated = 0

  constructor({ script }: Recording) {
    this.#script = script
  }

  async check(point: CrashPoint, variant: Variant): Promise<void> {
    const world = new SimWorld({ seed: `${point.number}/${variant.mode}/${variant.draw}` })
    const run = new RestartRun(world, point.storeId, this.#script)
    leave(run.process.disk, point.disk, point.inFlight[variant.early] ?? null, variant.mode)
    const print = `${fingerprint(run.process.disk)}/${JSON.stringify(point.promises, withMaps)}`
    if (this.#seen.has(print)) {
      this.repeated++
      return
    }
    this.#seen.add(print)
    this.states++
    try {
      await run.play(point.promises)
    } catch (error) {
      throw new CrashPointFailure(point, variant, error)
    }
  }

  /** Every store loses its power at once; the cluster starts again and holds what clients were told. */
  async checkCluster(point: CrashPoint): Promise<void> {
    const world = new SimWorld({ seed: `whole/${point.number}` })
    const cluster = new SimCluster(world, CLUSTER, {})
    for (const { storeId, disk, promises } of point.all!) {
      for (const promise of promises) teach(cluster.ghost, this.#script, storeId, promise)
      leave(cluster.process(storeId).disk, disk, null, 'power')
    }
    try {
      await readAll(cluster, this.#script.acked.slice(0, point.acked))
    } catch (error) {
      throw new CrashPointFailure(point, null, error)
    }
  }
}

function leave(disk: SimDisk, checkpoint: DiskCheckpoint, early: DiskJob | null, mode: CrashMode): void {
  disk.resume(checkpoint)
  early?.redo(disk)
  disk.crash(mode)
}

/** The checker of a new world knows what that of the recorded one knew. */
function teach(ghost: Ghost, script: CrashScript, storeId: string, promise: GroupPromise): void {
  const { groupId, committed, replica, votes, promisedTerm, ackedIndex, ackedTerm } = promise
  const group = ghost.group(groupId)
  const known = script.cluster.ghost.group(groupId)
  for (let index = group.committed.length; index <= committed; index++) {
    const one = known.committed[index]!
    group.committed.push(one)
    group.see(index, one.entry)
  }
  const taught: ReplicaGhost = group.replica(storeId, replica)
  for (const [term, vote] of votes) taught.votes.set(term, vote)
  Object.assign(taught, { promisedTerm, ackedIndex, ackedTerm })
}

function withMaps(_key: string, value: unknown): unknown {
  return value instanceof Map ? [...value] : value
}

/** Of all that lies on a disk. */
function fingerprint(disk: SimDisk): string {
  let hash = 0
  const add = (name: string, bytes: Buffer): void => {
    hash = crc32(bytes, crc32(Buffer.from(name), hash))
  }
  for (const [path, bytes] of disk.files) add(path, bytes)
  for (const path of disk.memory.paths()) {
    for (const [key, value] of disk.memory.directory(path).recover()) add(path + key, value)
  }
  return hash.toString(36)
}

/** One store alone, on its disk after a crash. Nobody answers it, so that it shows what it knows and does nothing. */
class RestartRun {
  readonly process: SimProcess
  readonly #world: SimWorld
  readonly #ghost: Ghost
  readonly #script: CrashScript
  #store: Store | null = null

  constructor(world: SimWorld, storeId: string, script: CrashScript) {
    this.#world = world
    this.#script = script
    this.#ghost = new Ghost(world, {
      onAmnesia: (_storeId, group, forgot) => {
        throw new InvariantViolation('I-20', `${group.groupId}: ${forgot}`)
      },
    })
    this.process = world.process(storeId, {
      main: (self) => this.#main(self),
      inspect: (self, host) => this.#ghost.watch(self, host as StoreHost),
    })
  }

  async #main(self: SimProcess): Promise<void> {
    const stores = Object.fromEntries(STORE_IDS.map((storeId) => [storeId, `${storeId}:7000`]))
    const { electionTimeoutMs, maxLogBytes, kv, stateMachines } = CLUSTER
    this.#store = await Store.open(
      {
        clusterId: 'sim',
        storeId: self.name,
        dataDir: self.dir,
        stores,
        electionTimeoutMs,
        shards: 1,
        ...(maxLogBytes !== undefined && { maxLogBytes }),
        kv,
        stateMachines,
      },
      self.env,
    )
  }

  /** Opens, looks at each replica (the ghost's checks: I-20, I-10), and at the state. */
  async play(promises: readonly GroupPromise[]): Promise<void> {
    for (const promise of promises) teach(this.#ghost, this.#script, this.process.name, promise)
    this.#ghost.addStore(this.process)
    await this.#world.waitFor(() => this.#store !== null, 5_000, 'the store to open')
    await this.#world.run({ forMs: 1 })
    for (const promise of promises) this.#checkReplica(promise)
    this.#checkState()
  }

  /** A replica that promised something is there. */
  #checkReplica({ groupId, promisedTerm, ackedIndex }: GroupPromise): void {
    if (promisedTerm === 0 && ackedIndex === 0) return
    const found = this.#store!.describe().groups.find((group) => group.groupId === groupId)
    if (found === undefined) throw new InvariantViolation('I-20', `${groupId} is gone`)
    if (found.error !== null)
      throw new InvariantViolation('I-open', `${groupId}: ${JSON.stringify(found.error)}`)
  }

  /** I-16: the state of each region is what the committed entries up to its applied index make. */
  #checkState(): void {
    const { memory } = this.process.disk
    const rows = new Map<string, Buffer>()
    for (const path of memory.paths()) {
      if (!path.endsWith('/data')) continue
      for (const [key, value] of memory.directory(path).recover()) rows.set(key, value)
    }
    for (const { group, space } of this.#ghost.disk(this.process.name).logs()) {
      if (space !== 0) this.#script.kv.checkState(group.groupId, this.process.name, space, rows)
    }
  }
}

/** I-17: the cluster comes back, and answers every read of what it had acknowledged with just that. */
async function readAll(cluster: SimCluster, acked: readonly AckedPut[]): Promise<void> {
  const { world } = cluster
  await world.waitFor(() => cluster.stores.size === STORE_IDS.length, 20_000, 'all stores to open')
  const kv = cluster.stores.get('s1')!.kv<string, string>()
  const keys = acked.map(({ key }) => key)
  const values = await world.settle(kv.getMany(keys, { timeoutMs: 20_000 }), 30_000, 'the answer to a read')
  acked.forEach(({ key, value }, i) => {
    if (values[i] !== value)
      throw new InvariantViolation('I-17', `${key} holds ${values[i]?.slice(0, 20) ?? 'nothing'}`)
  })
}

import type { NodeImpl } from '../raft/node-impl.ts'
import type { StoreHost } from '../store/store-host.ts'
import { DiskMirror } from './disk-mirror.ts'
import { GroupGhost } from './ghost.ts'
import type { LogEntry } from './ghost-state.ts'
import { Marks } from './marks.ts'
import type { StateStep } from './state-mirror.ts'
import type { SimProcess } from './process.ts'
import { StoreWatch, type Watcher } from './store-watch.ts'
import type { Timeline } from './timeline.ts'

/** Hears what becomes of the cluster; all calls are synchronous, within a step. */
export interface GhostListener {
  onCommitted?(group: GroupGhost, index: number, entry: LogEntry): void
  /** A batch of the key-value state was written. */
  onState?(group: GroupGhost, storeId: string, step: StateStep): void
  isDamaged?(storeId: string): boolean
  /** A replica came back with less on its disk than it promised. Throws when nothing explains it. */
  onAmnesia?(storeId: string, group: GroupGhost, forgot: string): void
}

/** How often, in simulated milliseconds, the bounds of all stores are looked at. */
const BOUNDS_EVERY_MS = 100

/**
 * The ghost state of a cluster, and the checks on it: after every step of a store's main thread, at every promise that a
 * store sends, and at every write to a disk. The first violation fails the run.
 */
export class Ghost implements Watcher {
  readonly #timeline: Timeline
  readonly #listener: GhostListener
  readonly #groups = new Map<string, GroupGhost>()
  readonly #disks = new Map<string, DiskMirror>()
  /** The present life of each store. */
  readonly #watches = new Map<string, StoreWatch>()
  readonly #processes = new Map<string, SimProcess>()
  readonly marks = new Marks()
  #boundsAtMs = 0

  constructor(timeline: Timeline, listener: GhostListener) {
    this.#timeline = timeline
    this.#listener = listener
    timeline.afterStep = (owner) => {
      if (owner !== null) this.#afterStep(owner.name)
    }
  }

  /** Begins to follow a store's disk; before its process first runs. */
  addStore(process: SimProcess): void {
    this.#processes.set(process.name, process)
    const mirror = new DiskMirror(
      process.name,
      process.disk,
      (groupId) => this.group(groupId),
      (group, storeId, step) => this.#listener.onState?.(group, storeId, step),
    )
    this.#disks.set(process.name, mirror)
  }

  /** A process has opened a store. */
  watch(process: SimProcess, host: StoreHost): void {
    const disk = this.#disks.get(process.name)!
    this.#watches.set(process.life, new StoreWatch(this, process.name, host, disk))
    for (const life of this.#watches.keys()) {
      if (life.startsWith(`${process.name}#`) && life !== process.life) this.#watches.delete(life)
    }
  }

  /** A process has just died. */
  onLifeOver(process: SimProcess): void {
    this.#watches.get(process.life)?.onLifeOver(process.env.clock.monotonicMs())
  }

  get nowMs(): number {
    return this.#timeline.nowMs
  }

  group(groupId: string): GroupGhost {
    let group = this.#groups.get(groupId)
    if (group === undefined) {
      group = new GroupGhost(groupId, (self, index, entry) =>
        this.#listener.onCommitted?.(self, index, entry),
      )
      this.#groups.set(groupId, group)
    }
    return group
  }

  groups(): Iterable<GroupGhost> {
    return this.#groups.values()
  }

  disk(storeId: string): DiskMirror {
    return this.#disks.get(storeId)!
  }

  /** Whether the disk of a store holds an entry durably, or held it when it said so and was damaged since. */
  holds(storeId: string, groupId: string, index: number, term: number): boolean {
    if (this.#disks.get(storeId)?.log(groupId)?.holds(index, term)) return true
    if (!this.isDamaged(storeId)) return false
    const replicas = [...this.group(groupId).replicas.values()]
    return replicas.some(
      (replica) => replica.storeId === storeId && (replica.ackedOfTerm.get(term) ?? 0) >= index,
    )
  }

  /** Whether the disk of a store was damaged for good. */
  isDamaged(storeId: string): boolean {
    return this.#listener.isDamaged?.(storeId) === true
  }

  nodesElsewhere(groupId: string, storeId: string): readonly NodeImpl[] {
    const nodes: NodeImpl[] = []
    for (const [life, watch] of this.#watches) {
      const process = this.#processes.get(watch.storeId)!
      if (watch.storeId === storeId || !process.alive || process.life !== life) continue
      const node = watch.host.group(groupId)?.node
      if (node != null) nodes.push(node)
    }
    return nodes
  }

  decide(code: number, a: number, b: number): void {
    this.#timeline.trace.decide(code, a, b)
  }

  note(text: string): void {
    this.#timeline.note(text)
  }

  onAmnesia(storeId: string, group: GroupGhost, forgot: string): void {
    this.#timeline.note(`${storeId} has forgotten of ${group.groupId}: ${forgot}`)
    this.#listener.onAmnesia?.(storeId, group, forgot)
  }

  /** Runs a check in the middle of production code: a violation ends the run instead of going into that code. */
  check(run: () => void): void {
    try {
      run()
    } catch (error) {
      this.#timeline.fail(error)
    }
  }

  /** Workers have names of their own: their steps change no replica. */
  #afterStep(thread: string): void {
    this.#watches.get(thread)?.afterStep()
    if (this.#timeline.nowMs < this.#boundsAtMs) return
    this.#boundsAtMs = this.#timeline.nowMs + BOUNDS_EVERY_MS
    for (const watch of this.#watches.values()) watch.checkBounds()
  }
}

import { regionGroupId } from '../kv/regions.ts'
import { calmWorld } from './calm-world.ts'
import type { ClientLoad } from './client-load.ts'
import type { SimCluster } from './cluster.ts'
import { InvariantViolation } from './invariants.ts'
import type { Nemesis } from './nemesis.ts'
import type { SimRandom } from './random.ts'
import type { RunPlan } from './run-plan.ts'
import type { SimClients } from './sim-client.ts'
import { strandedByTruncation, strandedReplicas } from './stranded.ts'

/** Shares of the second phase: until every group takes writes again, until all is applied; the rest is quiet. */
const PROBE_SHARE = 0.5
const SETTLE_SHARE = 0.8
const PROBE_RETRY_MS = 100
/** A call to a store that is cut off but not known to be takes all of its time. */
const PROBE = { timeoutMs: 1_000 }

const BREAKS = ['dead', 'isolated', 'deaf', 'mute', 'paused', 'stalled'] as const

/**
 * The second phase: a random core with a majority of every group is healed, the rest stays broken for ever, each store in
 * a way of its own. The core must take writes on every group, then apply them all, then stay as it is.
 */
export class LivenessPhase {
  readonly core: ReadonlySet<string>
  /** The machine that never answers again, as `group on store`; its replica is waited for no more, and its group neither. */
  readonly hung: { readonly groupId: string; readonly storeId: string } | null
  readonly #plan: RunPlan
  readonly #cluster: SimCluster
  readonly #clients: SimClients
  readonly #load: ClientLoad
  readonly #random: SimRandom
  /** By group, the stores whose replicas wait for a snapshot. */
  readonly #stranded: ReadonlyMap<string, ReadonlySet<string>>
  /**
   * Groups that must work, all but the one that hangs and those whose majority is stranded or damaged, and who of the core
   * must come to rest.
   */
  readonly #working: ReadonlyMap<string, readonly string[]>
  #unprobed = new Set<string>()

  constructor(plan: RunPlan, cluster: SimCluster, clients: SimClients, load: ClientLoad) {
    this.#plan = plan
    this.#cluster = cluster
    this.#clients = clients
    this.#load = load
    this.#random = cluster.world.random.fork('liveness')
    this.#stranded = this.#findStranded()
    this.core = this.#chooseCore()
    this.hung = this.#chooseHung()
    const groups = [...cluster.memberships().keys()].filter(
      (groupId) => groupId !== this.hung?.groupId && this.#hasMajority(groupId, this.core),
    )
    this.#working = new Map(groups.map((groupId) => [groupId, this.#ableMembers(groupId, this.core)]))
  }

  /** Only a log that is short of room, or damage, makes a truncation give up what a replica still lacks. */
  #findStranded(): ReadonlyMap<string, ReadonlySet<string>> {
    const byTruncation = strandedByTruncation(this.#cluster)
    if (byTruncation.size > 0 && this.#plan.maxLogBytes === null && this.#cluster.damaged.size === 0) {
      const names = [...byTruncation].map(([groupId, stores]) => `${groupId} on ${[...stores].join(' ')}`)
      throw new InvariantViolation(
        'I-L',
        `logs had room, and gave up what is still needed: ${names.join(', ')}`,
      )
    }
    return strandedReplicas(this.#cluster)
  }

  /**
   * Stores in random order until every group that still can has a majority. Damaged ones count for nothing, nor do stranded
   * replicas.
   */
  #chooseCore(): ReadonlySet<string> {
    const { storeIds, faultFree } = this.#plan
    if (faultFree === true) return new Set(storeIds)
    const { damaged } = this.#cluster
    const all = new Set(storeIds.filter((storeId) => !damaged.has(storeId)))
    const groups = [...this.#cluster.memberships().keys()].filter((groupId) => this.#canWork(groupId, all))
    const core = new Set<string>()
    const suffices = (): boolean => groups.every((groupId) => this.#hasMajority(groupId, core))
    for (const storeId of this.#random.shuffle(storeIds)) {
      if (core.size > 0 && suffices()) break
      if (!damaged.has(storeId)) core.add(storeId)
    }
    return core
  }

  /** What is given up is committed, and most hold that: only damage can leave fewer than a majority with what it takes. */
  #canWork(groupId: string, stores: ReadonlySet<string>): boolean {
    if (this.#hasMajority(groupId, stores)) return true
    const members = this.#cluster.memberships().get(groupId) ?? []
    if (members.every((storeId) => stores.has(storeId)))
      throw new InvariantViolation(
        'I-L',
        `most replicas of ${groupId} wait for a snapshot, and no disk was damaged`,
      )
    return false
  }

  #hasMajority(groupId: string, stores: ReadonlySet<string>): boolean {
    const members = this.#cluster.memberships().get(groupId) ?? []
    return this.#ableMembers(groupId, stores).length * 2 > members.length
  }

  #ableMembers(groupId: string, stores: ReadonlySet<string>): string[] {
    const members = this.#cluster.memberships().get(groupId) ?? []
    return members.filter((storeId) => stores.has(storeId) && !this.isStranded(groupId, storeId))
  }

  isStranded(groupId: string, storeId: string): boolean {
    return this.#stranded.get(groupId)?.has(storeId) === true
  }

  #chooseHung(): LivenessPhase['hung'] {
    const groups = this.#plan.counters
    if (!this.#plan.hangsMachine || groups.length < 2) return null
    const { groupId, members } = this.#random.pick(groups)
    const able = members.filter((member) => this.core.has(member))
    return able.length === 0 ? null : { groupId, storeId: this.#random.pick(able) }
  }

  /** Fails the run when the core does not come to rest. */
  async run(nemesis: Nemesis): Promise<void> {
    const { world } = this.#cluster
    const { livenessMs, callTimeoutMs } = this.#plan
    const startMs = world.nowMs
    world.note(
      `the core is ${[...this.core].join(' ')}${this.hung === null ? '' : `, ${this.hung.groupId} hangs on ${this.hung.storeId}`}`,
    )
    nemesis.stop()
    calmWorld(world, this.#plan.electionTimeoutMs)
    for (const storeId of this.#plan.storeIds) if (!this.core.has(storeId)) this.#break(storeId)
    this.#load.askOnly = this.core
    this.#probe('write')
    const probed = await world.run({
      until: () => this.#unprobed.size === 0,
      untilMs: startMs + livenessMs * PROBE_SHARE,
    })
    if (!probed) this.#fail(`no write was taken by ${[...this.#unprobed].join(', ')}`)
    await world.run({ untilMs: startMs + livenessMs * PROBE_SHARE })
    this.#load.stop()
    const settled = await world.run({
      until: () => this.#unsettled() === null,
      untilMs: startMs + livenessMs * SETTLE_SHARE,
    })
    if (!settled) this.#fail(`not at rest: ${this.#unsettled()}`)
    if (this.#plan.readsAtRest) await this.#readAtRest()
    const before = this.#terms()
    const calm = Math.max(startMs + livenessMs, world.nowMs + callTimeoutMs + 1_000)
    await world.run({ untilMs: calm })
    const after = this.#terms()
    const changed = after.filter((line) => !before.includes(line))
    if (changed.length > 0) this.#fail(`terms or leaders go on changing, to ${changed.join(' ')}`)
    this.#checkCallsEnded()
  }

  #fail(detail: string): never {
    throw new InvariantViolation('I-L', `${detail}\n${this.#report()}`)
  }

  #break(storeId: string): void {
    const { world } = this.#cluster
    const process = this.#cluster.process(storeId)
    const how = this.#random.pick(BREAKS)
    world.note(`${storeId} stays ${how}`)
    if (how === 'dead') {
      this.#cluster.hold(storeId)
      process.kill()
    } else if (how === 'paused') process.pause(Number.MAX_SAFE_INTEGER / 1_000_000)
    else if (how === 'stalled') {
      // It ends by itself in time, and must not come back well.
      this.#cluster.hold(storeId)
      this.#cluster.trouble(process)
      process.disk.stall()
    } else {
      for (const other of this.#plan.storeIds) {
        if (other === storeId) continue
        if (how !== 'deaf') world.network.block(storeId, other)
        if (how !== 'mute') world.network.block(other, storeId)
      }
    }
  }

  /**
   * Nobody writes any more, and a store starts again: its groups get new leaders, which must answer reads without waiting
   * for somebody's next write.
   */
  async #readAtRest(): Promise<void> {
    const { world } = this.#cluster
    const able = [...this.core].filter((storeId) => storeId !== this.hung?.storeId)
    if (able.length === 0) return
    void this.#cluster.restartOrderly(this.#random.pick(able))
    const untilMs = world.nowMs + this.#plan.livenessMs * PROBE_SHARE
    this.#probe('read')
    const read = await world.run({ until: () => this.#unprobed.size === 0, untilMs })
    if (!read) this.#fail(`at rest, no read was answered by ${[...this.#unprobed].join(', ')}`)
    const settled = await world.run({ until: () => this.#unsettled() === null, untilMs })
    if (!settled) this.#fail(`not at rest after a restart: ${this.#unsettled()}`)
  }

  /** One call of every group, tried again until it is answered. */
  #probe(kind: 'write' | 'read'): void {
    const groups: Array<readonly [groupId: string, call: () => Promise<unknown>]> = []
    const client = this.#clients.client.bind(this.#clients)
    const ask = () => client('probe', this.#random, this.#random.pick([...this.core]))
    const load = this.#load
    for (let region = 0; region < load.regionCount; region++) {
      const groupId = regionGroupId(region)
      if (!this.#working.has(groupId)) continue
      groups.push([
        groupId,
        () => (kind === 'write' ? load.put(ask(), region, PROBE) : load.getMany(ask(), region, 1, PROBE)),
      ])
    }
    for (const { groupId } of this.#plan.counters) {
      if (!this.#working.has(groupId)) continue
      groups.push([
        groupId,
        () => (kind === 'write' ? load.applyTo(ask(), groupId, PROBE) : load.query(ask(), groupId, PROBE)),
      ])
    }
    this.#unprobed = new Set(groups.map(([groupId]) => groupId))
    for (const [groupId, call] of groups) void this.#probeUntilTaken(groupId, call)
  }

  async #probeUntilTaken(groupId: string, call: () => Promise<unknown>): Promise<void> {
    while (this.#unprobed.has(groupId)) {
      const taken = await call().then(
        () => true,
        () => false,
      )
      if (taken) this.#unprobed.delete(groupId)
      else await this.#cluster.world.sleep(PROBE_RETRY_MS)
    }
  }

  /** What keeps the core from being at rest, or null. */
  #unsettled(): string | null {
    for (const [groupId, core] of this.#working) {
      const nodes = core.map((storeId) => this.#cluster.hosts.get(storeId)?.group(groupId)?.node ?? null)
      const leader = nodes.find((node) => node?.state === 'leader')
      if (leader == null) return `${groupId} has no leader`
      const { lastIndex } = leader.log
      if (leader.ballotBox.lastCommittedIndex !== lastIndex)
        return `${groupId} has entries that are not committed`
      for (const [i, node] of nodes.entries()) {
        if (node?.fsmCaller.lastAppliedIndex !== lastIndex)
          return `${groupId} on ${core[i]} has not applied all`
        if (node.leader?.replica !== leader.self.replica) return `${groupId} on ${core[i]} follows another`
      }
    }
    return null
  }

  #terms(): readonly string[] {
    const terms: string[] = []
    for (const [groupId, core] of this.#working) {
      for (const storeId of core) {
        const node = this.#cluster.hosts.get(storeId)?.group(groupId)?.node
        terms.push(`${groupId}@${storeId}:${node?.currTerm}:${node?.leader?.storeId}`)
      }
    }
    return terms
  }

  /** Long after the last call every one is over; but those of stores that sleep. */
  #checkCallsEnded(): void {
    const open = this.#clients.history.entries.find(
      ({ outcome, storeId }) => outcome === 'pending' && this.#isAwake(storeId),
    )
    if (open !== undefined) {
      const text = `${open.kind} to ${open.target} on ${open.storeId}, called at ${open.calledMs} ms, has not ended`
      throw new InvariantViolation('I-call', text)
    }
  }

  #isAwake(storeId: string): boolean {
    const { alive, paused } = this.#cluster.process(storeId)
    return alive && !paused
  }

  #report(): string {
    const lines: string[] = []
    for (const [groupId, members] of this.#cluster.memberships()) {
      for (const storeId of members) {
        const one = this.#cluster.hosts.get(storeId)?.group(groupId)?.describe()
        const peers = one?.replicators
          .map((peer) => `${peer.storeId}:${peer.state}:${peer.matchIndex}`)
          .join(' ')
        lines.push(
          `${groupId}@${storeId}${this.core.has(storeId) ? '' : ' (broken)'} ${one?.state ?? 'down'} term ${one?.term} ` +
            `leader ${one?.leader} log ${one?.firstIndex}-${one?.lastIndex} durable ${one?.durableIndex} ` +
            `commit ${one?.commitIndex} applied ${one?.appliedIndex} ${peers ?? ''}`,
        )
      }
    }
    return lines.join('\n')
  }
}

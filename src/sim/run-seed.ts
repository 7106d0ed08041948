import { ClientLoad } from './client-load.ts'
import { SimCluster } from './cluster.ts'
import { CounterMachine } from './counter-machine.ts'
import { crashOnce } from './crash-once.ts'
import { DamageAtlas } from './damage-atlas.ts'
import { DAMAGING_KINDS } from './fault-kinds.ts'
import { History } from './history.ts'
import { checkHistory, type HistoryVerdict } from './history-check.ts'
import { LivenessPhase } from './liveness.ts'
import { markCalls } from './mark-lives.ts'
import { type Nemesis, startNemesis } from './nemesis.ts'
import type { SimRandom } from './random.ts'
import { drawPlan, type PlanLimits, type RunPlan } from './run-plan.ts'
import { SimClients } from './sim-client.ts'
import { toSimulationFailure } from './simulation-failure.ts'
import { checkDigests, checkStoreState } from './state-check.ts'
import { SimWorld } from './world.ts'

/** What one run did, for totals. */
export interface RunReport {
  readonly seed: string
  readonly traceHash: string
  readonly steps: number
  readonly simulatedMs: number
  readonly stores: number
  readonly groups: number
  readonly faultsByClass: Readonly<Record<string, number>>
  /** How stores ended by themselves, by code. */
  readonly endings: Readonly<Record<string, number>>
  readonly elections: number
  readonly committed: number
  /** Calls by what became of them. */
  readonly calls: { readonly done: number; readonly refused: number; readonly unknown: number }
  readonly history: HistoryVerdict
  readonly digestsCompared: number
  /** How often each named state was reached. */
  readonly marks: Readonly<Record<string, number>>
}

export interface RunOptions {
  /** Gets every line of the event log. */
  readonly onLine?: (line: string) => void
  /** How a failure tells to replay it. */
  readonly replay?: string
}

/** Plays one seed. Rejects with SimulationFailure. */
export function runSeed(
  seed: number | string,
  limits: PlanLimits = {},
  options: RunOptions = {},
): Promise<RunReport> {
  return runPlan(drawPlan(seed, limits), options)
}

/** As `runSeed`, with a plan that was drawn already, or made smaller since. */
export async function runPlan(plan: RunPlan, options: RunOptions = {}): Promise<RunReport> {
  const run = new SeedRun(plan, options)
  const { replay = `npm run sim -- --seed ${plan.seed} --trace` } = options
  try {
    return await run.play()
  } catch (error) {
    throw toSimulationFailure(error, plan.seed, run.world.eventLog(), replay)
  }
}

class SeedRun {
  readonly world: SimWorld
  readonly #plan: RunPlan
  readonly #cluster: SimCluster
  readonly #clients: SimClients
  readonly #load: ClientLoad
  readonly #machineFaults: SimRandom
  #phase: LivenessPhase | null = null

  constructor(plan: RunPlan, { onLine }: RunOptions) {
    this.#plan = plan
    this.world = new SimWorld({ seed: plan.seed, network: plan.network, disk: plan.disk })
    for (const { from, to, ...delays } of plan.links) this.world.network.configureLink(from, to, delays)
    if (onLine !== undefined) this.world.trace.onLine = onLine
    this.#machineFaults = this.world.random.fork('machine-faults')
    this.#cluster = this.#makeCluster()
    this.#clients = new SimClients(this.#cluster, new History(() => this.world.nowMs))
    this.#load = new ClientLoad(plan, this.#cluster, this.#clients)
  }

  #makeCluster(): SimCluster {
    const { storeIds, shards, electionTimeoutMs, splitKeys, kvMembers, counters, clocks } = this.#plan
    const { maxLogBytes, heartbeats, limits } = this.#plan
    const options = {
      storeIds,
      electionTimeoutMs,
      heartbeatIntervalMs: Math.floor(electionTimeoutMs / heartbeats),
      shards,
      ...(maxLogBytes !== null && { maxLogBytes }),
      ...(limits !== null && { limits }),
      kv: { splitKeys, members: kvMembers },
      groups: counters,
      stateMachines: {
        counter: ({ groupId, storeId }: { groupId: string; storeId: string }) =>
          this.#machine(groupId, storeId),
      },
      clockOf: (storeId: string) => clocks[storeId] ?? {},
      machinesFail: this.#plan.machineFailRate > 0,
    }
    return new SimCluster(this.world, options, {
      onCommitted: (group, index, entry) => {
        if (group.groupId.startsWith('kv/')) this.#load.kv.onCommitted(group, index, entry)
        else this.#load.counters.onCommitted(group, index, entry)
      },
      onState: (group, storeId, step) => this.#load.kv.onState(group, storeId, step),
      onOpened: (storeId) => {
        if (!this.#cluster.damaged.has(storeId)) checkStoreState(this.#cluster, storeId, this.#load.kv)
      },
      onLifeEnded: (storeId, life) => this.#clients.onLifeEnded(storeId, life),
    })
  }

  #machine(groupId: string, storeId: string): CounterMachine {
    let last = 0
    return new CounterMachine(
      (index, data) => {
        // The commit is looked at when the step is over; a machine that runs within it is a little ahead of that.
        const before = last
        last = index
        const copy = Buffer.from(data)
        this.world.judgeAfterStep(() => {
          this.#load.counters.onApplied(this.#cluster.ghost.group(groupId), storeId, before, index, copy)
        })
      },
      () => this.#phase?.hung?.groupId === groupId && this.#phase.hung.storeId === storeId,
      () => this.#phase === null && this.#machineFaults.chance(this.#plan.machineFailRate),
    )
  }

  async play(): Promise<RunReport> {
    const plan = this.#plan
    this.world.note(describePlan(plan))
    this.#load.start()
    await this.world.run({ forMs: plan.faultsFromMs })
    const nemesis = this.#startFaults()
    await this.world.run({ forMs: plan.faultsForMs })
    this.#phase = new LivenessPhase(plan, this.#cluster, this.#clients, this.#load)
    await this.#phase.run(nemesis)
    const { core } = this.#phase
    const phase = this.#phase
    const digestsCompared = await checkDigests(
      this.#cluster,
      (groupId, storeId) => core.has(storeId) && !phase.isStranded(groupId, storeId),
    )
    for (const storeId of core) checkStoreState(this.#cluster, storeId, this.#load.kv)
    const { entries } = this.#clients.history
    const history = checkHistory(entries, this.#load.kv, this.#load.counters, plan.splitKeys)
    return this.#report(nemesis, history, digestsCompared)
  }

  #startFaults(): Nemesis {
    const cluster = this.#cluster
    const atlas = new DamageAtlas(cluster.memberships(), cluster.damaged)
    const nemesis = startNemesis(this.world, cluster.processes, this.#plan.faults, {
      restartOrderly: (process) => void cluster.restartOrderly(process.name),
      leads: (process) => cluster.leads(process.name),
      electionTimeoutMs: this.#plan.electionTimeoutMs,
      onCutOff: (process) => this.#load.onCutOff(process.name),
      onRush: (process, forMs) => this.#load.rush(process.name, forMs),
      onDiskTrouble: (process) => cluster.trouble(process),
      ...(DAMAGING_KINDS.some((kind) => this.#plan.faults[kind]) && {
        mayDamage: (process) => atlas.mayDamage(process.name),
        onDamaged: (process, before, extent) => cluster.onDamaged(process.name, before, extent),
        onRotten: (process) => cluster.onRotten(process.name),
      }),
    })
    cluster.tellMarksTo(nemesis)
    if (this.#plan.faultFree !== true)
      crashOnce(this.world, cluster.processes, nemesis, this.#plan.faultsForMs)
    return nemesis
  }

  #report(nemesis: Nemesis, history: HistoryVerdict, digestsCompared: number): RunReport {
    const { world } = this
    const groups = [...this.#cluster.ghost.groups()]
    markCalls(this.#cluster.marks, this.#clients.history.entries)
    const calls = { done: 0, refused: 0, unknown: 0 }
    for (const { outcome } of this.#clients.history.entries) {
      if (outcome !== 'pending') calls[outcome]++
      else calls.unknown++
    }
    return {
      seed: this.#plan.seed,
      traceHash: world.traceHash,
      steps: world.steps,
      simulatedMs: world.nowMs,
      stores: this.#plan.storeIds.length,
      groups: groups.length,
      faultsByClass: nemesis.faultsByClass(),
      endings: Object.fromEntries([...this.#cluster.endings].sort()),
      elections: groups.reduce((sum, group) => sum + group.leaders.size, 0),
      committed: groups.reduce((sum, group) => sum + group.lastCommitted, 0),
      calls,
      history,
      digestsCompared,
      marks: this.#cluster.marks.counts(),
    }
  }
}

/** A plan in one line, the first of every event log. */
export function describePlan(plan: RunPlan): string {
  const faults = Object.entries(plan.faults)
    .filter(([, wanted]) => (Array.isArray(wanted) ? wanted.length > 0 : wanted))
    .map(([name]) => name)
  const groups = plan.splitKeys.length + 1 + plan.counters.length
  const delays = plan.links.map(
    ({ from, to, minDelayMs, meanDelayMs }) => ` ${from}>${to} ${minDelayMs}+${meanDelayMs}`,
  )
  return (
    `seed ${plan.seed}: ${plan.storeIds.length} stores, ${groups} groups (${plan.counters.length} counters), ` +
    `election timeout ${plan.electionTimeoutMs} ms, values of ${plan.valueBytes.mean} bytes, faults: ${faults.join(' ')}` +
    (delays.length === 0 ? '' : `, other delays in ms:${delays}`)
  )
}

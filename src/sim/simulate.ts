import type { StateMachine, StateMachineFactory } from '../api/state-machine.ts'
import { FlotillaError } from '../util/errors.ts'
import { ApplyGhost } from './apply-ghost.ts'
import { calmWorld } from './calm-world.ts'
import { SimCluster } from './cluster.ts'
import { crashOnce } from './crash-once.ts'
import { DamageAtlas } from './damage-atlas.ts'
import { DAMAGING_KINDS, type NemesisOptions } from './fault-kinds.ts'
import { History, type HistoryEntry } from './history.ts'
import type { HistoryVerdict } from './history-check.ts'
import { InvariantViolation } from './invariants.ts'
import { markCalls } from './mark-lives.ts'
import { type Nemesis, startNemesis } from './nemesis.ts'
import type { SimRandom } from './random.ts'
import { type SimClient, SimClients } from './sim-client.ts'
import { SimulationFailure, toSimulationFailure } from './simulation-failure.ts'
import { drawSurroundings, type Surroundings } from './surroundings.ts'
import { TraceTape } from './trace-tape.ts'
import { UserKv } from './user-kv.ts'
import { UserMachines } from './user-machines.ts'
import { SimWorld } from './world.ts'

/** A group of the simulated cluster. */
export interface SimulatedGroup {
  readonly groupId: string
  /** One of `stateMachines`. */
  readonly type: string
  /** Default: all stores. */
  readonly members?: readonly string[]
  readonly args?: Uint8Array
}

export interface WorkloadContext {
  /** Calls go to any store that serves; their results and errors are those of a store. */
  readonly client: SimClient
  /** Drawn from the seed: the only randomness that a run may use. */
  readonly random: SimRandom
  /** Simulated time; nothing else may be waited for. */
  readonly sleep: (ms: number) => Promise<void>
  /** Aborted when the faults end. */
  readonly signal: AbortSignal
}

/** One replica at the end of a run. */
export interface SimulatedReplica {
  readonly groupId: string
  readonly storeId: string
  readonly appliedIndex: number
  /** What the factory made last for it. */
  readonly machine: StateMachine
}

export interface SimulationOutcome {
  readonly history: readonly HistoryEntry[]
  /** All of a group have applied the same entries. */
  readonly replicas: readonly SimulatedReplica[]
}

export interface SimulateOptions {
  /** The same seed is the same run. */
  readonly seed: number | string
  /** How many, or their ids. Default 3. */
  readonly stores?: number | readonly string[]
  /** Simulated milliseconds of faults and workload. Default 10,000. */
  readonly durationMs?: number
  /** Default 500. */
  readonly electionTimeoutMs?: number
  readonly stateMachines: Readonly<Record<string, StateMachineFactory>>
  readonly groups: readonly SimulatedGroup[]
  /** Key-value regions part at these keys of the keyspace `default`. Default: no key-value store. */
  readonly kv?: false | { readonly splitKeys?: readonly string[] }
  /**
   * `all` (default): each seed draws some of the kinds and their rates, at least one kill, and what clocks, network, disks and
   * queues are like. `none`, or the kinds that are wanted: these, in a plain world.
   */
  readonly faults?: 'all' | 'none' | NemesisOptions
  /** What clients do. Errors of Flotilla that it lets through end it; anything else that it throws fails the run. */
  readonly workload: (context: WorkloadContext) => void | Promise<void>
  /** What must hold at the end, when all faults are over and all replicas are level. Throws when it does not. */
  readonly check?: (outcome: SimulationOutcome) => void | Promise<void>
}

export interface SimulationResult {
  readonly seed: string
  readonly steps: number
  readonly simulatedMs: number
  readonly traceHash: string
  readonly faultsByClass: Readonly<Record<string, number>>
  /** Named states of the engine that were reached, and how often. */
  readonly marks: Readonly<Record<string, number>>
  readonly history: readonly HistoryEntry[]
  /** Of the key-value calls; null when there are none, or two of them put the same value to the same key. */
  readonly kvHistory: HistoryVerdict | null
}

const DEFAULT_DURATION_MS = 10_000
const DEFAULT_ELECTION_TIMEOUT_MS = 500
/** After the faults all replicas must be level within this, and the workload must be over. */
const LEVEL_WITHIN_MS = 60_000
const NOT_DETERMINISTIC = 'your state machine is not deterministic'

/**
 * Runs state machines of yours on a whole simulated cluster under faults, and checks Raft's own invariants after every
 * step. Twice, for a second run of a seed must be the first one again. Rejects with {@link SimulationFailure}.
 */
export async function simulate(options: SimulateOptions): Promise<SimulationResult> {
  const tape = new TraceTape()
  const first = new UserRun(options)
  tape.record(first.world.trace)
  const outcome = await settled(first.play())
  const second = new UserRun(options)
  tape.compare(second.world.trace, () => second.world.fail(new Error(NOT_DETERMINISTIC)))
  await settled(second.play())
  tape.end(first.world.traceHash === second.world.traceHash)
  if (tape.divergence !== null) {
    const { at, first: one, second: other } = tape.divergence
    throw new SimulationFailure({
      seed: String(options.seed),
      invariant: NOT_DETERMINISTIC,
      invariantId: null,
      detail:
        `Two runs of the seed are equal up to event ${at}, then they differ:\n  first run   ${one}\n  second run  ${other}\n` +
        'Look for clocks, random numbers, real timers, and state outside the machine.',
      trace: second.world.eventLog(),
      replay: replayOf(options),
    })
  }
  if (outcome.error !== null) throw outcome.error
  return outcome.value
}

type Settled<T> =
  | { readonly value: T; readonly error: null }
  | { readonly value: null; readonly error: SimulationFailure }

async function settled<T>(promise: Promise<T>): Promise<Settled<T>> {
  try {
    return { value: await promise, error: null }
  } catch (error) {
    if (error instanceof SimulationFailure) return { value: null, error }
    throw error
  }
}

function replayOf({ seed }: SimulateOptions): string {
  return `simulate({ …, seed: ${JSON.stringify(seed)} })`
}

function drawsFaults({ faults = 'all' }: SimulateOptions): boolean {
  return faults === 'all'
}

/** A list of kinds is what its author wrote, and nothing beside it. */
function surroundingsOf(
  { seed, faults = 'all' }: SimulateOptions,
  storeIds: readonly string[],
  electionTimeoutMs: number,
): Surroundings {
  if (faults === 'all') return drawSurroundings(seed, storeIds, electionTimeoutMs)
  return { faults: faults === 'none' ? {} : faults, world: {}, cluster: {} }
}

class UserRun {
  readonly world: SimWorld
  readonly #options: SimulateOptions
  readonly #storeIds: readonly string[]
  readonly #machines: UserMachines
  readonly #cluster: SimCluster
  readonly #clients: SimClients
  readonly #durationMs: number
  readonly #around: Surroundings
  readonly #applies = new ApplyGhost()
  readonly #kv: UserKv | null

  constructor(options: SimulateOptions) {
    const { seed, stores = 3, durationMs = DEFAULT_DURATION_MS, groups, kv = false } = options
    this.#options = options
    this.#durationMs = durationMs
    this.#storeIds =
      typeof stores === 'number' ? Array.from({ length: stores }, (_, i) => `s${i + 1}`) : stores
    const electionTimeoutMs = options.electionTimeoutMs ?? DEFAULT_ELECTION_TIMEOUT_MS
    this.#around = surroundingsOf(options, this.#storeIds, electionTimeoutMs)
    this.world = new SimWorld({ seed, ...this.#around.world })
    this.#machines = new UserMachines(this.world, () => this.#cluster.ghost)
    const clusterOptions = {
      storeIds: this.#storeIds,
      electionTimeoutMs,
      ...this.#around.cluster,
      kv: kv && { splitKeys: kv.splitKeys ?? [], members: this.#storeIds },
      groups: groups.map((group) => ({ members: this.#storeIds, ...group })),
      stateMachines: this.#machines.factories(options.stateMachines),
    }
    this.#kv =
      clusterOptions.kv === false ? null : new UserKv(clusterOptions.kv.splitKeys, () => this.world.nowMs)
    this.#cluster = new SimCluster(this.world, clusterOptions, {
      onCommitted: (group, index, entry) => {
        if (group.groupId.startsWith('kv/')) this.#kv?.onCommitted(group, index, entry)
        else this.#applies.onCommitted(group.groupId, index, entry)
      },
      onLifeEnded: (storeId, life) => this.#clients.onLifeEnded(storeId, life),
    })
    this.#clients = new SimClients(this.#cluster, this.#makeHistory())
  }

  /** Answers are judged when the step is over in which they come: by then it is known what was committed in it. */
  #makeHistory(): History {
    const history = new History(() => this.world.nowMs)
    history.onBegin = (entry) => {
      if (entry.kind === 'apply') this.#applies.onCalled(entry)
    }
    history.onEnd = (entry) => {
      if (entry.kind !== 'apply') return
      this.world.judgeAfterStep(() =>
        this.#applies.onReturned(this.#cluster.ghost.group(entry.target), entry),
      )
    }
    return history
  }

  async play(): Promise<SimulationResult> {
    try {
      return await this.#play()
    } catch (error) {
      throw toSimulationFailure(
        error,
        String(this.#options.seed),
        this.world.eventLog(),
        replayOf(this.#options),
      )
    }
  }

  async #play(): Promise<SimulationResult> {
    const { world } = this
    await world.waitFor(() => this.#cluster.groupsMade, LEVEL_WITHIN_MS, 'the groups to be made')
    const nemesis = this.#startFaults()
    const ending = new AbortController()
    const workload = this.#startWorkload(ending.signal)
    await world.run({ forMs: this.#durationMs })
    ending.abort()
    nemesis.stop()
    calmWorld(world, this.#cluster.options.electionTimeoutMs)
    await world.waitFor(
      () => workload.over,
      LEVEL_WITHIN_MS,
      'the workload to end after its signal was aborted',
    )
    await world.waitFor(() => this.#areLevel(), LEVEL_WITHIN_MS, 'all replicas to be level')
    const kvHistory = this.#kv?.check(this.#clients.history.entries) ?? null
    await this.#check()
    markCalls(this.#cluster.marks, this.#clients.history.entries)
    return {
      seed: world.seed,
      steps: world.steps,
      simulatedMs: world.nowMs,
      traceHash: world.traceHash,
      faultsByClass: nemesis.faultsByClass(),
      marks: this.#cluster.marks.counts(),
      history: this.#clients.history.entries,
      kvHistory,
    }
  }

  #startFaults(): Nemesis {
    const cluster = this.#cluster
    const atlas = new DamageAtlas(cluster.memberships(), cluster.damaged)
    const { faults } = this.#around
    const nemesis = startNemesis(this.world, cluster.processes, faults, {
      leads: (process) => cluster.leads(process.name),
      electionTimeoutMs: cluster.options.electionTimeoutMs,
      restartOrderly: (process) => void cluster.restartOrderly(process.name),
      onDiskTrouble: (process) => cluster.trouble(process),
      ...(DAMAGING_KINDS.some((kind) => faults[kind]) && {
        mayDamage: (process) => atlas.mayDamage(process.name),
        onDamaged: (process, before, extent) => cluster.onDamaged(process.name, before, extent),
        onRotten: (process) => cluster.onRotten(process.name),
      }),
    })
    cluster.tellMarksTo(nemesis)
    if (drawsFaults(this.#options)) crashOnce(this.world, cluster.processes, nemesis, this.#durationMs)
    return nemesis
  }

  #startWorkload(signal: AbortSignal): { readonly over: boolean } {
    const { world } = this
    const random = world.random.fork('workload')
    const client = this.#clients.client('client', random.fork('client'))
    const state = { over: false }
    const run = async (): Promise<void> => {
      try {
        await this.#options.workload({ client, random, sleep: (ms) => world.sleep(ms), signal })
      } catch (error) {
        if (!(error instanceof FlotillaError)) world.fail(broken('the workload', error))
      }
      state.over = true
    }
    void run()
    return state
  }

  /** Every group has a leader, and every sound replica has applied all of its log. */
  #areLevel(): boolean {
    for (const [groupId, members] of this.#cluster.memberships()) {
      const sound = members.filter((member) => !this.#cluster.damaged.has(member))
      const nodes = sound.map((storeId) => this.#cluster.hosts.get(storeId)?.group(groupId)?.node ?? null)
      const leader = nodes.find((node) => node?.state === 'leader')
      const last = leader?.log.lastIndex
      if (last === undefined || nodes.some((node) => node?.fsmCaller.lastAppliedIndex !== last)) return false
    }
    return true
  }

  async #check(): Promise<void> {
    const outcome = { history: this.#clients.history.entries, replicas: this.#replicas() }
    try {
      await this.#options.check?.(outcome)
    } catch (error) {
      throw broken('the check', error)
    }
  }

  #replicas(): SimulatedReplica[] {
    const found: SimulatedReplica[] = []
    for (const [groupId, members] of this.#cluster.memberships()) {
      for (const storeId of members) {
        const machine = this.#machines.get(groupId, storeId)
        const node = this.#cluster.hosts.get(storeId)?.group(groupId)?.node
        if (machine === null || node == null || this.#cluster.damaged.has(storeId)) continue
        found.push({ groupId, storeId, appliedIndex: node.fsmCaller.lastAppliedIndex, machine })
      }
    }
    return found
  }
}

function broken(what: string, error: unknown): InvariantViolation {
  const text = error instanceof Error ? error.message : String(error)
  return new InvariantViolation('I-check', `${what} failed: ${text}`, error)
}

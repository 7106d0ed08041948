import { existsSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { AckTimes, machineMs } from '../../src/cli/ack-times.ts'
import type { Display } from '../../src/cli/display.ts'
import { formatCount, plural } from '../../src/cli/format.ts'
import { findFreePorts } from '../../src/cli/free-ports.ts'
import { makeScratchDir, removeScratchDir, removeScratchDirNow } from '../../src/cli/scratch-dir.ts'
import { SimRandom } from '../../src/sim/random.ts'
import { Cluster, type ClusterPlan } from '../process/cluster-harness.ts'
import { HANG_MS } from '../process/guard.ts'
import type { StoreProcess } from '../process/store-process.ts'
import { type DamageClass, damageClasses, PEERS_FILE } from './damages.ts'
import { startDamaged } from './damaged-start.ts'
import { below, between, pick } from './random-choice.ts'
import { StoreDirs } from './store-dirs.ts'
import { isBad, Tally } from './tally.ts'

export interface TortureOptions {
  readonly durationMs: number
  readonly seed: string
  /** Only classes of these names; null for all. */
  readonly damages: ReadonlySet<string> | null
  /** Leaves the directories where they are. */
  readonly keep: boolean
  readonly display: Display
  /** Ends it; the promise rejects with its reason once nothing is left. */
  readonly signal: AbortSignal
}

export interface TortureReport {
  readonly seed: string
  readonly dir: string
  readonly tookMs: number
  readonly kills: number
  /** Entries that logs have lost at their beginnings, on all stores. */
  readonly truncated: number
  /** Replicas that wait for a snapshot at the end, and the stores that they are on. */
  readonly waiting: number
  readonly unsound: readonly string[]
  readonly tally: Tally
  readonly groups: number
  readonly acked: number
  readonly unknown: number
  /** Failed writes that certainly took no effect. */
  readonly refused: number
  readonly reads: number
  readonly longestGapMs: number
  /** What must not be, in words; none when all is well. */
  readonly problems: readonly string[]
}

const HOST = '127.0.0.1'
const STORES = 3
const SCRATCH_PREFIX = 'flotilla-torture-'

/** A quarter of it is written within half a minute, so logs are truncated; the whole is more than a store misses while away. */
const MAX_LOG_BYTES = 8 << 20

/** Twelve regions and four groups of a user's state machine. The pause keeps ten minutes of data within a few hundred MiB. */
const PLAN: ClusterPlan = {
  splitKeys: ['1', '2', '3', '5', '6', '7', '9', 'a', 'b', 'd', 'e'],
  counters: ['counter-1', 'counter-2', 'counter-3', 'counter-4'],
  load: { pauseMs: 40, readEvery: 2 },
  keepWarnings: true,
  maxLogBytes: MAX_LOG_BYTES,
}
const GROUPS = PLAN.splitKeys.length + 1 + PLAN.counters.length

/** Between the return of one store and the end of the next, and between an end and the restart. */
const QUIET_MS = [700, 2_500] as const
const DOWN_MS = [0, 1_500] as const
const DAMAGE_SHARE = 0.5
const KEYS_CHECKED = 1_000
/** However short the run: a plain kill, then a damage. */
const MIN_ROUNDS = 2

export async function runTorture(options: TortureOptions): Promise<TortureReport> {
  const { signal, keep } = options
  const dir = makeScratchDir(SCRATCH_PREFIX)
  const onExit = (): void => {
    if (!keep) removeScratchDirNow(dir)
  }
  process.on('exit', onExit)
  const cluster = new Cluster(dir, await findFreePorts(STORES, HOST), PLAN)
  const onAbort = (): void => void cluster.killAll()
  signal.addEventListener('abort', onAbort)
  try {
    return await new Torture(options, cluster, dir).run()
  } catch (error) {
    // What stopped it is the reason; what that broke on its way is not.
    throw signal.aborted ? signal.reason : error
  } finally {
    options.display.end()
    await cluster.killAll()
    if (!keep) await removeScratchDir(dir)
    process.removeListener('exit', onExit)
    signal.removeEventListener('abort', onAbort)
  }
}

class Torture {
  readonly #o: TortureOptions
  readonly #cluster: Cluster
  readonly #dir: string
  readonly #dirs: StoreDirs
  readonly #random: SimRandom
  readonly #tally = new Tally(damageClasses().map(({ name }) => name))
  readonly #ackTimes = new AckTimes(100_000)
  readonly #problems: string[] = []
  /** Processes whose end is meant. */
  readonly #dying = new Set<StoreProcess>()
  readonly #watched = new Set<StoreProcess>()
  #kills = 0
  #truncated = 0
  #waitingReplicas = 0
  /** What comes now is the end of everything. */
  #over = false
  #doing = 'starting'

  constructor(options: TortureOptions, cluster: Cluster, dir: string) {
    this.#o = options
    this.#cluster = cluster
    this.#dir = dir
    this.#dirs = new StoreDirs(dir)
    this.#random = new SimRandom(options.seed)
    cluster.onRows = (_storeId, rows) => {
      const now = machineMs()
      for (const { kind, outcome } of rows) {
        if (kind !== 'read' && outcome === 'acked') this.#ackTimes.record(now)
      }
    }
  }

  async run(): Promise<TortureReport> {
    const { display, durationMs } = this.#o
    const startedMs = machineMs()
    display.begin('torture', () => {
      const fraction = Math.min(1, (machineMs() - startedMs) / durationMs)
      return { fraction, text: this.#progress() }
    })
    try {
      await this.#chaos(startedMs + durationMs)
      await this.#finish()
    } catch (error) {
      if (this.#o.signal.aborted) throw error
      this.#problem(error instanceof Error ? error.message : String(error))
    } finally {
      this.#over = true
    }
    const { ledger } = this.#cluster
    return {
      seed: this.#o.seed,
      dir: this.#dir,
      tookMs: machineMs() - startedMs,
      kills: this.#kills,
      truncated: this.#truncated,
      waiting: this.#waitingReplicas,
      unsound: [...this.#cluster.unsound],
      tally: this.#tally,
      groups: GROUPS,
      acked: ledger.acked,
      unknown: ledger.unknown,
      refused: ledger.failed - ledger.unknown,
      reads: ledger.reads,
      longestGapMs: this.#ackTimes.longestGap().ms,
      problems: [...this.#problems, ...ledger.misreads.map((misread) => `wrong read: ${misread}`)],
    }
  }

  async #chaos(deadlineMs: number): Promise<void> {
    await this.#cluster.start()
    this.#watch()
    await this.#cluster.startLoad()
    for (let round = 0; round < MIN_ROUNDS || machineMs() < deadlineMs; round++) {
      await this.#round(round)
      if (this.#problems.length > 0 || this.#cluster.ledger.misreads.length > 0) return
    }
  }

  /** One store ends and comes back. Its choices depend on the seed and the number of the round alone. */
  async #round(round: number): Promise<void> {
    const random = this.#random.fork(`round ${round}`)
    this.#doing = 'load'
    await this.#sleep(between(random, ...QUIET_MS))
    const storeId = pick(random, this.#cluster.storeIds)
    const wanted = random.float() < DAMAGE_SHARE
    await this.#kill(storeId)
    this.#kills++
    const damaging = round > 0 && (round < MIN_ROUNDS || wanted)
    const damage = damaging ? await this.#damage(storeId, random) : null
    if (damage !== null) {
      await this.#startDamaged(storeId, damage, random)
      return
    }
    const dir = this.#cluster.dirOf(storeId)
    if (this.#dirs.earlier(storeId) === null || random.float() < 0.2) {
      await this.#dirs.keepEarlier(dir, storeId)
    }
    this.#say(storeId, 'killed')
    await this.#sleep(between(random, ...DOWN_MS))
    await this.#restart(storeId)
  }

  /** Damages the directory of a stopped store, in one of the ways that it has something for. */
  async #damage(storeId: string, random: SimRandom): Promise<DamageClass | null> {
    const dir = this.#cluster.dirOf(storeId)
    const left = this.#possible(dir, storeId)
    await this.#dirs.keepPristine(dir, storeId)
    while (left.length > 0) {
      const [damage] = left.splice(below(random, left.length), 1)
      const did = await damage!.apply({ dir, earlier: this.#dirs.earlier(storeId) }, random)
      if (did === null) continue
      this.#say(storeId, `killed; ${damage!.name}: ${did}`)
      return damage!
    }
    await this.#dirs.dropPristine(storeId)
    return null
  }

  #possible(dir: string, storeId: string): DamageClass[] {
    const { damages } = this.#o
    const { unsound } = this.#cluster
    // A second state must not go where one waits for a snapshot already: the third would be all there is.
    const keepsState = unsound.size > 0 && !unsound.has(storeId)
    const classes = damageClasses()
      .filter(({ name }) => damages === null || damages.has(name))
      .filter(({ ofState }) => !(ofState && keepsState))
    if (existsSync(path.join(dir, PEERS_FILE))) return classes
    // Without it nobody can tell such a store from a sound one, and the cluster would forget what it promised.
    for (const { name, seenByPeers } of classes) {
      if (seenByPeers) this.#tally.leaveOut(name, 'peers cannot tell')
    }
    return classes.filter(({ seenByPeers }) => !seenByPeers)
  }

  async #startDamaged(storeId: string, damage: DamageClass, random: SimRandom): Promise<void> {
    const cluster = this.#cluster
    this.#doing = `${storeId} starts on a damaged directory`
    const { end, detail } = await startDamaged({
      cluster,
      storeId,
      damage,
      keys: this.#someKeys(random),
      sleep: (ms) => this.#sleep(ms),
    })
    this.#o.signal.throwIfAborted()
    this.#tally.add(damage.name, end)
    this.#say(storeId, `${end}${detail === '' ? '' : `: ${detail.slice(0, 160)}`}`)
    if (isBad(end)) {
      this.#problem(`${storeId}, ${damage.name}: ${end}: ${detail}`)
      // The others are sound, and must have everything without it.
      if (this.#runs(storeId)) await this.#kill(storeId)
      return
    }
    // What nothing has read yet may still be bad: of the state it goes, or it would be found in another one's round.
    const ofState = end === 'late' || end === 'waits' || (end === 'unharmed' && damage.ofState)
    if (!ofState && (end === 'repaired' || end === 'unharmed')) {
      await this.#dirs.dropPristine(storeId)
      this.#watch()
      return
    }
    if (this.#runs(storeId)) await this.#kill(storeId)
    const dir = cluster.dirOf(storeId)
    if (ofState) await this.#dirs.restoreState(dir, storeId)
    else await this.#dirs.restorePristine(dir, storeId)
    await this.#restart(storeId)
  }

  #someKeys(random: SimRandom): string[] {
    const { ledger } = this.#cluster
    const count = Math.min(KEYS_CHECKED, ledger.puts)
    return Array.from({ length: count }, () => ledger.putAt(below(random, ledger.puts)))
  }

  #runs(storeId: string): boolean {
    return this.#cluster.running.some((store) => store.storeId === storeId)
  }

  async #kill(storeId: string): Promise<void> {
    await this.#countTruncated(this.#cluster.store(storeId))
    this.#dying.add(this.#cluster.store(storeId))
    await this.#cluster.kill(storeId)
  }

  /** A store counts from its start on: it is asked before its end. */
  async #countTruncated(store: StoreProcess): Promise<void> {
    this.#truncated += (await store.call('health', null).catch(() => null))?.truncatedEntries ?? 0
  }

  /** Resolves when the store is back among the others: only then may the next one end. */
  async #restart(storeId: string): Promise<void> {
    this.#doing = `${storeId} comes back`
    const store = await this.#cluster.startStore(storeId)
    this.#watch()
    await this.#cluster.startLoad([storeId])
    await this.#caughtUp(store)
  }

  /** How many of its replicas wait for a snapshot, by its own word or that of their leaders. */
  async #waiting(store: StoreProcess): Promise<number> {
    const { storeId } = store
    const groups = new Set((await store.call('health', null)).waiting)
    for (const other of this.#cluster.running) {
      const { leftBehind } = await other.call('health', null)
      for (const one of leftBehind) if (one.storeId === storeId) groups.add(one.groupId)
    }
    return groups.size
  }

  /** No snapshots yet: what such a store lacks, nobody can give it. It goes on as it is, and is told apart at the end. */
  async #isSound(store: StoreProcess): Promise<boolean> {
    const { storeId } = store
    const waiting = await this.#waiting(store)
    if (waiting === 0) return true
    if (!this.#cluster.unsound.has(storeId)) {
      this.#cluster.unsound.add(storeId)
      this.#say(storeId, `${plural(waiting, 'replica')} of ${GROUPS} wait for a snapshot`)
    }
    if (this.#cluster.unsound.size > 1)
      this.#problem(`more than one store waits for snapshots: ${storeId} too`)
    return false
  }

  async #caughtUp(store: StoreProcess): Promise<void> {
    const deadline = performance.now() + HANG_MS
    for (;;) {
      if (!(await this.#isSound(store))) return
      try {
        await store.call('catchUp', null)
        if (await this.#isSound(store)) return
      } catch (error) {
        const health = await store.call('health', null)
        const text = `${store.storeId} did not catch up: ${String(error)} ${JSON.stringify(health)}`
        if (health.ended !== null || performance.now() > deadline) throw new Error(text, { cause: error })
      }
      await this.#sleep(100)
    }
  }

  /** No store may end by itself. */
  #watch(): void {
    for (const store of this.#cluster.running) {
      if (this.#watched.has(store)) continue
      this.#watched.add(store)
      void store.ended.then(({ code, signal, output }) => {
        this.#watched.delete(store)
        if (this.#dying.delete(store) || this.#over || this.#o.signal.aborted) return
        this.#problem(`${store.storeId} ended by itself (${signal ?? code}): ${output.slice(-1_000)}`)
      })
    }
  }

  /** Everything stops, everyone catches up, and every store by itself must hold all that was acknowledged. */
  async #finish(): Promise<void> {
    const { display } = this.#o
    this.#doing = 'the load ends'
    await this.#cluster.stopLoad()
    for (const store of this.#cluster.running) {
      await this.#countTruncated(store)
      this.#waitingReplicas += await this.#waiting(store)
    }
    display.end(this.#progress())
    display.begin('digests', () => ({ text: 'all replicas of a group must be equal' }))
    await this.#cluster.untilEqual()
    display.begin('verify', () => ({ text: 'every store is asked for every acknowledged write' }))
    await this.#cluster.verify()
    const { running, unsound } = this.#cluster
    const stores = plural(running.length - unsound.size, 'store')
    display.end(`${stores}, ${plural(GROUPS, 'group')}: equal, and every acknowledged write is there`)
  }

  // ---- words ---------------------------------------------------------------------------------------------------------

  #progress(): string {
    const { acked, reads } = this.#cluster.ledger
    const counts = `${formatCount(acked)} writes, ${formatCount(reads)} reads`
    return `${counts}, ${plural(this.#kills, 'kill')}, ${formatCount(this.#tally.total)} damaged; ${this.#doing}`
  }

  #say(storeId: string, text: string): void {
    this.#doing = `${storeId} is down`
    this.#o.display.line(storeId, text)
  }

  #problem(text: string): void {
    this.#problems.push(text)
    this.#o.display.line('PROBLEM', this.#o.display.bad(text))
  }

  #sleep(ms: number): Promise<void> {
    return delay(ms, undefined, { signal: this.#o.signal })
  }
}

import { statfs } from 'node:fs/promises'
import { isAbsolute, relative } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { machineMs } from './ack-times.ts'
import { DemoCluster } from './demo-cluster.ts'
import { REGIONS, STORE_IDS } from './demo-settings.ts'
import type { CrashSummary, DemoSummary } from './demo-summary.ts'
import { DigestRun } from './digest-run.ts'
import type { Display } from './display.ts'
import { scanTree } from './file-tree.ts'
import type { FileTree } from './file-tree.ts'
import { formatBytes, formatCount, formatMs, formatRate, plural } from './format.ts'
import { ImportRun } from './import-run.ts'
import { planRegions } from './key-quantiles.ts'
import { busiestLeader, catchUpOf, describeLeaders, leadershipOf } from './leadership.ts'
import type { ClusterView, Leadership } from './leadership.ts'
import { makeScratchDir, removeScratchDir, removeScratchDirNow } from './scratch-dir.ts'
import { StoreCounters } from './store-counters.ts'
import { VerifyRun } from './verify-run.ts'
import { UsageError } from './usage-error.ts'
import { MAX_KEY_BYTES } from '../util/limits.ts'

export interface DemoOptions {
  /** The directory to import. */
  readonly root: string
  readonly maxBytes: number
  readonly ignoreAtTop?: (name: string) => boolean
  readonly display: Display
  /** Ends the demo; the promise rejects with its reason once nothing is left of it. */
  readonly signal: AbortSignal
}

const SCRATCH_PREFIX = 'flotilla-demo-'
const LEADERS_TIMEOUT_MS = 60_000
/** On a busy machine others than the preferred stores may win; nothing moves leaders back, and the demo shows as much so. */
const EVEN_LEADERS_WAIT_MS = 5_000
const CATCH_UP_TIMEOUT_MS = 120_000
const POLL_MS = 50
/** How often the stores are asked how they are while they are busy. */
const WATCH_MS = 200
/** Disk space of three stores: log, state, and what compaction holds twice for a moment; and what empty ones take. */
const SPACE_PER_BYTE = 9
const SPACE_BASE = 256 * 1024 * 1024

/** Shows the demo and resolves with what it showed. Processes and directories are gone when the promise settles. */
export async function runDemo(options: DemoOptions): Promise<DemoSummary> {
  const failed = new AbortController()
  const signal = AbortSignal.any([options.signal, failed.signal])
  const startedAtMs = machineMs()
  try {
    const tree = await scan(options, signal)
    return await withScratchDir(async (dir) => {
      await checkSpace(dir, tree.bytes)
      const demo = new Demo(tree, dir, options.display, signal, (error) => failed.abort(error))
      return await demo.run(startedAtMs)
    })
  } catch (error) {
    // What stopped the demo is the reason; what that broke on its way is not.
    throw signal.aborted ? signal.reason : error
  } finally {
    options.display.end()
  }
}

async function withScratchDir<T>(body: (dir: string) => Promise<T>): Promise<T> {
  const dir = makeScratchDir(SCRATCH_PREFIX)
  const onExit = (): void => removeScratchDirNow(dir)
  process.on('exit', onExit)
  try {
    return await body(dir)
  } finally {
    await removeScratchDir(dir)
    process.removeListener('exit', onExit)
  }
}

async function scan(
  { root, maxBytes, ignoreAtTop, display }: DemoOptions,
  signal: AbortSignal,
): Promise<FileTree> {
  let found = 0
  const where = shownPath(root)
  display.begin('files', () => ({ text: `${plural(found, 'file')} found under ${where}` }))
  const tree = await scanTree(root, {
    maxBytes,
    maxKeyBytes: MAX_KEY_BYTES,
    signal,
    onProgress: (files) => (found = files),
    ...(ignoreAtTop === undefined ? {} : { ignoreAtTop }),
  })
  display.end(`${plural(tree.files.length, 'file')}, ${formatBytes(tree.bytes)}, under ${where}`)
  for (const line of tree.leftOut.lines()) display.line('left out', line)
  if (tree.files.length === 0) throw new UsageError(`there is no file to import under ${where}`)
  return tree
}

/** A directory below this one by its relative path, any other as it is. */
function shownPath(path: string): string {
  const short = relative(process.cwd(), path)
  return short === '' ? '.' : short.startsWith('..') || isAbsolute(short) ? path : short
}

async function checkSpace(dir: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(dir)
  const [free, wanted] = [bavail * bsize, bytes * SPACE_PER_BYTE + SPACE_BASE]
  if (free >= wanted) return
  throw new UsageError(
    `three stores need about ${formatBytes(wanted)} for this and ${dir} has ${formatBytes(free)}: ` +
      'limit it with --max-bytes, or point TMPDIR at another disk',
  )
}

class Demo {
  readonly #tree: FileTree
  readonly #display: Display
  readonly #signal: AbortSignal
  readonly #cluster: DemoCluster
  readonly #import: ImportRun
  readonly #counters = new StoreCounters()
  #view: ClusterView = STORE_IDS.map(() => null)

  constructor(
    tree: FileTree,
    dir: string,
    display: Display,
    signal: AbortSignal,
    fail: (error: Error) => void,
  ) {
    const plan = planRegions(tree.files, REGIONS)
    this.#tree = tree
    this.#display = display
    this.#signal = signal
    this.#cluster = new DemoCluster({
      dir,
      splitKeys: plan.splitKeys,
      signal,
      onWritten: (store, batch) => this.#import.onWritten(store, batch),
      onFailure: fail,
    })
    this.#import = new ImportRun(tree, plan.order, this.#cluster, signal)
  }

  async run(startedAtMs: number): Promise<DemoSummary> {
    const onExit = (): void => this.#cluster.destroyNow()
    process.prependListener('exit', onExit)
    const onAbort = (): void => this.#cluster.destroyNow()
    this.#signal.addEventListener('abort', onAbort)
    try {
      this.#signal.throwIfAborted()
      const atStart = await this.#start()
      const { crash, victim, afterCrash } = await this.#importWithCrash()
      const caughtUpMs = await this.#restart(victim)
      const verify = await this.#verify()
      const digests = await this.#compareDigests(verify)
      const atEnd = leadershipOf(await this.#look())
      await this.#close()
      const leaders = { atStart, afterCrash, atEnd }
      return this.#summarize({ ...crash, caughtUpMs }, leaders, verify, digests, startedAtMs)
    } finally {
      this.#signal.removeEventListener('abort', onAbort)
      await this.#cluster.destroy()
      process.removeListener('exit', onExit)
    }
  }

  /** Asks the stores how they are. */
  async #look(): Promise<ClusterView> {
    this.#view = await this.#cluster.describe()
    this.#counters.update(this.#view)
    const down = this.#view.flatMap((store) => store?.groups ?? []).find(({ error }) => error !== null)
    if (down !== undefined) throw new Error(`group ${down.groupId} is down: ${down.error}`)
    return this.#view
  }

  async #pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#signal })
  }

  // ---- start ------------------------------------------------------------------------------------------------------

  async #start(): Promise<Leadership> {
    const display = this.#display
    display.begin('stores', () => ({ text: 'starting three processes' }))
    await this.#cluster.start()
    display.end()
    STORE_IDS.forEach((storeId, store) => {
      display.line(
        store === 0 ? 'stores' : '',
        `${storeId} on ${this.#cluster.address(store)}, ${this.#pid(store)}`,
      )
    })
    return await this.#waitForLeaders()
  }

  #pid(store: number): string {
    return `process ${this.#cluster.process(store).pid}`
  }

  /** Every group has a leader; evenly spread, if that comes about soon. */
  async #waitForLeaders(): Promise<Leadership> {
    const startedAtMs = machineMs()
    let leaders = leadershipOf(this.#view)
    let allLedAtMs = Number.POSITIVE_INFINITY
    this.#display.begin('leaders', () => ({
      text:
        leaders.led < REGIONS
          ? `${leaders.led} of ${REGIONS} groups have one`
          : `all ${REGIONS} groups have one; a moment for each store to lead its third`,
    }))
    while (!leaders.even && machineMs() - allLedAtMs < EVEN_LEADERS_WAIT_MS) {
      if (leaders.led < REGIONS && machineMs() - startedAtMs > LEADERS_TIMEOUT_MS) {
        const missing = REGIONS - leaders.led
        throw new Error(`${missing} of ${REGIONS} groups had no leader after ${formatMs(LEADERS_TIMEOUT_MS)}`)
      }
      await this.#pause(POLL_MS)
      leaders = leadershipOf(await this.#look())
      allLedAtMs = leaders.led < REGIONS ? Number.POSITIVE_INFINITY : Math.min(allLedAtMs, machineMs())
    }
    const took = formatMs(machineMs() - startedAtMs)
    this.#display.end(`${describeLeaders(leaders, this.#view)} of ${REGIONS} groups, after ${took}`)
    return leaders
  }

  // ---- import and crash ---------------------------------------------------------------------------------------------

  async #importWithCrash(): Promise<{
    crash: Omit<CrashSummary, 'caughtUpMs'>
    victim: number
    afterCrash: Leadership
  }> {
    const display = this.#display
    this.#showImport()
    this.#import.start()
    const half = this.#import.half()
    await this.#watchUntil(half)
    const before = leadershipOf(this.#view)
    const victim = busiestLeader(before)
    const [storeId, pid] = [STORE_IDS[victim]!, this.#pid(victim)]
    const { killedAtMs, inFlight } = await this.#import.killStore(victim)
    const led = before.counts[victim]!
    const unanswered = `${plural(inFlight, 'write')} that it had taken on had no answer yet`
    display.line('kill -9', `${storeId}, ${pid}: it led ${led} groups; ${unanswered}`)

    const afterCrash = await this.#waitUntilLedAgain()
    const ledAgainMs = machineMs() - killedAtMs
    display.line(
      'leaders',
      `${describeLeaders(afterCrash, this.#view)}: all groups led again ${formatMs(ledAgainMs)} later`,
    )
    await this.#watchUntil(this.#import.finished())
    this.#endImport(killedAtMs)
    return {
      crash: { store: storeId, groupsLed: led, writesInFlight: inFlight, ledAgainMs },
      victim,
      afterCrash,
    }
  }

  #showImport(): void {
    const { ledger } = this.#import
    this.#display.begin('import', () => {
      const rate = this.#import.currentRate()
      const count = `${formatCount(ledger.settled)} of ${plural(this.#tree.files.length, 'file')}`
      const fraction = ledger.settled / this.#tree.files.length
      const byBytes = ledger.totalBytes === 0 ? fraction : ledger.settledBytes / ledger.totalBytes
      return { fraction: byBytes, text: `${count}, ${formatRate(rate.writesPerSecond, rate.bytesPerSecond)}` }
    })
  }

  /** Keeps an eye on the stores until `done`, which also rejects when the demo is stopped. */
  async #watchUntil(done: Promise<void>): Promise<void> {
    let over = false
    const end = done.finally(() => (over = true))
    end.catch(() => {})
    while (!over) {
      await this.#look()
      await Promise.race([end, this.#pause(WATCH_MS)])
    }
    await end
  }

  async #waitUntilLedAgain(): Promise<Leadership> {
    const deadline = machineMs() + LEADERS_TIMEOUT_MS
    for (;;) {
      const leaders = leadershipOf(await this.#look())
      if (leaders.led === REGIONS) return leaders
      if (machineMs() > deadline)
        throw new Error(`after the crash only ${leaders.led} groups found a new leader`)
      await this.#pause(POLL_MS)
    }
  }

  #endImport(killedAtMs: number): void {
    const { acks, elapsedMs, writtenBytes, unknownOutcomes } = this.#import
    const seconds = Math.max(elapsedMs, 1) / 1_000
    const rate = formatRate(acks.count / seconds, writtenBytes / seconds)
    this.#display.end(
      `${plural(acks.count, 'file')}, ${formatBytes(writtenBytes)} in ${formatMs(elapsedMs)}: ${rate}`,
    )
    const gap = acks.longestGap()
    const sinceKill = gap.startedAtMs - killedAtMs
    const when = `${formatMs(Math.abs(sinceKill))} ${sinceKill < 0 ? 'before' : 'after'} the kill`
    this.#display.line('gap', `${formatMs(gap.ms)} at most without an acknowledged write, beginning ${when}`)
    this.#display.line('unknown', `${plural(unknownOutcomes, 'write')} without an answer, all written again`)
  }

  // ---- restart ------------------------------------------------------------------------------------------------------

  async #restart(store: number): Promise<number> {
    const startedAtMs = machineMs()
    const storeId = STORE_IDS[store]!
    let progress = { groups: 0, applied: 0, goal: 0 }
    this.#display.begin('restart', () => {
      if (progress.goal === 0) return { text: `${storeId} starts and recovers from its directory` }
      const text = `${storeId} has caught up with ${progress.groups} of ${REGIONS} groups`
      return { fraction: progress.applied / progress.goal, text }
    })
    this.#counters.restarted(store)
    await this.#cluster.restart(store)
    while (progress.groups < REGIONS) {
      if (machineMs() - startedAtMs > CATCH_UP_TIMEOUT_MS) {
        throw new Error(`${storeId} has caught up with ${progress.groups} of ${REGIONS} groups only`)
      }
      await this.#pause(POLL_MS)
      progress = catchUpOf(await this.#look(), store)
    }
    const tookMs = machineMs() - startedAtMs
    const entries = `${formatCount(progress.goal)} entries of ${REGIONS} groups`
    const text = `${storeId}, ${this.#pid(store)}, same directory: caught up in ${formatMs(tookMs)}, ${entries}`
    this.#display.end(text)
    return tookMs
  }

  // ---- verification -------------------------------------------------------------------------------------------------

  async #verify(): Promise<VerifyRun> {
    const verify = new VerifyRun(this.#tree, this.#import.written(), this.#cluster, this.#signal)
    this.#display.begin('verify', () => {
      const text = `${formatCount(verify.compared)} of ${formatCount(verify.total)} values compared`
      return { fraction: verify.compared / Math.max(1, verify.total), text }
    })
    await verify.run()
    this.#display.end()
    const keys = formatCount(verify.total / STORE_IDS.length)
    verify.verdicts.forEach(({ storeId, matched }, i) => {
      const text = `${storeId}: ${formatCount(matched)} of ${keys} keys in its own state have the file's SHA-256`
      this.#display.line(i === 0 ? 'verify' : '', text)
    })
    return verify
  }

  async #compareDigests(verify: VerifyRun): Promise<DigestRun> {
    const digests = new DigestRun(this.#cluster, this.#signal)
    this.#display.begin('digests', () => ({ text: `${digests.agreed} of ${REGIONS} groups agree` }))
    await digests.run(this.#import.written().files.length, verify.differences)
    const text = `${digests.agreed} of ${REGIONS} groups: one digest at one applied index on all three replicas`
    this.#display.end(text)
    return digests
  }

  async #close(): Promise<void> {
    this.#display.begin('close', () => ({ text: 'the stores are closing' }))
    await this.#cluster.close()
    this.#display.end()
  }

  #summarize(
    crash: CrashSummary,
    leaders: { atStart: Leadership; afterCrash: Leadership; atEnd: Leadership },
    verify: VerifyRun,
    digests: DigestRun,
    startedAtMs: number,
  ): DemoSummary {
    const { acks, elapsedMs, latencies, writtenBytes, unknownOutcomes, refusals } = this.#import
    const { differences } = verify
    const seconds = Math.max(elapsedMs, 1) / 1_000
    return {
      ok: differences.count === 0,
      source: this.#tree.root,
      keys: verify.total / STORE_IDS.length,
      bytes: writtenBytes,
      leftOut: this.#tree.leftOut.groups(),
      importMs: round(elapsedMs),
      writesPerSecond: Math.round(acks.count / seconds),
      bytesPerSecond: Math.round(writtenBytes / seconds),
      p50Ms: latencies.getValueAtPercentile(50) / 1_000,
      p99Ms: latencies.getValueAtPercentile(99) / 1_000,
      maxMs: latencies.maxValue / 1_000,
      longestGapMs: round(acks.longestGap().ms),
      unknownOutcomes,
      refusals,
      crash: { ...crash, ledAgainMs: round(crash.ledAgainMs), caughtUpMs: round(crash.caughtUpMs) },
      stores: verify.verdicts.map(({ storeId, matched, appliedIndex }, i) => {
        const { fsyncs, entries } = this.#counters.of(i)
        return {
          store: storeId,
          leadersAtStart: leaders.atStart.counts[i]!,
          leadersAfterCrash: leaders.afterCrash.counts[i]!,
          leadersAtEnd: leaders.atEnd.counts[i]!,
          keysMatched: matched,
          readAtAppliedIndex: Number.isFinite(appliedIndex) ? appliedIndex : 0,
          fsyncs,
          entriesPerFsync: round(entries / Math.max(1, fsyncs)),
        }
      }),
      groups: { count: REGIONS, oneDigest: digests.agreed },
      differences: { count: differences.count, listed: differences.listed },
      totalMs: round(machineMs() - startedAtMs),
    }
  }
}

function round(value: number): number {
  return Number(value.toFixed(1))
}

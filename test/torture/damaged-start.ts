import type { Health } from '../process/child-calls.ts'
import type { Cluster } from '../process/cluster-harness.ts'
import { HANG_MS } from '../process/guard.ts'
import { Refusal, type StoreProcess } from '../process/store-process.ts'
import type { DamageClass } from './damages.ts'
import type { DamageEnd } from './tally.ts'

export interface JudgedStart {
  readonly end: DamageEnd
  /** In the store's own words, '' when it had none. */
  readonly detail: string
}

/** The stores say so of a directory that was mended. */
const MENDED = /damaged|moved to|was cut|is gone|are gone|rewritten|replays/
/** These answer the question what is wrong; INTERNAL, or no code at all, does not. */
const TYPED = /^FLOTILLA_(?!INTERNAL$)/
const CORRUPT = 'FLOTILLA_CORRUPT'
const LOST = 'FLOTILLA_STATE_LOST'
const REPLACED = 'FLOTILLA_STORE_REPLACED'
const POLL_MS = 100
/** A refused store has so long to do harm, and a store that joined to find out. */
const LINGER_MS = 2_000

export interface DamagedStartOptions {
  readonly cluster: Cluster
  readonly storeId: string
  readonly damage: DamageClass
  /** Acknowledged keys: what the store answers, if it answers, must be their values. */
  readonly keys: readonly string[]
  sleep(ms: number): Promise<void>
}

/** Starts a store whose directory was damaged and watches it until it is clear what became of it. It may still run then. */
export async function startDamaged(options: DamagedStartOptions): Promise<JudgedStart> {
  const { cluster, storeId } = options
  let store: StoreProcess
  try {
    store = await cluster.startStore(storeId)
  } catch (error) {
    if (!(error instanceof Refusal)) return { end: 'crashed', detail: textOf(error) }
    const end = TYPED.test(error.code) ? 'refused' : 'untyped'
    return { end, detail: `${error.code} ${error.message}` }
  }
  try {
    await cluster.startLoad([storeId])
    return await judge(options, store)
  } catch (error) {
    return { end: 'crashed', detail: textOf(error) }
  }
}

async function judge(options: DamagedStartOptions, store: StoreProcess): Promise<JudgedStart> {
  const { damage, sleep, keys } = options
  const refusal = await untilJoined(options, store)
  await sleep(LINGER_MS)
  const { differences } = await store.call('checkKeys', { keys })
  if (differences.length > 0) return { end: 'wrong', detail: differences.join('; ') }
  if (refusal !== null) return refusal
  const health = await store.call('health', null)
  const stopped = whyStopped(health, damage)
  if (stopped !== null) return stopped
  if (damage.seenByPeers) return { end: 'undetected', detail: 'it joined the others' }
  const mended = health.warnings.filter((warning) => MENDED.test(warning))
  return mended.length > 0 ? { end: 'repaired', detail: mended[0]! } : { end: 'unharmed', detail: '' }
}

/** Null once the store has applied all that was committed before; else why that will not be. */
async function untilJoined(options: DamagedStartOptions, store: StoreProcess): Promise<JudgedStart | null> {
  const { cluster, storeId, damage, sleep } = options
  const joined = { yes: false }
  void store.call('catchUp', null).then(
    () => {
      joined.yes = true
    },
    () => {},
  )
  const deadline = performance.now() + HANG_MS
  let linkedAt = Number.POSITIVE_INFINITY
  while (!joined.yes) {
    const views = await Promise.all(cluster.running.map((one) => one.call('health', null)))
    const own = await store.call('health', null)
    const stopped = whyStopped(own, damage)
    if (stopped !== null) return stopped
    const charge = [
      ...views.flatMap(({ peers }) => peers.filter((peer) => peer.storeId === storeId)),
      ...own.peers,
    ].find(({ code }) => code === REPLACED)
    if (charge !== undefined) return { end: 'peers', detail: `${charge.code} ${charge.message}` }
    const now = performance.now()
    linkedAt = own.peers.some(({ connected }) => connected)
      ? Math.min(linkedAt, now)
      : Number.POSITIVE_INFINITY
    if (damage.seenByPeers && now - linkedAt > LINGER_MS) {
      return { end: 'undetected', detail: 'the others speak with it' }
    }
    if (now > deadline) {
      return { end: 'stopped', detail: `it did not catch up: ${JSON.stringify(own).slice(0, 500)}` }
    }
    await sleep(POLL_MS)
  }
  return null
}

function whyStopped({ ended, stopped }: Health, damage: DamageClass): JudgedStart | null {
  if (ended !== null) return { end: 'stopped', detail: `the store: ${ended.code} ${ended.message}` }
  const [first] = stopped
  if (first === undefined) return null
  const { groupId, code, message } = first
  return {
    end: damage.ofState ? endOfState(stopped.map((one) => one.code)) : 'stopped',
    detail: `${groupId}: ${code} ${message}`,
  }
}

function endOfState(codes: readonly string[]): DamageEnd {
  if (codes.some((code) => code !== CORRUPT && code !== LOST)) return 'stopped'
  return codes.includes(LOST) ? 'waits' : 'late'
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

import { Store } from '../api/store.ts'
import { createLogger } from '../env/node-logger.ts'
import type { Logger } from '../env/ports.ts'
import { EXIT_DONE, EXIT_FAILED } from './exit-codes.ts'
import { Interrupted } from './interruption.ts'
import { type EffectiveSetting, readServeSettings, type ServeSettings } from './serve-settings.ts'
import { warnOfVariables } from './settings.ts'
import { formatTable } from './table.ts'
import type { VerbContext } from './verb.ts'

/** A store that has not closed by then is left to the recovery of its next start. */
const CLOSE_TIMEOUT_MS = 15_000
/** Recovery of a large directory takes a while: somebody should be told that it goes on. */
const STILL_OPENING_MS = 1_800

export interface ServeFlags {
  readonly config?: string
  readonly checkConfig?: boolean
}

export async function serve(context: VerbContext<ServeFlags>): Promise<number> {
  const settings = await readServeSettings(context)
  warnOfVariables(context)
  if (context.flags.checkConfig !== true) return await runStore(settings, context)
  await context.output.answer(settingsView(settings.effective), settingsTable(settings.effective))
  return EXIT_DONE
}

async function runStore({ options, logLevel }: ServeSettings, context: VerbContext): Promise<number> {
  const logger = createLogger({ level: logLevel })
  const store = await openStore(options, logger)
  try {
    await serveUntilEnd(store, options.dataDir, context, logger)
  } finally {
    await closeStore(store, logger)
  }
  return EXIT_DONE
}

/** Resolves when a signal told us to end; rejects when the store failed, or nobody reads our output. */
async function serveUntilEnd(
  store: Store,
  dataDir: string,
  { output, signal }: VerbContext,
  logger: Logger,
): Promise<void> {
  const { clusterId, storeId, address } = store
  if (!signal.aborted) {
    logger.info({ clusterId, storeId, address, dataDir }, 'ready')
    await output.answer(
      { clusterId, storeId, address, pid: process.pid, dataDir },
      `ready: store ${storeId} of cluster ${clusterId} on ${address}, process ${process.pid}, data in ${dataDir}`,
    )
  }
  const reason = await endOf(store, signal)
  if (reason !== null) throw reason
  logger.info({ storeId }, `closing: ${String((signal.reason as Error).message)}`)
  if (signal.reason instanceof Interrupted && signal.reason.readerGone) throw signal.reason
}

async function openStore(options: ServeSettings['options'], logger: Logger): Promise<Store> {
  const { kv, storeId } = options
  logger.info({ storeId, dataDir: options.dataDir }, 'opening')
  const still = setInterval(() => logger.info({ storeId }, 'still opening'), STILL_OPENING_MS)
  try {
    return await Store.open({ ...options, kv: kv ?? false, logger })
  } finally {
    clearInterval(still)
  }
}

/** Null when we were told to end, else what ended the store. */
async function endOf(store: Store, signal: AbortSignal): Promise<Error | null> {
  const told = new Promise<null>((resolve) => {
    if (signal.aborted) resolve(null)
    else signal.addEventListener('abort', () => resolve(null), { once: true })
  })
  // Nobody but us closes it, so before that `closed` only tells of a failure.
  return await Promise.race([told, store.closed])
}

async function closeStore(store: Store, logger: Logger): Promise<void> {
  const late = setTimeout(() => {
    logger.error({ storeId: store.storeId }, `not closed in ${CLOSE_TIMEOUT_MS} ms: ending without`)
    process.exit(EXIT_FAILED)
  }, CLOSE_TIMEOUT_MS)
  await store.close()
  clearTimeout(late)
  logger.info({ storeId: store.storeId }, 'closed')
}

function settingsView(effective: readonly EffectiveSetting[]): object {
  const settings = effective.map(({ name, value, source, from }) => [name, { value, source, from }])
  return { settings: Object.fromEntries(settings) }
}

function settingsTable(effective: readonly EffectiveSetting[]): string {
  const rows = effective.map(({ name, value, from }) => [name, shownValue(value), from])
  return formatTable(['setting', 'value', 'from'], rows)
}

function shownValue(value: unknown): string {
  if (value === null || (Array.isArray(value) && value.length === 0)) return '-'
  return typeof value === 'string' ? value : JSON.stringify(value)
}

import { Option } from 'commander'
import { Store } from '../api/store.ts'
import { createLogger } from '../env/node-logger.ts'
import type { Logger } from '../env/ports.ts'
import { EXIT_DONE, EXIT_FAILED } from './exit-codes.ts'
import { Interrupted } from './interruption.ts'
import {
  type EffectiveSetting,
  readServeSettings,
  type ServeSettings,
  serveOptions,
} from './serve-settings.ts'
import { warnOfVariables } from './settings.ts'
import { formatTable } from './table.ts'
import { defineVerb, type VerbContext } from './verb.ts'

/** A store that has not closed by then is left to the recovery of its next start. */
const CLOSE_TIMEOUT_MS = 15_000
/** Recovery of a large directory takes a while: somebody should be told that it goes on. */
const STILL_OPENING_MS = 1_800

interface Flags {
  readonly config?: string
  readonly checkConfig?: boolean
}

export const SERVE = defineVerb<Flags>({
  usage: 'serve',
  summary: 'run one store of a cluster until it is told to end',
  description: [
    'Run one store of a cluster, until SIGTERM or SIGINT: it closes in order and the exit code is 0; a second signal ends ' +
      'it at once. A store that fails by itself ends with 1 and the reason.',
    'One line on stdout says that it is ready; log lines go to stderr as JSON.',
    'Every setting has three names, "dataDir" in a file, --data-dir and FLOTILLA_DATA_DIR: a flag wins over a variable, ' +
      'a variable over the file, the file over the default. Paths in a file begin at its directory.',
    'Key-value regions are there by default. State machines of your own come from an ES module: ' +
      'export const stateMachines = { type: (context) => machine }.',
  ],
  options: () => [
    ...serveOptions(),
    new Option(
      '--config <file>',
      'read settings from this JSON file (default: ./flotilla.json if there is one)',
    ),
    new Option(
      '--check-config',
      'print the settings as they take effect and where each comes from, open nothing',
    ),
  ],
  jsonHelp: 'print the ready line, or with --check-config the settings, as one JSON value',
  examples: [
    'flotilla serve --cluster-id shop --store-id s1 --data-dir ./data/s1 --stores s1=127.0.0.1:7201',
    'FLOTILLA_CLUSTER_ID=shop FLOTILLA_STORE_ID=s1 flotilla serve --data-dir ./data/s1 --stores s1=127.0.0.1:7201 --json',
    'flotilla serve --config s1.json --check-config',
  ],
  run: serve,
})

async function serve(context: VerbContext<Flags>): Promise<number> {
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

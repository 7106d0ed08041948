import { Option } from 'commander'
import { isObject, readConfigFile } from './config-file.ts'
import { DEV_HOST, DEV_PORT, DEV_STORES } from './dev-settings.ts'
import { ALL_SETTINGS } from './setting-table.ts'
import { readSettings, type Setting } from './settings.ts'
import { UsageError } from './usage-error.ts'
import type { VerbContext } from './verb.ts'

const DEFAULT_TIMEOUT_MS = 10_000
const MAX_TIMEOUT_MS = 3_600_000
const STORES_ENV = 'FLOTILLA_STORES'

/** The flags of every verb that talks to a running cluster. */
export interface ClusterFlags {
  readonly stores?: string
  readonly config?: string
  readonly timeoutMs?: string
}

/** Where a cluster is. */
export interface ClusterTarget {
  /** 'host:port' of at least one store. */
  readonly stores: readonly string[]
  /** What named them: for messages. */
  readonly source: string
  /** How long a call may take. */
  readonly timeoutMs: number
}

/** Where `flotilla dev` listens when it is told nothing. */
const DEFAULT_STORES: readonly string[] = Array.from(
  { length: DEV_STORES },
  (_, i) => `${DEV_HOST}:${DEV_PORT + i}`,
)

export function clusterOptions(): Option[] {
  return [
    new Option(
      '--stores <addresses>',
      'stores of the cluster, comma-separated: host:port, or id=host:port; one that answers is enough ' +
        `(${STORES_ENV}; default: where "flotilla dev" listens, ${DEFAULT_STORES.join(',')})`,
    ),
    new Option(
      '--timeout-ms <n>',
      `how long a call to the cluster may take (FLOTILLA_TIMEOUT_MS; default: ${DEFAULT_TIMEOUT_MS}, in ms)`,
    ),
    new Option('--config <file>', 'read both from this JSON file (default: ./flotilla.json if there is one)'),
  ]
}

/** Flag, variable, file, default: the first that is given. Throws UsageError. */
export function findCluster({ flags, env, cwd }: VerbContext<ClusterFlags>): ClusterTarget {
  const file = readConfigFile(flags.config, cwd)
  const rows = ALL_SETTINGS.filter(({ name }) => name === 'timeoutMs')
  const settings = readSettings(rows, { flags: { timeoutMs: flags.timeoutMs }, env, file, cwd })
  const timeoutMs = timeoutOf(settings.get('timeoutMs'))
  if (flags.stores !== undefined) return { ...fromText(flags.stores, '--stores'), timeoutMs }
  const variable = env[STORES_ENV] ?? ''
  if (variable !== '') return { ...fromText(variable, STORES_ENV), timeoutMs }
  const listed = file?.values.stores
  if (file === null || listed === undefined)
    return { stores: DEFAULT_STORES, source: 'the default', timeoutMs }
  if (!isObject(listed)) {
    throw new UsageError(`stores (from ${file.path}) must be an object of addresses by store id`)
  }
  return { ...fromText(Object.values(listed).join(','), file.path), timeoutMs }
}

function timeoutOf(setting: Setting | undefined): number {
  if (setting === undefined) return DEFAULT_TIMEOUT_MS
  const { value, from } = setting
  if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= MAX_TIMEOUT_MS)
    return value
  const text = `timeoutMs must be a whole number from 1 to ${MAX_TIMEOUT_MS}, not ${JSON.stringify(value)}`
  throw new UsageError(`${text} (from ${from})`)
}

function fromText(text: string, source: string): { stores: string[]; source: string } {
  const stores = text.split(',').map((part) => {
    const address = part.trim().replace(/^[^=]*=/, '')
    const match = /^(?:\[[^\]\s]+\]|[^:\s]+):(\d{1,5})$/.exec(address)
    const port = Number(match?.[1])
    if (port >= 1 && port <= 65_535) return address
    throw new UsageError(`${source}: ${JSON.stringify(part)} is no address: give host:port`)
  })
  return { stores, source }
}

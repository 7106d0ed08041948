import { type ClusterFlags, DEFAULT_STORES, DEFAULT_TIMEOUT_MS, STORES_ENV } from './cluster-options.ts'
import { isObject, readConfigFile } from './config-file.ts'
import { ALL_SETTINGS } from './setting-table.ts'
import { readSettings, type Setting } from './settings.ts'
import { UsageError } from './usage-error.ts'
import type { VerbContext } from './verb.ts'

const MAX_TIMEOUT_MS = 3_600_000

/** Where a cluster is. */
export interface ClusterTarget {
  /** 'host:port' of at least one store. */
  readonly stores: readonly string[]
  /** What named them: for messages. */
  readonly source: string
  /** How long a call may take. */
  readonly timeoutMs: number
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

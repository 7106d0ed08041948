import { InvalidArgumentError, Option } from 'commander'
import { readConfigFile } from './config-file.ts'
import { DEV_HOST, DEV_PORT, DEV_STORES } from './dev-settings.ts'
import { UsageError } from './usage-error.ts'
import type { VerbContext } from './verb.ts'

const DEFAULT_TIMEOUT_MS = 10_000
const MAX_TIMEOUT_MS = 3_600_000
const STORES_ENV = 'FLOTILLA_STORES'

/** The flags of every verb that talks to a running cluster. */
export interface ClusterFlags {
  readonly stores?: string
  readonly config?: string
  readonly timeoutMs: number
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
      `stores of the cluster, comma-separated: host:port, or id=host:port; one that answers is enough ` +
        `(${STORES_ENV}; default: where "flotilla dev" listens, ${DEFAULT_STORES.join(',')})`,
    ),
    new Option('--config <file>', 'read "stores" from this file (default: ./flotilla.json if there is one)'),
    new Option('--timeout-ms <ms>', 'how long a call may take')
      .argParser(parseTimeout)
      .default(DEFAULT_TIMEOUT_MS),
  ]
}

/** Flag, variable, file, default: the first that is given. Throws UsageError. */
export function findCluster(context: VerbContext<ClusterFlags>): ClusterTarget {
  const { flags, env, cwd } = context
  const { timeoutMs } = flags
  if (flags.stores !== undefined) return { ...fromText(flags.stores, '--stores'), timeoutMs }
  const variable = env[STORES_ENV] ?? ''
  if (variable !== '') return { ...fromText(variable, STORES_ENV), timeoutMs }
  const file = readConfigFile(flags.config, cwd)
  const listed = file?.values.stores
  if (file === null || listed === undefined)
    return { stores: DEFAULT_STORES, source: 'the default', timeoutMs }
  if (typeof listed !== 'object' || listed === null) {
    throw new UsageError(`stores (from ${file.path}) must be an object of addresses by store id`)
  }
  return { ...fromText(Object.values(listed).join(','), file.path), timeoutMs }
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

function parseTimeout(text: string): number {
  const value = Number(text)
  if (/^\d+$/.test(text) && value >= 1 && value <= MAX_TIMEOUT_MS) return value
  throw new InvalidArgumentError(`Milliseconds from 1 to ${MAX_TIMEOUT_MS} are wanted.`)
}

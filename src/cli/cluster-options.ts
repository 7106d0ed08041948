import { Option } from 'commander'
import { DEV_HOST, DEV_PORT, DEV_STORES } from './dev-settings.ts'

export const DEFAULT_TIMEOUT_MS = 10_000
export const STORES_ENV = 'FLOTILLA_STORES'

/** The flags of every verb that talks to a running cluster. */
export interface ClusterFlags {
  readonly stores?: string
  readonly config?: string
  readonly timeoutMs?: string
}

/** Where `flotilla dev` listens when it is told nothing. */
export const DEFAULT_STORES: readonly string[] = Array.from(
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

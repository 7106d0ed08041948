import { STORE_OPTION_TABLE, type StoreOptionRow } from '../api/option-table.ts'
import { LOG_LEVELS } from './log-levels.ts'

const LOG_LEVEL: StoreOptionRow = {
  name: 'logLevel',
  flag: '--log-level',
  variable: 'FLOTILLA_LOG_LEVEL',
  form: 'text',
  description: `lines of JSON on stderr: ${LOG_LEVELS.join(', ')}`,
  unit: '',
  defaultText: 'info',
}

/** Of commands that talk to a running cluster. */
const TIMEOUT: StoreOptionRow = {
  name: 'timeoutMs',
  flag: '--timeout-ms',
  variable: 'FLOTILLA_TIMEOUT_MS',
  form: 'number',
  description: 'how long a call to the cluster may take',
  unit: 'ms',
  defaultText: '10000',
}

/** What `flotilla serve` can be told, each thing under three names. */
export const SERVE_SETTINGS: readonly StoreOptionRow[] = [
  ...STORE_OPTION_TABLE.filter(({ form }) => form !== 'code'),
  LOG_LEVEL,
]

/** What a file or a FLOTILLA_… variable can set, whichever command reads it. */
export const ALL_SETTINGS: readonly StoreOptionRow[] = [...SERVE_SETTINGS, TIMEOUT]

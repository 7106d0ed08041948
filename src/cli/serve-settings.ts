import { Option } from 'commander'
import { type CheckedOptions, optionOf, parseStoreOptions } from '../api/options.ts'
import type { StoreOptionRow } from '../api/option-table.ts'
import type { StateMachineFactory } from '../api/state-machine.ts'
import type { LogLevel } from '../env/node-logger.ts'
import { readConfigFile } from './config-file.ts'
import { LOG_LEVELS } from './log-levels.ts'
import { SERVE_SETTINGS } from './setting-table.ts'
import { readSettings, type Setting, type SettingSource } from './settings.ts'
import { loadStateMachines } from './state-machine-module.ts'
import { UsageError } from './usage-error.ts'
import type { VerbContext } from './verb.ts'

/** A store's settings, checked. */
export interface ServeSettings {
  readonly options: CheckedOptions
  readonly logLevel: LogLevel
  /** Every setting as it takes effect, in the order of the table. */
  readonly effective: readonly EffectiveSetting[]
}

export interface EffectiveSetting extends Setting {
  readonly name: string
}

/** The flags of `serve`, made from the table. */
export function serveOptions(): Option[] {
  return SERVE_SETTINGS.flatMap((row) => {
    const rule = row.defaultText === null ? 'required' : `default: ${row.defaultText}`
    const text = `${row.description} (${row.variable}; ${rule}${row.unit === '' ? '' : `, in ${row.unit}`})`
    if (row.form !== 'switch') return [new Option(`${row.flag} ${placeholderOf(row)}`, text)]
    return [
      new Option(row.flag, text),
      new Option(`--no-${row.flag.slice(2)}`, `the opposite of ${row.flag}`),
    ]
  })
}

function placeholderOf({ form, name }: StoreOptionRow): string {
  const words = {
    text: name === 'listen' ? '<address>' : name === 'logLevel' ? '<level>' : '<name>',
    path: '<dir>',
    number: '<n>',
    addresses: '<id=host:port,…>',
    list: '<a,b,…>',
    module: '<module>',
  } as const
  return form in words ? words[form as keyof typeof words] : '<value>'
}

/** Reads and checks flags, variables and file; opens nothing. Throws UsageError, which says where a bad value stands. */
export async function readServeSettings(
  context: VerbContext<{ readonly config?: string }>,
): Promise<ServeSettings> {
  const { flags, env, cwd } = context
  const file = readConfigFile(flags.config, cwd)
  const sources = { flags: flags as Readonly<Record<string, unknown>>, env, file, cwd }
  const given = readSettings(SERVE_SETTINGS, sources)
  refuseMissing(given)
  const logLevel = logLevelOf(given)
  const module = given.get('stateMachines')
  const stateMachines = module === undefined ? {} : await loadStateMachines(module)
  const options = check(given, stateMachines)
  return { options, logLevel, effective: effectiveOf(given, options, logLevel) }
}

function refuseMissing(given: ReadonlyMap<string, Setting>): void {
  const missing = SERVE_SETTINGS.filter(({ name, defaultText }) => defaultText === null && !given.has(name))
  if (missing.length === 0) return
  const names = missing.map(({ name, flag, variable }) => `${name} (${flag} or ${variable})`)
  throw new UsageError(`not given: ${names.join(', ')}; a file may name them too (--config)`)
}

function logLevelOf(given: ReadonlyMap<string, Setting>): LogLevel {
  const setting = given.get('logLevel')
  if (setting === undefined) return 'info'
  const level = LOG_LEVELS.find((known) => known === setting.value)
  if (level !== undefined) return level
  const text = `logLevel must be one of ${LOG_LEVELS.join(', ')}, not ${JSON.stringify(setting.value)}`
  throw new UsageError(`${text} (from ${setting.from})`)
}

function check(
  given: ReadonlyMap<string, Setting>,
  stateMachines: Readonly<Record<string, StateMachineFactory>>,
): CheckedOptions {
  const options: Record<string, unknown> = {}
  for (const [name, { value }] of given) if (!name.includes('.')) options[name] = value
  options.stateMachines = stateMachines
  options.kv = kvOf(given)
  delete options.logLevel
  try {
    return parseStoreOptions(options)
  } catch (error) {
    const from = given.get(optionOf(error))?.from
    throw new UsageError(`${(error as Error).message}${from === undefined ? '' : ` (from ${from})`}`)
  }
}

const RANK: Readonly<Record<SettingSource, number>> = { default: 0, file: 1, env: 2, flag: 3 }

/** "No regions" wins over regions that a weaker source describes, and contradicts those of its own and of a stronger one. */
function kvOf(given: ReadonlyMap<string, Setting>): unknown {
  const whole = given.get('kv')
  const parts = ['splitKeys', 'members'].flatMap((key) => {
    const setting = given.get(`kv.${key}`)
    return setting === undefined ? [] : [{ key, ...setting }]
  })
  if (whole === undefined || whole.value === true) {
    return Object.fromEntries(parts.map(({ key, value }) => [key, value]))
  }
  const against = parts.find(({ source }) => RANK[source] >= RANK[whole.source])
  if (whole.value !== false || against === undefined) return whole.value
  throw new UsageError(
    `kv is false (from ${whole.from}) and kv.${against.key} is given (from ${against.from})`,
  )
}

function effectiveOf(
  given: ReadonlyMap<string, Setting>,
  options: CheckedOptions,
  logLevel: LogLevel,
): EffectiveSetting[] {
  const byDefault: Readonly<Record<string, unknown>> = {
    ...options,
    kv: options.kv !== null,
    'kv.splitKeys': options.kv?.splitKeys ?? [],
    'kv.members': options.kv?.members ?? [],
    stateMachines: null,
    logLevel,
  }
  return SERVE_SETTINGS.map(({ name }) => {
    const overruled = options.kv === null && name.startsWith('kv.')
    const setting = overruled ? undefined : given.get(name)
    return { name, ...(setting ?? { value: byDefault[name], source: 'default', from: 'default' }) }
  })
}

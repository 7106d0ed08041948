import { dirname } from 'node:path'
import type { StoreOptionRow } from '../api/option-table.ts'
import { type ConfigFile, isObject } from './config-file.ts'
import { ALL_SETTINGS } from './setting-table.ts'
import { valueOfText } from './setting-text.ts'
import type { VerbContext } from './verb.ts'

/** What wins, highest first. */
export type SettingSource = 'flag' | 'env' | 'file' | 'default'

export interface Setting {
  readonly value: unknown
  readonly source: SettingSource
  /** Where it stands: '--data-dir', 'FLOTILLA_DATA_DIR', the path of the file, 'default'. */
  readonly from: string
}

export interface SettingSources {
  /** As commander has them: texts by camel-cased flag. */
  readonly flags: Readonly<Record<string, unknown>>
  readonly env: NodeJS.ProcessEnv
  readonly file: ConfigFile | null
  readonly cwd: string
}

/** What is given for each of `rows`, by name; what is given nowhere is absent. Throws UsageError. */
export function readSettings(rows: readonly StoreOptionRow[], sources: SettingSources): Map<string, Setting> {
  const settings = new Map<string, Setting>()
  for (const row of rows) {
    const setting = fromFlag(row, sources) ?? fromVariable(row, sources) ?? fromFile(row, sources.file)
    if (setting !== null) settings.set(row.name, setting)
  }
  return settings
}

/** Tells of variables that look like settings and are none: misspelt, most likely. */
export function warnOfVariables({ env, output }: Pick<VerbContext, 'env' | 'output'>): void {
  const known = new Set(ALL_SETTINGS.map(({ variable }) => variable))
  const strange = Object.keys(env).filter((name) => name.startsWith('FLOTILLA_') && !known.has(name))
  for (const name of strange) output.note(`warning: ${name} is no setting`)
}

function fromFlag(row: StoreOptionRow, { flags, cwd }: SettingSources): Setting | null {
  const key = row.flag.slice(2).replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())
  const given = flags[key]
  if (given === undefined) return null
  // A switch has two flags and commander says which.
  if (typeof given === 'boolean') {
    return { value: given, source: 'flag', from: given ? row.flag : `--no-${row.flag.slice(2)}` }
  }
  return { value: valueOfText(row, String(given), row.flag, cwd), source: 'flag', from: row.flag }
}

/** An empty variable is one that is not set, as in most shells' and containers' files. */
function fromVariable(row: StoreOptionRow, { env, cwd }: SettingSources): Setting | null {
  const text = env[row.variable] ?? ''
  if (text === '') return null
  return { value: valueOfText(row, text, row.variable, cwd), source: 'env', from: row.variable }
}

function fromFile(row: StoreOptionRow, file: ConfigFile | null): Setting | null {
  if (file === null) return null
  const [name, part] = row.name.split('.') as [string, string?]
  const whole = file.values[name]
  const isParts = row.form === 'switch' && typeof whole === 'object' && whole !== null
  const given = part === undefined ? whole : isObject(whole) ? whole[part] : undefined
  if (given === undefined || isParts) return null
  const isPath = (row.form === 'path' || row.form === 'module') && typeof given === 'string'
  const value = isPath ? valueOfText(row, given, file.path, dirname(file.path)) : given
  return { value, source: 'file', from: file.path }
}

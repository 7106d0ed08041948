import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { ALL_SETTINGS } from './setting-table.ts'
import { UsageError } from './usage-error.ts'

const DEFAULT_FILE = 'flotilla.json'

export interface ConfigFile {
  /** Absolute. */
  readonly path: string
  readonly values: Readonly<Record<string, unknown>>
}

/** The file that `--config` names, else ./flotilla.json, else null. Throws UsageError. */
export function readConfigFile(named: string | undefined, cwd: string): ConfigFile | null {
  const path = resolve(cwd, named ?? DEFAULT_FILE)
  const text = readText(path, named !== undefined)
  if (text === null) return null
  let values: unknown
  try {
    // An editor may have put a byte order mark before the first line.
    values = JSON.parse(text.replace(/^\ufeff/, ''))
  } catch (error) {
    throw new UsageError(`${path} is no JSON: ${(error as Error).message}`)
  }
  if (typeof values !== 'object' || values === null || Array.isArray(values)) {
    throw new UsageError(`${path} must hold an object`)
  }
  const file = { path, values: values as Record<string, unknown> }
  checkNames(file)
  return file
}

function readText(path: string, mustExist: boolean): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' && !mustExist) return null
    throw new UsageError(`${path} cannot be read: ${code === 'ENOENT' ? 'there is none' : message}`)
  }
}

/** Refuses names in a file that no command knows. Throws UsageError. */
function checkNames(file: ConfigFile): void {
  const names = ALL_SETTINGS.map(({ name }) => name)
  const tops = names.filter((name) => !name.includes('.'))
  refuseOthers(Object.keys(file.values), tops, '', file.path)
  for (const top of tops) {
    const whole = file.values[top]
    const parts = names.filter((name) => name.startsWith(`${top}.`)).map((name) => name.slice(top.length + 1))
    if (parts.length > 0 && isObject(whole)) refuseOthers(Object.keys(whole), parts, `${top}.`, file.path)
  }
}

function refuseOthers(
  given: readonly string[],
  known: readonly string[],
  prefix: string,
  path: string,
): void {
  const unknown = given.filter((name) => !known.includes(name)).map((name) => prefix + name)
  if (unknown.length === 0) return
  throw new UsageError(`unknown option ${unknown.join(', ')} in ${path}: known are ${known.join(', ')}`)
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
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
    values = JSON.parse(text)
  } catch (error) {
    throw new UsageError(`${path} is no JSON: ${(error as Error).message}`)
  }
  if (typeof values !== 'object' || values === null || Array.isArray(values)) {
    throw new UsageError(`${path} must hold an object`)
  }
  return { path, values: values as Record<string, unknown> }
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

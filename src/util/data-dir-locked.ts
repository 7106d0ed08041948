import { FlotillaError } from './errors.ts'

/** DATA_DIR_LOCKED: somebody else has the database in `path` open. */
export function dataDirLocked(path: string, cause?: unknown): FlotillaError {
  const text = `${path} is open in this or another process. Close the store that has it open, or give this one a directory of its own`
  return new FlotillaError('DATA_DIR_LOCKED', text, { cause })
}

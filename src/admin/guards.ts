import { LOG_REMEDY } from '../storage/log-damage.ts'
import { FlotillaError } from '../util/errors.ts'
import type { Guard } from './inspected-store.ts'

/** How many files a note names. */
const NAMED_LEFTOVERS = 3

export function ok(name: string, detail: string): Guard {
  return { name, verdict: 'ok', detail }
}

export function note(name: string, detail: string): Guard {
  return { name, verdict: 'note', detail }
}

export function skipped(name: string, because: string): Guard {
  return { name, verdict: 'skipped', detail: because }
}

export function damaged(name: string, detail: string, remedy: string): Guard {
  return { name, verdict: 'damaged', detail, remedy }
}

/** A sound guard of tables, beside which lie some that are no part of the database. */
export function withLeftovers({ name, detail }: Guard, leftovers: readonly string[]): Guard {
  if (leftovers.length === 0) return ok(name, detail)
  const some = leftovers.slice(0, NAMED_LEFTOVERS).join(', ')
  const names =
    leftovers.length > NAMED_LEFTOVERS ? `${some} and ${leftovers.length - NAMED_LEFTOVERS} more` : some
  return note(name, `${detail}; ${names}, left there when the process ended, will be removed`)
}

/** Damage of what a store votes and acks by. */
export function damagedLog(name: string, detail: string): Guard {
  return { name, verdict: 'damaged', detail, remedy: LOG_REMEDY }
}

/**
 * What an error says of the damage in `dir`: without the directory, which is known, and the remedy, which is told apart.
 * Anything but a word about the disk is thrown on.
 */
export function whatIsWrong(error: unknown, dir: string): string {
  if (!(error instanceof FlotillaError)) throw error
  if (!['CORRUPT', 'STORAGE_FAILED', 'IDENTITY_MISMATCH'].includes(error.shortName)) throw error
  const message = error.message.replace(` in ${dir}`, '').replace(LOG_REMEDY, '').trim()
  return message.replace(/\.$/, '')
}

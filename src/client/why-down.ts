import { FlotillaError } from '../util/errors.ts'
import type { LocalReplica } from './ports.ts'

/** Why a replica of this process answers nothing. One whose state is gone says so itself: it is not broken. */
export function whyDown(storeId: string, { groupId, error }: LocalReplica): FlotillaError {
  if (error?.shortName === 'STATE_LOST') return error
  const text = `the replica of ${groupId} on store ${storeId} is down: ${error?.message ?? ''}`
  return new FlotillaError('GROUP_FAILED', text, { outcome: 'not-applied' })
}

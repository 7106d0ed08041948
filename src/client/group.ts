import { FlotillaError } from '../util/errors.ts'
import { MAX_GROUP_ID_BYTES } from '../util/limits.ts'
import type { ApplyResult } from './apply-call.ts'
import type { GroupDescription } from './group-description.ts'
import type { CallOptions } from './pending-call.ts'
import { asBuffer, type ReadIndexResult } from './read-calls.ts'
import type { ApplyOptions, QueryOptions, Router } from './router.ts'

/** Names of the engine's own groups begin so. */
export const KV_GROUP_PREFIX = 'kv/'

/** A handle on a replicated group. It costs nothing, opens nothing and needs no closing; it works from any store. */
export class Group {
  readonly groupId: string
  readonly #router: Router

  /** Throws INVALID_ARGUMENT when no group can be named so. */
  constructor(router: Router, groupId: string) {
    const bytes = typeof groupId === 'string' ? Buffer.byteLength(groupId) : 0
    if (bytes === 0 || bytes > MAX_GROUP_ID_BYTES) {
      const name = typeof groupId === 'string' ? JSON.stringify(groupId) : String(groupId)
      const text = `a group's name is a text of 1 to ${MAX_GROUP_ID_BYTES} bytes, not ${name}`
      throw new FlotillaError('INVALID_ARGUMENT', text)
    }
    this.#router = router
    this.groupId = groupId
  }

  /**
   * Replicates `data` and resolves with the state machine's reply once a majority holds it durably and the leader has
   * applied it. `data` (at most 5 MiB) must not change until then. Rejects with a FlotillaError: `outcome` says whether it
   * may take effect all the same (TIMEOUT, CONNECTION_LOST, ABORTED); BUSY and TOO_LARGE are certain refusals.
   */
  apply(data: Uint8Array, options?: ApplyOptions): Promise<ApplyResult> {
    if (!(data instanceof Uint8Array)) return Promise.reject(notBytes('data', data))
    if (this.groupId.startsWith(KV_GROUP_PREFIX)) {
      const text = `group ${this.groupId} is a key-value region: write through store.kv()`
      return Promise.reject(new FlotillaError('INVALID_ARGUMENT', text))
    }
    return this.#router.apply(this.groupId, asBuffer(data), options)
  }

  /**
   * Asks the state machine (`onQuery`). Linearizable by default: the answer holds everything that was acknowledged before
   * the call began. `consistency: 'stale'` takes any replica's state as it is.
   */
  query(data: Uint8Array, options?: QueryOptions): Promise<Buffer> {
    if (!(data instanceof Uint8Array)) return Promise.reject(notBytes('data', data))
    return this.#router.query(this.groupId, asBuffer(data), options)
  }

  /** Resolves when this store's replica has applied everything acknowledged before; elsewhere with a member's index. */
  readIndex(options?: CallOptions): Promise<ReadIndexResult> {
    return this.#router.readIndex(this.groupId, options)
  }

  /** How the replica on this store sees the group; without one, how a member does. */
  describe(options?: CallOptions): Promise<GroupDescription> {
    return this.#router.describe(this.groupId, options)
  }
}

function notBytes(name: string, value: unknown): FlotillaError {
  return new FlotillaError('INVALID_ARGUMENT', `${name} must be a Buffer or Uint8Array, not ${typeof value}`)
}

import type { Logger } from '../env/ports.ts'
import type { ReplicaRecord } from '../storage/replica-write.ts'
import { FlotillaError, toFlotillaError } from '../util/errors.ts'
import { KV_TYPE } from './group-replica.ts'
import { type FsmFactory, StateMachineFsm } from './state-machine-fsm.ts'

/** The state machine of a replica: null when it lies in the shard's worker, an error when there can be none here. */
export function makeMachine(
  { groupId, type, args }: ReplicaRecord,
  storeId: string,
  types: ReadonlyMap<string, FsmFactory>,
  logger: Logger,
): StateMachineFsm | FlotillaError | null {
  if (type === KV_TYPE) return null
  const factory = types.get(type)
  if (factory === undefined) {
    const text = `group ${groupId} is of type ${type}, which is not registered on store ${storeId}`
    return new FlotillaError('UNKNOWN_TYPE', text)
  }
  try {
    return new StateMachineFsm(factory({ groupId, storeId, args, logger: logger.child({ group: groupId }) }))
  } catch (error) {
    const why = toFlotillaError(error).message
    const text = `the factory of type ${type} failed for group ${groupId}: ${why}`
    return new FlotillaError('STATE_MACHINE_FAILED', text, { cause: error })
  }
}

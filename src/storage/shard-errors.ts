import { FlotillaError } from '../util/errors.ts'
import type { WireError } from './shard-protocol.ts'

export function workerDied(shardIndex: number, error: Error | null): FlotillaError {
  const why = error ? error.message : 'it ended without being told to'
  return new FlotillaError('STORAGE_FAILED', `The worker of shard ${shardIndex} died: ${why}`, {
    cause: error,
  })
}

export function closed(): FlotillaError {
  return new FlotillaError('CLOSED', 'The store is closed.')
}

export function busy(): FlotillaError {
  return new FlotillaError('BUSY', 'Too many reads wait for the shard.')
}

export function fromWireError({ name, message }: WireError): FlotillaError {
  return new FlotillaError(name, message)
}

import type { Logger } from '../env/ports.ts'
import { parseAddress } from '../rpc/handshake.ts'
import { FlotillaError } from '../util/errors.ts'
import {
  DEFAULT_CONNECT_TIMEOUT_MS,
  MAX_CALL_TIMEOUT_MS,
  MAX_CLIENT_SEEDS,
  MAX_NAME_BYTES,
} from '../util/limits.ts'
import { shown } from './options.ts'

/** What `Client.connect` takes. */
export interface ClientOptions {
  /** 'host:port' of stores of the cluster, at least one, at most 64. Any will do: the others are learned from them. */
  readonly stores: readonly string[]
  /** Refuse stores of another cluster. Default: the cluster that the stores belong to; all of them to one. */
  readonly clusterId?: string | undefined
  /** How long `connect` looks for a store that answers, in milliseconds. Default 5000, at most a day. */
  readonly connectTimeoutMs?: number | undefined
  /** pino, or anything of its shape. Default: silent. */
  readonly logger?: Logger | undefined
}

export interface CheckedClientOptions {
  readonly stores: readonly string[]
  /** '' when it is to be learned. */
  readonly clusterId: string
  readonly connectTimeoutMs: number
  readonly logger: Logger | undefined
}

const KEYS = ['stores', 'clusterId', 'connectTimeoutMs', 'logger']

/** Throws INVALID_ARGUMENT, naming the option, its value and what is expected. */
export function parseClientOptions(options: unknown): CheckedClientOptions {
  if (typeof options !== 'object' || options === null) throw expected('the options', 'an object', options)
  const unknown = Object.keys(options).filter((key) => !KEYS.includes(key))
  if (unknown.length > 0) throw invalid(`unknown option ${unknown.join(', ')}: known are ${KEYS.join(', ')}`)
  const { stores, clusterId, connectTimeoutMs, logger } = options as Record<keyof ClientOptions, unknown>
  return {
    stores: checkStores(stores),
    clusterId: clusterId === undefined ? '' : checkName(clusterId),
    connectTimeoutMs:
      connectTimeoutMs === undefined ? DEFAULT_CONNECT_TIMEOUT_MS : checkTime(connectTimeoutMs),
    logger: checkLogger(logger),
  }
}

function checkStores(stores: unknown): readonly string[] {
  const what = `a list of 1 to ${MAX_CLIENT_SEEDS} addresses 'host:port'`
  if (!Array.isArray(stores) || stores.length === 0 || stores.length > MAX_CLIENT_SEEDS) {
    throw expected('stores', what, stores)
  }
  for (const address of stores) {
    if (typeof address !== 'string') throw expected('stores', what, stores)
    parseAddress(address)
  }
  return [...new Set(stores as string[])]
}

function checkName(clusterId: unknown): string {
  const sound =
    typeof clusterId === 'string' && clusterId !== '' && Buffer.byteLength(clusterId) <= MAX_NAME_BYTES
  if (!sound) throw expected('clusterId', `a text of 1 to ${MAX_NAME_BYTES} bytes`, clusterId)
  return clusterId
}

function checkTime(ms: unknown): number {
  const sound = typeof ms === 'number' && ms > 0 && ms <= MAX_CALL_TIMEOUT_MS
  if (!sound) throw expected('connectTimeoutMs', `a number above 0 and at most ${MAX_CALL_TIMEOUT_MS}`, ms)
  return ms
}

/** Its methods are looked at by the one who uses them. */
function checkLogger(logger: unknown): Logger | undefined {
  if (logger === undefined || (typeof logger === 'object' && logger !== null))
    return logger as Logger | undefined
  throw expected('logger', "a logger of pino's shape (debug, info, warn, error, child)", logger)
}

function expected(option: string, what: string, value: unknown): FlotillaError {
  return invalid(`${option} must be ${what}, not ${shown(value)}`)
}

function invalid(message: string): FlotillaError {
  return new FlotillaError('INVALID_ARGUMENT', message)
}

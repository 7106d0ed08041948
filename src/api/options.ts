import type { z } from 'zod'
import type { Logger } from '../env/ports.ts'
import { RegionMap, type SplitKey } from '../kv/regions.ts'
import { CLIENT_ID_PREFIX, isClientId } from '../rpc/handshake.ts'
import { KV_TYPE } from '../store/group-replica.ts'
import { FlotillaError } from '../util/errors.ts'
import { MAX_KEY_BYTES, MAX_MEMBERS } from '../util/limits.ts'
import { KV_SCHEMA, nameRule, STORE_SCHEMA } from './option-schema.ts'
import type { StateMachineFactory } from './state-machine.ts'

/** What `Store.open` takes. */
export interface StoreOptions {
  /** Name of the cluster, 1 to 255 bytes. A store refuses to talk to another cluster's. */
  readonly clusterId: string
  /** Name of this store, 1 to 255 bytes. It is part of the data directory and may not change. */
  readonly storeId: string
  /** Directory of this store's data; made when absent. One store at a time. */
  readonly dataDir: string
  /**
   * The first address book: 'host:port' of every store, this one included, by store id. Port 0 means that the address is
   * not known yet: `setAddress` tells it.
   */
  readonly stores: Readonly<Record<string, string>>
  /** Where to listen. Default: this store's own entry in `stores`. Port 0 takes a free one. */
  readonly listen?: string | undefined
  /** Log shards, each a thread and a stream of fsyncs: one per disk is best. 1 to 64, default 1; fixed at birth. */
  readonly shards?: number | undefined
  /** A follower that heard no leader for this long stands for election. 50 to 60000 ms, default 1000. */
  readonly electionTimeoutMs?: number | undefined
  /** Interval of heartbeats, below half the election timeout. Default: a tenth of it. */
  readonly heartbeatIntervalMs?: number | undefined
  /**
   * Bytes of logs that this store keeps for followers that lag, all its groups together: at least 1 MiB, default 4 GiB. What
   * every member of a group has is cut from its log anyway, once the state holds it durably. Past this budget the longest
   * logs are cut also of what a follower lacks: it is left behind and waits for a snapshot. Logs of groups whose state is not
   * durable (your own state machines) are kept whole and do not count.
   */
  readonly maxLogBytes?: number | undefined
  /**
   * The key-value regions: where they part, and which stores hold them (default: all of `stores`). The same on every store.
   * What a store has recorded at its first start wins over what it is told later. `false`: none.
   */
  readonly kv?:
    | false
    | { readonly splitKeys?: readonly SplitKey[]; readonly members?: readonly string[] }
    | undefined
  /** Factories of state machines, by the type that `createGroup` names. */
  readonly stateMachines?: Readonly<Record<string, StateMachineFactory>> | undefined
  /** pino, or anything of its shape. Default: silent. */
  readonly logger?: Logger | undefined
}

/** The options with their defaults. */
export interface CheckedOptions {
  readonly clusterId: string
  readonly storeId: string
  readonly dataDir: string
  readonly stores: Readonly<Record<string, string>>
  readonly listen: string
  readonly shards: number
  readonly electionTimeoutMs: number
  readonly heartbeatIntervalMs: number
  readonly maxLogBytes: number
  readonly kv: null | { readonly splitKeys: readonly SplitKey[]; readonly members: readonly string[] }
  readonly stateMachines: Readonly<Record<string, StateMachineFactory>>
  readonly logger: Logger | undefined
}

/** Throws INVALID_ARGUMENT, naming the option, its value and what is expected. */
export function parseStoreOptions(options: unknown): CheckedOptions {
  const parsed = STORE_SCHEMA.safeParse(options)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!
    throw invalid(describeIssue(issue, options), nameOf(issue.path))
  }
  const { data } = parsed
  const storeIds = Object.keys(data.stores).sort()
  const listen = data.listen ?? data.stores[data.storeId]
  if (listen === undefined) {
    const text = `stores has no entry for this store, ${shown(data.storeId)}, and listen is not given`
    throw invalid(text, 'stores')
  }
  const heartbeatIntervalMs = data.heartbeatIntervalMs ?? Math.max(5, Math.floor(data.electionTimeoutMs / 10))
  if (heartbeatIntervalMs * 2 > data.electionTimeoutMs) {
    const text = `at most half of electionTimeoutMs (${data.electionTimeoutMs})`
    throw invalid(`heartbeatIntervalMs must be ${text}, not ${heartbeatIntervalMs}`, 'heartbeatIntervalMs')
  }
  if (isClientId(data.storeId)) {
    throw invalid(`storeId must not begin as the names of clients do, with ${CLIENT_ID_PREFIX}`, 'storeId')
  }
  checkAddresses(data.stores)
  if (KV_TYPE in data.stateMachines) {
    throw invalid(
      `stateMachines must not name the type ${KV_TYPE}: the key-value regions are of it`,
      'stateMachines',
    )
  }
  const kvMembers = data.kv === false ? [] : (data.kv.members ?? storeIds)
  checkMembers('kv.members', kvMembers, storeIds)
  if (data.kv !== false) checkSplitKeys(data.kv.splitKeys)
  return {
    ...data,
    listen,
    heartbeatIntervalMs,
    kv: data.kv === false ? null : { splitKeys: data.kv.splitKeys, members: [...kvMembers].sort() },
    logger: data.logger,
  }
}

/** Throws INVALID_ARGUMENT when a member is unknown or named twice, or when there are too many. */
export function checkMembers(what: string, members: readonly string[], known: readonly string[]): void {
  if (members.length > MAX_MEMBERS) {
    throw invalid(`${what} has ${members.length} stores, at most ${MAX_MEMBERS} are possible`, what)
  }
  members.forEach((member, i) => {
    if (!known.includes(member))
      throw invalid(`${what} names ${shown(member)}, which is not among the stores`, what)
    if (members.indexOf(member) !== i) throw invalid(`${what} names ${shown(member)} twice`, what)
  })
}

/** Port 0 is no address yet. */
function checkAddresses(stores: Readonly<Record<string, string>>): void {
  const byAddress = new Map<string, string>()
  for (const [storeId, address] of Object.entries(stores)) {
    if (/:0+$/.test(address)) continue
    const other = byAddress.get(address)
    if (other !== undefined) {
      const text = `stores gives ${shown(other)} and ${shown(storeId)} the same address, ${shown(address)}`
      throw invalid(`${text}: each store needs one of its own`, 'stores')
    }
    byAddress.set(address, storeId)
  }
}

function checkSplitKeys(splitKeys: readonly SplitKey[]): void {
  splitKeys.forEach((one, i) => {
    const key = typeof one === 'object' && 'key' in one ? one.key : one
    const bytes = Buffer.byteLength(key)
    if (bytes <= MAX_KEY_BYTES) return
    throw invalid(`kv.splitKeys.${i} has ${bytes} bytes, a key may have ${MAX_KEY_BYTES}`, 'kv.splitKeys')
  })
  try {
    RegionMap.fromSplitKeys(splitKeys)
  } catch (error) {
    throw invalid((error as Error).message, 'kv.splitKeys')
  }
}

/** The error names the option that it is about, for those who know where its value came from. */
function invalid(message: string, option: string): FlotillaError & { readonly option: string } {
  return Object.assign(new FlotillaError('INVALID_ARGUMENT', message), { option })
}

/** The name, as the table of options has it, of the option that an error of `parseStoreOptions` is about; else ''. */
export function optionOf(error: unknown): string {
  return error instanceof FlotillaError && 'option' in error ? String(error.option) : ''
}

/** 'stores' of stores.s1, 'kv.splitKeys' of kv.splitKeys.0. */
function nameOf(path: readonly PropertyKey[]): string {
  return path.slice(0, path[0] === 'kv' ? 2 : 1).join('.')
}

type Issue = z.core.$ZodIssue

function describeIssue(issue: Issue, options: unknown): string {
  const path = issue.path.map(String)
  if (issue.code === 'unrecognized_keys') {
    const unknown = issue.keys.map((key) => [...path, key].join('.'))
    return `unknown option ${unknown.join(', ')}: ${knownKeys(path)}`
  }
  const deeper = issue.code === 'invalid_union' ? deepestUnrecognized(issue) : null
  if (deeper !== null) return describeIssue({ ...deeper, path: [...issue.path, ...deeper.path] }, options)
  if (issue.code === 'invalid_key') {
    return `a name in ${path.slice(0, -1).join('.')} must be ${nameRule()}, not ${shown(path.at(-1))}`
  }
  const named = path.length === 0 ? 'the options' : path.join('.')
  return `${named} must be ${issue.message}, not ${shown(valueAt(options, issue.path))}`
}

/** A misspelt key within one form of a union is the likely mistake, not the other form. */
function deepestUnrecognized(issue: Issue & { code: 'invalid_union' }): Issue | null {
  for (const form of issue.errors) {
    for (const one of form) if (one.code === 'unrecognized_keys' || one.path.length > 0) return one
  }
  return null
}

function knownKeys(path: readonly string[]): string {
  const shape =
    path.length === 0 ? STORE_SCHEMA.shape : path[0] === 'kv' && path.length === 1 ? KV_SCHEMA.shape : null
  return shape === null ? 'it is not known' : `known are ${Object.keys(shape).join(', ')}`
}

function valueAt(options: unknown, path: readonly PropertyKey[]): unknown {
  let value = options
  for (const key of path) {
    if (typeof value !== 'object' || value === null) return undefined
    value = (value as Record<PropertyKey, unknown>)[key]
  }
  return value
}

/** A value as it may stand in a message: short, and without line breaks. */
export function shown(value: unknown): string {
  if (value === undefined) return 'undefined'
  if (typeof value === 'function') return 'a function'
  // JSON knows neither NaN nor these.
  if (typeof value === 'number') return String(value)
  if (typeof value === 'bigint') return `${value}n`
  let text: string
  try {
    text = JSON.stringify(value) ?? String(value)
  } catch {
    text = typeof value
  }
  return text.length > 80 ? `${text.slice(0, 77)}…` : text
}

import { z } from 'zod'
import type { Logger } from '../env/ports.ts'
import type { SplitKey } from '../kv/regions.ts'
import { FlotillaError } from '../util/errors.ts'
import {
  MAX_ELECTION_TIMEOUT_MS,
  MAX_MEMBERS,
  MAX_NAME_BYTES,
  MAX_REGIONS,
  MAX_SHARDS,
  MIN_ELECTION_TIMEOUT_MS,
} from '../util/limits.ts'
import type { StateMachineFactory } from './state-machine.ts'

/** Every error of the schema says what is expected; {@link parseStoreOptions} adds the option's name and its value. */
const NAME = `a text of 1 to ${MAX_NAME_BYTES} bytes`
const ADDRESS = "an address 'host:port' (or '[v6]:port')"

const name = z.string(NAME).refine((text) => isName(text), NAME)
const address = z.string(ADDRESS).regex(/^(\[[^\]]+\]|[^:\s]+):\d{1,5}$/, ADDRESS)

function isName(text: string): boolean {
  const bytes = Buffer.byteLength(text)
  return bytes > 0 && bytes <= MAX_NAME_BYTES
}

function wholeNumber(low: number, high: number) {
  const expected = `a whole number from ${low} to ${high}`
  return z.number(expected).int(expected).min(low, expected).max(high, expected)
}

function isFunction(value: unknown): boolean {
  return typeof value === 'function'
}

const KEY = 'a string or a Buffer'
const key = z.custom<string | Uint8Array>(
  (value) => typeof value === 'string' || value instanceof Uint8Array,
  KEY,
)
const splitKey: z.ZodType<SplitKey> = z.union([key, z.strictObject({ keyspace: name.optional(), key })], {
  error: `a key (${KEY}) of the keyspace 'default', or { keyspace, key }`,
})

const kv = z.strictObject(
  {
    splitKeys: z
      .array(splitKey, 'a list of keys')
      .max(MAX_REGIONS - 1, `a list of at most ${MAX_REGIONS - 1} keys`)
      .default([]),
    members: z
      .array(name, 'a list of store ids')
      .min(1, 'a list of at least one store id')
      .max(MAX_MEMBERS, `a list of at most ${MAX_MEMBERS} store ids`)
      .optional(),
  },
  'false, or { splitKeys, members }',
)

const LOGGER = "a logger of pino's shape (debug, info, warn, error, child)"
const FACTORY = 'a function that makes a state machine'

const schema = z.strictObject(
  {
    clusterId: name,
    storeId: name,
    dataDir: z.string('the path of a directory').min(1, 'the path of a directory'),
    stores: z.record(name, address, "an object of addresses by store id, { s1: 'host:port', … }"),
    listen: address.optional(),
    shards: wholeNumber(1, MAX_SHARDS).default(1),
    electionTimeoutMs: wholeNumber(MIN_ELECTION_TIMEOUT_MS, MAX_ELECTION_TIMEOUT_MS).default(1_000),
    heartbeatIntervalMs: wholeNumber(5, MAX_ELECTION_TIMEOUT_MS).optional(),
    kv: z.union([z.literal(false), kv], { error: 'false, or { splitKeys, members }' }).prefault({}),
    stateMachines: z
      .record(name, z.custom<StateMachineFactory>(isFunction, FACTORY), 'an object of factories by type')
      .default({}),
    logger: z.custom<Logger>((value) => typeof value === 'object' && value !== null, LOGGER).optional(),
  },
  'an object',
)

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
  readonly kv: null | { readonly splitKeys: readonly SplitKey[]; readonly members: readonly string[] }
  readonly stateMachines: Readonly<Record<string, StateMachineFactory>>
  readonly logger: Logger | undefined
}

/** Throws INVALID_ARGUMENT, naming the option, its value and what is expected. */
export function parseStoreOptions(options: unknown): CheckedOptions {
  const parsed = schema.safeParse(options)
  if (!parsed.success) throw invalid(describeIssue(parsed.error.issues[0]!, options))
  const { data } = parsed
  const storeIds = Object.keys(data.stores).sort()
  const listen = data.listen ?? data.stores[data.storeId]
  if (listen === undefined) {
    throw invalid(`stores has no entry for this store, ${shown(data.storeId)}, and listen is not given`)
  }
  const heartbeatIntervalMs = data.heartbeatIntervalMs ?? Math.max(5, Math.floor(data.electionTimeoutMs / 10))
  if (heartbeatIntervalMs * 2 > data.electionTimeoutMs) {
    const text = `at most half of electionTimeoutMs (${data.electionTimeoutMs})`
    throw invalid(`heartbeatIntervalMs must be ${text}, not ${heartbeatIntervalMs}`)
  }
  const kvMembers = data.kv === false ? [] : (data.kv.members ?? storeIds)
  checkMembers('kv.members', kvMembers, storeIds)
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
    throw invalid(`${what} has ${members.length} stores, at most ${MAX_MEMBERS} are possible`)
  }
  members.forEach((member, i) => {
    if (!known.includes(member))
      throw invalid(`${what} names ${shown(member)}, which is not among the stores`)
    if (members.indexOf(member) !== i) throw invalid(`${what} names ${shown(member)} twice`)
  })
}

function invalid(message: string): FlotillaError {
  return new FlotillaError('INVALID_ARGUMENT', message)
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
  if (issue.code === 'invalid_key') return `${path.join('.')}: a store or type name must be ${NAME}`
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
  const shape = path.length === 0 ? schema.shape : path[0] === 'kv' && path.length === 1 ? kv.shape : null
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
  let text: string
  try {
    text = JSON.stringify(value) ?? String(value)
  } catch {
    text = typeof value
  }
  return text.length > 80 ? `${text.slice(0, 77)}…` : text
}

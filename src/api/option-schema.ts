import { z } from 'zod'
import type { Logger } from '../env/ports.ts'
import type { SplitKey } from '../kv/regions.ts'
import {
  DEFAULT_MAX_LOG_BYTES,
  MAX_ELECTION_TIMEOUT_MS,
  MAX_MEMBERS,
  MAX_NAME_BYTES,
  MAX_REGIONS,
  MAX_SHARDS,
  MIN_ELECTION_TIMEOUT_MS,
  MIN_MAX_LOG_BYTES,
} from '../util/limits.ts'
import type { StateMachineFactory } from './state-machine.ts'

/** How an option is written where there is only text: on a command line, in a variable. `code` has no such form. */
export type OptionForm = 'text' | 'path' | 'number' | 'addresses' | 'list' | 'switch' | 'module' | 'code'

/** What people read of an option. */
export interface OptionMeta {
  readonly form: OptionForm
  /** One sentence without its full stop. */
  readonly description: string
  readonly unit?: string
  /** Where the default is no plain value: in words. */
  readonly defaultText?: string
}

/** Every error of the schema says what is expected; the parser adds the option's name and its value. */
const NAME = `a text of 1 to ${MAX_NAME_BYTES} bytes`
const ADDRESS = "an address 'host:port' (or '[v6]:port')"
const PATH = 'the path of a directory'
const KEY = 'a string or a Buffer'
const KV = 'false, or { splitKeys, members }'
const LOGGER = "a logger of pino's shape (debug, info, warn, error, child)"
const FACTORY = 'a function that makes a state machine'

const name = z.string(NAME).refine(isName, NAME)
const address = z
  .string(ADDRESS)
  .regex(/^(\[[^\]]+\]|[^:\s]+):\d{1,5}$/, ADDRESS)
  .refine(hasPort, ADDRESS)
const key = z.custom<string | Uint8Array>(
  (value) => typeof value === 'string' || value instanceof Uint8Array,
  KEY,
)
const splitKey: z.ZodType<SplitKey> = z.union([key, z.strictObject({ keyspace: name.optional(), key })], {
  error: `a key (${KEY}) of the keyspace 'default', or { keyspace, key }`,
})

export const KV_SCHEMA = z.strictObject(
  {
    splitKeys: z
      .array(splitKey, 'a list of keys')
      .max(MAX_REGIONS - 1, `a list of at most ${MAX_REGIONS - 1} keys`)
      .default([])
      .meta(
        described({
          form: 'list',
          description:
            "keys at which the key-value regions part, of the keyspace 'default' or { keyspace, key }; the same on every store",
          defaultText: 'none: one region',
        }),
      ),
    members: z
      .array(name, 'a list of store ids')
      .min(1, 'a list of at least one store id')
      .max(MAX_MEMBERS, `a list of at most ${MAX_MEMBERS} store ids`)
      .optional()
      .meta(
        described({
          form: 'list',
          description: 'ids of the stores that hold the key-value regions; the same on every store',
          defaultText: 'all of stores',
        }),
      ),
  },
  KV,
)

/** Every option of `Store.open`, its check, its default and its words: types, help and docs are made from it. */
export const STORE_SCHEMA = z.strictObject(
  {
    clusterId: name.meta(
      described({
        form: 'text',
        description: 'name of the cluster; a store refuses to talk to those of another',
      }),
    ),
    storeId: name.meta(
      described({
        form: 'text',
        description: 'name of this store; it is part of the data directory and may not change',
      }),
    ),
    dataDir: z
      .string(PATH)
      .min(1, PATH)
      .refine((path) => !path.includes('\0'), PATH)
      .meta(
        described({
          form: 'path',
          description: "directory of this store's data; made when absent, used by one store at a time",
        }),
      ),
    stores: z.record(name, address, "an object of addresses by store id, { s1: 'host:port', … }").meta(
      described({
        form: 'addresses',
        description: 'address of every store by its id, this one included: the first address book',
      }),
    ),
    listen: address.optional().meta(
      described({
        form: 'text',
        description: 'host:port to listen on; port 0 takes a free one',
        defaultText: "this store's own entry in stores",
      }),
    ),
    shards: wholeNumber(1, MAX_SHARDS)
      .default(1)
      .meta(
        described({
          form: 'number',
          description:
            'log shards, each a thread and a stream of fsyncs: one per disk is best; fixed at birth',
        }),
      ),
    electionTimeoutMs: wholeNumber(MIN_ELECTION_TIMEOUT_MS, MAX_ELECTION_TIMEOUT_MS)
      .default(1_000)
      .meta(
        described({
          form: 'number',
          unit: 'ms',
          description: 'a follower that heard no leader for this long stands for election',
        }),
      ),
    heartbeatIntervalMs: wholeNumber(5, MAX_ELECTION_TIMEOUT_MS)
      .optional()
      .meta(
        described({
          form: 'number',
          unit: 'ms',
          description: 'interval of heartbeats, at most half the election timeout',
          defaultText: 'a tenth of electionTimeoutMs',
        }),
      ),
    maxLogBytes: wholeNumber(MIN_MAX_LOG_BYTES, Number.MAX_SAFE_INTEGER)
      .default(DEFAULT_MAX_LOG_BYTES)
      .meta(
        described({
          form: 'number',
          unit: 'bytes',
          description:
            'logs kept for followers that lag; past it they are left behind, to wait for a snapshot',
        }),
      ),
    kv: z
      .union([z.literal(false), KV_SCHEMA], { error: KV })
      .prefault({})
      .meta(
        described({
          form: 'switch',
          description: 'whether the cluster has key-value regions; the same on every store',
          defaultText: 'true',
        }),
      ),
    stateMachines: z
      .record(name, z.custom<StateMachineFactory>(isFunction, FACTORY), 'an object of factories by type')
      .default({})
      .meta(
        described({
          form: 'module',
          description: 'factories of state machines, by the type that createGroup names',
          defaultText: 'none',
        }),
      ),
    logger: z
      .custom<Logger>((value) => typeof value === 'object' && value !== null, LOGGER)
      .optional()
      .meta(
        described({ form: 'code', description: 'pino, or anything of its shape', defaultText: 'silent' }),
      ),
  },
  'an object',
)

/** What a store id and the name of a type must be. */
export function nameRule(): string {
  return NAME
}

function described(meta: OptionMeta): Record<string, unknown> {
  return { ...meta }
}

function isName(text: string): boolean {
  const bytes = Buffer.byteLength(text)
  return bytes > 0 && bytes <= MAX_NAME_BYTES
}

function hasPort(text: string): boolean {
  return Number(text.slice(text.lastIndexOf(':') + 1)) <= 65_535
}

function isFunction(value: unknown): boolean {
  return typeof value === 'function'
}

function wholeNumber(low: number, high: number) {
  const expected = `a whole number from ${low} to ${high}`
  return z.number(expected).int(expected).min(low, expected).max(high, expected)
}

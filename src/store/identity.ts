import type { Files, RandomSource } from '../env/ports.ts'
import type { RpcIdentity } from '../rpc/handshake.ts'
import { assertPresent } from '../util/assert.ts'
import { FlotillaError } from '../util/errors.ts'
import { MAX_REMEMBERED_STARTS } from '../util/limits.ts'
import { refusalOfNewName } from '../util/names.ts'
import { decodeCheckedText, encodeCheckedText } from './checked-text.ts'

/**
 * Who a data directory is: the first thing written and fsynced in an empty one. Shard count and engine decide where every
 * byte lies, so they are part of it. The boot number is raised at each start.
 */
export interface Identity {
  readonly format: number
  readonly clusterId: string
  readonly storeId: string
  /** Random, made at birth, 16 hex digits. */
  readonly incarnation: string
  readonly boot: number
  /** What the processes of its newest starts drew, the last one's at the end. Absent where an older build wrote it. */
  readonly processes?: readonly number[]
  readonly shards: number
  readonly engine: string
}

export const IDENTITY_FILE = 'identity.json'
export const DATA_FORMAT = 1
const ENGINE = 'rocksdb'

export interface IdentityWanted {
  readonly clusterId: string
  readonly storeId: string
  readonly shards: number
}

/** Reads the identity, or makes one in an empty directory. Rejects IDENTITY_MISMATCH, CORRUPT or INVALID_ARGUMENT. */
export async function openIdentity(
  files: Files,
  random: RandomSource,
  dataDir: string,
  wanted: IdentityWanted,
): Promise<Identity> {
  await files.makeDir(dataDir)
  const found = await readIdentity(files, dataDir, wanted)
  if (found !== null) return found
  const others = await files.list(dataDir)
  if (others.length > 0 && !others.includes(IDENTITY_FILE)) {
    throw new FlotillaError(
      'IDENTITY_MISMATCH',
      `${dataDir} holds other files (${others[0]}, …) and no ${IDENTITY_FILE}: a store starts in an empty directory. ` +
        'Name another dataDir, or put the lost file back',
    )
  }
  const { clusterId, storeId } = wanted
  const refusal = refusalOfNewName('clusterId', clusterId) ?? refusalOfNewName('storeId', storeId)
  if (refusal !== null) throw refusal
  const identity: Identity = {
    format: DATA_FORMAT,
    clusterId,
    storeId,
    incarnation: random.bytes(8).toString('hex'),
    boot: 0,
    shards: wanted.shards,
    engine: ENGINE,
  }
  if (await files.createFile(`${dataDir}/${IDENTITY_FILE}`, encodeCheckedText('identity', identity))) {
    return identity
  }
  // Another process was born here at the same time. The engine's lock tells which of the two goes on.
  const born = await readIdentity(files, dataDir, wanted)
  if (born === null) throw goneWhileOpened(dataDir)
  return born
}

/**
 * The next start: durable before anything is said under it. Called when the engine's lock is held, so that no other process
 * raises it too; what lies on the disk by now counts, not what was read before the lock.
 */
export async function raiseBoot(
  files: Files,
  random: RandomSource,
  dataDir: string,
  wanted: IdentityWanted,
): Promise<Identity> {
  const identity = await readIdentity(files, dataDir, wanted)
  if (identity === null) throw goneWhileOpened(dataDir)
  const processes = [...(identity.processes ?? []), drawProcess(random)].slice(-MAX_REMEMBERED_STARTS)
  const raised = { ...identity, boot: identity.boot + 1, processes }
  await writeIdentity(files, dataDir, raised)
  return raised
}

/** Below 2^48, like every number on the wire. */
function drawProcess(random: RandomSource): number {
  return random.uint32() * 0x10000 + (random.uint32() & 0xffff)
}

/** The start of a directory under way, as the wire knows it. */
export function presentStart(identity: Identity): RpcIdentity {
  const { clusterId, storeId, incarnation, boot } = identity
  const process = assertPresent(processOfStart(identity, boot), 'a start has drawn its number')
  return { clusterId, storeId, incarnation, boot, process }
}

/** What the process of the directory's start `boot` drew; null where that is not known any more, or not yet. */
export function processOfStart({ boot: last, processes = [] }: Identity, boot: number): number | null {
  return processes[processes.length - 1 - (last - boot)] ?? null
}

/** Of the starts before the present one, the newest first. */
export function pastProcesses({ processes = [] }: Identity): number[] {
  return processes.slice(0, -1).reverse()
}

async function readIdentity(files: Files, dataDir: string, wanted: IdentityWanted): Promise<Identity | null> {
  const bytes = await files.readFile(`${dataDir}/${IDENTITY_FILE}`)
  if (bytes === null) return null
  const identity = parseIdentity(bytes, dataDir)
  checkIdentity(identity, dataDir, wanted)
  return identity
}

function goneWhileOpened(dataDir: string): FlotillaError {
  return new FlotillaError(
    'CORRUPT',
    `${dataDir}/${IDENTITY_FILE} went away while the store was opened: something else works on this directory. ` +
      'Find out what, and put the directory back as it was',
  )
}

async function writeIdentity(files: Files, dataDir: string, identity: Identity): Promise<void> {
  await files.writeFile(`${dataDir}/${IDENTITY_FILE}`, encodeCheckedText('identity', identity))
}

function parseIdentity(bytes: Buffer, dataDir: string): Identity {
  const identity = decodeCheckedText<Identity>('identity', bytes)
  if (identity !== null) return identity
  throw new FlotillaError(
    'CORRUPT',
    `${dataDir}/${IDENTITY_FILE} is damaged: the store does not know who it is. Put the file back from a copy, or ` +
      'start a new store in an empty directory',
  )
}

function checkIdentity(identity: Identity, dataDir: string, wanted: IdentityWanted): void {
  const pairs: [string, unknown, unknown][] = [
    ['format', identity.format, DATA_FORMAT],
    ['engine', identity.engine, ENGINE],
    ['clusterId', identity.clusterId, wanted.clusterId],
    ['storeId', identity.storeId, wanted.storeId],
    ['shards', identity.shards, wanted.shards],
  ]
  for (const [name, found, asked] of pairs) {
    if (found === asked) continue
    throw new FlotillaError(
      'IDENTITY_MISMATCH',
      `${dataDir} was made with ${name} ${JSON.stringify(found)}, this start asks for ${JSON.stringify(asked)}. ` +
        `Open it with its own ${name}, or name another dataDir`,
    )
  }
}

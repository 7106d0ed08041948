import { existsSync, readdirSync } from 'node:fs'
import { readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { SimRandom } from '../../src/sim/random.ts'
import { below, pick } from './random-choice.ts'
import { copyStoreDir, SHARD, STATE_DIR } from './store-dirs.ts'

export interface StoppedStore {
  readonly dir: string
  /** A copy from an earlier life, null while there is none. */
  readonly earlier: string | null
}

export interface DamageClass {
  readonly name: string
  /** Only the other stores can know: nothing in the directory contradicts anything. */
  readonly seenByPeers: boolean
  /** Only the key-value state is touched: the log replays it as far as it reaches back. */
  readonly ofState: boolean
  /** What it did, in words; null when the store has nothing that it could do it to. */
  apply(store: StoppedStore, random: SimRandom): Promise<string | null>
}

const LOG_DIR = `${SHARD}/log`
/** Another store's past, as this one remembers it. Builds that write it refuse directories which were wiped or rolled back. */
export const PEERS_FILE = 'peers.json'

function filesIn(dir: string, name: RegExp): string[] {
  if (!existsSync(dir)) return []
  return readdirSync(dir)
    .filter((one) => name.test(one))
    .sort()
    .map((one) => path.join(dir, one))
}

/** Where the files of each class lie in a store's directory. */
const TARGETS: ReadonlyArray<readonly [name: string, dir: string, file: RegExp]> = [
  ['log WAL', LOG_DIR, /^\d+\.log$/],
  ['data WAL', STATE_DIR, /^\d+\.log$/],
  ['log SST', LOG_DIR, /^\d+\.sst$/],
  ['data SST', STATE_DIR, /^\d+\.sst$/],
  ['log MANIFEST', LOG_DIR, /^MANIFEST-\d+$/],
  ['data MANIFEST', STATE_DIR, /^MANIFEST-\d+$/],
  ['log CURRENT', LOG_DIR, /^CURRENT$/],
  ['data CURRENT', STATE_DIR, /^CURRENT$/],
  ['ledger', SHARD, /^ledger$/],
  ['identity', '', /^identity\.json$/],
  ['peers', '', new RegExp(`^${PEERS_FILE}$`)],
]

const ALL_CLASSES: readonly DamageClass[] = [
  ...TARGETS.map(([name, dir, file]) => ({
    name,
    seenByPeers: false,
    ofState: dir === STATE_DIR,
    apply: (store: StoppedStore, random: SimRandom) =>
      damageFile(store, filesIn(path.join(store.dir, dir), file), random),
  })),
  { name: 'wiped', seenByPeers: true, ofState: false, apply: wipe },
  { name: 'rolled back', seenByPeers: true, ofState: false, apply: rollBack },
]

export function damageClasses(): readonly DamageClass[] {
  return ALL_CLASSES
}

async function damageFile(
  { dir }: StoppedStore,
  files: readonly string[],
  random: SimRandom,
): Promise<string | null> {
  if (files.length === 0) return null
  const file = pick(random, files)
  const shown = path.relative(dir, file)
  const bytes = await readFile(file)
  const way = random.float()
  // Never in place: another copy may share the file.
  await rm(file)
  if (way < 0.2 || bytes.length === 0) return `${shown} deleted`
  if (way < 0.4) {
    const left = below(random, bytes.length)
    await writeFile(file, bytes.subarray(0, left))
    return `${shown} cut from ${bytes.length} to ${left} bytes`
  }
  const at = below(random, bytes.length)
  const bit = below(random, 8)
  bytes[at]! ^= 1 << bit
  await writeFile(file, bytes)
  return `${shown} bit ${bit} of byte ${at} of ${bytes.length} flipped`
}

async function wipe({ dir }: StoppedStore): Promise<string> {
  await rm(dir, { recursive: true, force: true })
  return 'the whole directory removed'
}

async function rollBack({ dir, earlier }: StoppedStore): Promise<string | null> {
  if (earlier === null) return null
  await rm(dir, { recursive: true, force: true })
  await copyStoreDir(earlier, dir)
  return 'the whole directory as it was in an earlier life'
}

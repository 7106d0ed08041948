import { cpSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** A stopped store, and what it was after its first life. */
export interface StoppedStore {
  readonly dir: string
  readonly earlier: string
}

export interface DamageCase {
  readonly target: string
  readonly damage: string
  /** The store is one whose logs were truncated. Default false. */
  readonly truncated?: boolean
  /** Damages the store in place; false when it has no such file. */
  apply(store: StoppedStore): boolean
}

const SHARD = 'shard-00'

/** Of the files in `dir` whose name fits: the largest. */
function largest(dir: string, name: RegExp): string | null {
  const fitting = readdirSync(dir).filter((one) => name.test(one))
  const size = (one: string): number => statSync(join(dir, one)).size
  fitting.sort((a, b) => size(b) - size(a))
  return fitting.length > 0 ? join(dir, fitting[0]!) : null
}

/** Path of a file from the store's directory; null when it has none. */
const FILES: ReadonlyArray<readonly [string, (dir: string) => string | null]> = [
  ['log WAL', (dir) => largest(join(dir, SHARD, 'log'), /^\d+\.log$/)],
  ['data WAL', (dir) => largest(join(dir, SHARD, 'data'), /^\d+\.log$/)],
  ['log SST', (dir) => largest(join(dir, SHARD, 'log'), /^\d+\.sst$/)],
  ['data SST', (dir) => largest(join(dir, SHARD, 'data'), /^\d+\.sst$/)],
  ['log MANIFEST', (dir) => largest(join(dir, SHARD, 'log'), /^MANIFEST-\d+$/)],
  ['data MANIFEST', (dir) => largest(join(dir, SHARD, 'data'), /^MANIFEST-\d+$/)],
  ['log CURRENT', (dir) => join(dir, SHARD, 'log', 'CURRENT')],
  ['data CURRENT', (dir) => join(dir, SHARD, 'data', 'CURRENT')],
  ['ledger', (dir) => join(dir, SHARD, 'ledger')],
  ['identity', (dir) => join(dir, 'identity.json')],
]

type Bytes = (bytes: Buffer) => Buffer | null

function flip(place: (size: number) => number): Bytes {
  return (bytes) => {
    const changed = Buffer.from(bytes)
    changed[place(bytes.length)]! ^= 0x10
    return changed
  }
}

const BYTE_DAMAGES: ReadonlyArray<readonly [string, Bytes]> = [
  ['bit flipped, start', flip((size) => Math.min(9, size - 1))],
  ['bit flipped, middle', flip((size) => size >> 1)],
  ['bit flipped, end', flip((size) => Math.max(0, size - 9))],
  ['cut by 30 bytes', (bytes) => bytes.subarray(0, Math.max(0, bytes.length - 30))],
  ['cut in half', (bytes) => bytes.subarray(0, bytes.length >> 1)],
  ['cut to nothing', () => Buffer.alloc(0)],
  ['zeroed tail', (bytes) => Buffer.from(bytes).fill(0, Math.floor(bytes.length * 0.7))],
  [
    'page of zeros',
    (bytes) => Buffer.from(bytes).fill(0, pageIn(bytes), Math.min(pageIn(bytes) + 4_096, bytes.length)),
  ],
  ['deleted', () => null],
]

function pageIn(bytes: Buffer): number {
  return Math.floor(bytes.length / 3 / 4_096) * 4_096
}

const DIRECTORIES: ReadonlyArray<readonly [string, readonly string[]]> = [
  ['log', [`${SHARD}/log`]],
  ['data', [`${SHARD}/data`]],
  ['ledger', [`${SHARD}/ledger`]],
  ['log + ledger', [`${SHARD}/log`, `${SHARD}/ledger`]],
  ['log + data', [`${SHARD}/log`, `${SHARD}/data`]],
  ['shard', [SHARD]],
  ['store', ['']],
]

export function allCases(): DamageCase[] {
  return [...damagesOf(FILES, DIRECTORIES), ...truncatedCases()]
}

/** Where a truncated log makes a difference: what it no longer holds it cannot replay. */
function truncatedCases(): DamageCase[] {
  const files = FILES.filter(([target]) => /^data |^log SST/.test(target))
  const directories = DIRECTORIES.filter(([target]) => /^(data|log|log \+ data)$/.test(target))
  const cases = damagesOf(files, directories)
  return cases.map((one) => ({ ...one, target: `${one.target}, truncated`, truncated: true }))
}

function damagesOf(files: typeof FILES, directories: typeof DIRECTORIES): DamageCase[] {
  const cases: DamageCase[] = []
  for (const [target, find] of files) {
    for (const [damage, change] of BYTE_DAMAGES) {
      cases.push({ target, damage, apply: ({ dir }) => changeFile(find(dir), change) })
    }
  }
  for (const [target, paths] of directories) {
    cases.push({ target, damage: 'rolled back', apply: (store) => restore(store, paths, true) })
    cases.push({ target, damage: 'wiped', apply: (store) => restore(store, paths, false) })
  }
  return cases
}

/** One of many: a random file, damaged in a random way at a random place. `draw` gives whole numbers below its bound. */
export function randomCase(draw: (below: number) => number): DamageCase {
  const [target, find] = FILES[draw(FILES.length)]!
  const place = (bytes: Buffer): number => draw(Math.max(bytes.length, 1))
  const kinds: ReadonlyArray<readonly [string, Bytes]> = [
    ['random bit', flip((size) => draw(size))],
    ['random cut', (bytes) => bytes.subarray(0, place(bytes))],
    ['random zeroed tail', (bytes) => Buffer.from(bytes).fill(0, place(bytes))],
    [
      'random zeroed bytes',
      (bytes) => {
        const at = place(bytes)
        return Buffer.from(bytes).fill(0, at, Math.min(at + 1 + draw(4_096), bytes.length))
      },
    ],
    [
      'random garbage',
      (bytes) => {
        const changed = Buffer.from(bytes)
        const at = place(bytes)
        for (let i = at; i < Math.min(at + 1 + draw(300), bytes.length); i++) changed[i] = draw(256)
        return changed
      },
    ],
  ]
  const [damage, change] = kinds[draw(kinds.length)]!
  return { target, damage, apply: ({ dir }) => changeFile(find(dir), change) }
}

function changeFile(path: string | null, change: Bytes): boolean {
  if (path === null) return false
  const changed = change(readFileSync(path))
  if (changed === null) rmSync(path)
  else writeFileSync(path, changed)
  return true
}

function restore({ dir, earlier }: StoppedStore, paths: readonly string[], back: boolean): boolean {
  for (const path of paths) {
    rmSync(join(dir, path), { recursive: true, force: true })
    if (back) cpSync(join(earlier, path), join(dir, path), { recursive: true })
  }
  return true
}

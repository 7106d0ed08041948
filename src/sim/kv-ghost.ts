import { CommandReader, commandProblem, OP_PUT } from '../kv/command.ts'
import { appliedKey, openValue, spaceBounds, VALUE_HEADER_BYTES } from '../kv/data-keys.ts'
import { decodePosition } from '../kv/state-engine.ts'
import { SPACE_BYTES } from '../storage/space-key.ts'
import { crc32 } from '../util/crc.ts'
import type { GroupGhost } from './ghost.ts'
import type { LogEntry } from './ghost-state.ts'
import { InvariantViolation } from './invariants.ts'
import type { StateStep } from './state-mirror.ts'

/** What a key held from an index on; null when absent. */
interface Version {
  readonly index: number
  readonly value: Buffer | null
}

/** A command that only deletes: nothing in it tells whose it is. */
export interface CommittedDelete {
  readonly index: number
  /** When it was seen to be committed. */
  readonly atMs: number
}

/** What a key held, oldest first. */
class Versions {
  readonly list: Version[] = []
  /** The same by the CRC of what they hold: a long history is not searched for each answer. */
  readonly #byCrc = new Map<number, Version[]>()
  /** The last batch of a state that had to hold it, by number. */
  inBatch = 0

  push(version: Version, crc: number): void {
    this.list.push(version)
    if (version.value === null) return
    const alike = this.#byCrc.get(crc)
    if (alike === undefined) this.#byCrc.set(crc, [version])
    else alike.push(version)
  }

  /** The first that held `value`. */
  first(value: Buffer): Version | undefined {
    const alike = this.#byCrc.get(crc32(value))
    if (alike === undefined) return undefined
    for (const version of alike) if (version.value?.equals(value)) return version
    return undefined
  }
}

/** Keys as latin-1 text of their bytes, keyspace prefix inside. */
type VersionsByKey = Map<string, Versions>

/** What a client saw of one region at once. A null value is an absent key. */
export interface RegionView {
  readonly groupId: string
  /** Keys that were read, with what they held. */
  readonly rows: ReadonlyMap<string, Buffer | null>
  /** A scan: no other key from here … */
  readonly gte?: string
  /** … to before here was there. */
  readonly lt?: string
  /** The state is one between these indexes: the last acknowledged before the call, the last committed at its return. */
  readonly from: number
  readonly to: number
}

/** Whether the operations of a command are what clients sent: as `put` or `del` of a key, and of which value by its CRC. */
export type WasProposed = (groupId: string, key: string, valueCrc: number | null) => boolean

/** The key-value state of every region at every index, from the committed entries. */
export class KvGhost {
  readonly #regions = new Map<string, VersionsByKey>()
  /** What each entry of a region changes, by index; nothing where the entry is a configuration. */
  readonly #changes = new Map<string, (readonly Versions[] | undefined)[]>()
  #batches = 0
  readonly #deletes = new Map<string, CommittedDelete[]>()
  readonly #wasProposed: WasProposed
  readonly #nowMs: () => number
  readonly #reader = new CommandReader()

  constructor(wasProposed: WasProposed, nowMs: () => number) {
    this.#wasProposed = wasProposed
    this.#nowMs = nowMs
  }

  /** I-18 for the commands of a region, each once: no two values are equal. And their effect. */
  onCommitted(group: GroupGhost, index: number, { payload, isData }: LogEntry): void {
    if (!isData) return
    const { groupId } = group
    const problem = commandProblem(payload)
    if (problem !== null)
      throw new InvariantViolation('I-18', `${groupId}/${index} is no command: ${problem}`)
    const versions = this.#region(groupId)
    const reader = this.#reader
    const deleted: string[] = []
    const changed: Versions[] = []
    let operations = 0
    reader.start(payload, 0, payload.length)
    for (; reader.next(); operations++) {
      const key = payload.toString('latin1', reader.keyStart, reader.valueStart)
      const value = reader.op === OP_PUT ? payload.subarray(reader.valueStart, reader.valueEnd) : null
      const crc = value === null ? null : crc32(value)
      if (!this.#wasProposed(groupId, key, crc))
        throw new InvariantViolation('I-18', `${groupId}/${index} changes ${key}, as no client asked`)
      let known = versions.get(key)
      if (known === undefined) {
        known = new Versions()
        versions.set(key, known)
      }
      const before = value === null ? undefined : known.first(value)
      if (before !== undefined && before.index !== index)
        throw new InvariantViolation('I-18', `${groupId}/${index} holds the write of ${before.index} again`)
      known.push({ index, value }, crc ?? 0)
      changed.push(known)
      if (value === null) deleted.push(key)
    }
    this.#changesOf(groupId)[index] = changed
    if (deleted.length === operations) this.#noteDelete(deleted, index)
  }

  #changesOf(groupId: string): (readonly Versions[] | undefined)[] {
    let changes = this.#changes.get(groupId)
    if (changes === undefined) {
      changes = []
      this.#changes.set(groupId, changes)
    }
    return changes
  }

  /**
   * I-7, for a region: a batch takes its state from one applied index to a later one, by what the committed entries between
   * them make and nothing else. So an entry that is applied twice, too late or not at all shows before others hide it.
   */
  onState({ groupId, lastCommitted }: GroupGhost, storeId: string, { from, to, rows }: StateStep): void {
    if (to <= from || to > lastCommitted)
      brokenStep(groupId, storeId, from, `it is at ${to}, committed is ${lastCommitted}`)
    const batch = ++this.#batches
    const changes = this.#changesOf(groupId)
    let expected = 0
    for (let index = from + 1; index <= to; index++) {
      for (const versions of changes[index] ?? []) {
        if (versions.inBatch !== batch) expected++
        versions.inBatch = batch
      }
    }
    const region = this.#region(groupId)
    for (const [row, stored] of rows) {
      const key = row.slice(SPACE_BYTES)
      const versions = region.get(key)
      if (versions?.inBatch !== batch || !isStored(stored, valueAt(versions.list, to)))
        brokenStep(groupId, storeId, from, `${key} is written on the way to ${to}, as no entry there says`)
    }
    if (rows.length !== expected)
      brokenStep(groupId, storeId, from, `${rows.length} keys are written, up to ${to} ${expected} change`)
  }

  #noteDelete(keys: readonly string[], index: number): void {
    const name = deleteName(keys)
    const found = { index, atMs: this.#nowMs() }
    const alike = this.#deletes.get(name)
    if (alike === undefined) this.#deletes.set(name, [found])
    else alike.push(found)
  }

  #region(groupId: string): VersionsByKey {
    let region = this.#regions.get(groupId)
    if (region === undefined) {
      region = new Map()
      this.#regions.set(groupId, region)
    }
    return region
  }

  /** Keys that were ever written in a region. */
  keys(groupId: string): IterableIterator<string> {
    return this.#region(groupId).keys()
  }

  valueAt(groupId: string, key: string, index: number): Buffer | null {
    return valueAt(this.#region(groupId).get(key)?.list, index)
  }

  /** I-17: where `value`, which no other write has, came to stand. It was acknowledged or seen, so it did. */
  firstIndexOf(groupId: string, key: string, value: Buffer): number {
    const found = this.#region(groupId).get(key)?.first(value)
    if (found !== undefined) return found.index
    throw new InvariantViolation(
      'I-17',
      `${groupId}: ${key} was said to hold ${shown(value)}, which is not committed`,
    )
  }

  /** Where a write of `value` came to stand; undefined when it did not. */
  indexOf(groupId: string, key: string, value: Buffer): number | undefined {
    return this.#region(groupId).get(key)?.first(value)?.index
  }

  /** The committed commands that delete these keys and do nothing else, oldest first. */
  deletesOf(keys: readonly string[]): readonly CommittedDelete[] {
    return this.#deletes.get(deleteName(keys)) ?? []
  }

  /** I-16: the rows of a region's space are what the committed entries up to its applied index make. Answers that index. */
  checkState(groupId: string, storeId: string, space: number, rows: ReadonlyMap<string, Buffer>): number {
    const at = `${groupId} on ${storeId}`
    const position = rows.get(appliedKey(space).toString('latin1'))
    const applied = position === undefined ? 0 : (decodePosition(position)?.index ?? -1)
    if (applied < 0) throw new InvariantViolation('I-16', `${at}: the applied index cannot be read`)
    const { gte } = spaceBounds(space)
    const prefix = gte.toString('latin1')
    let found = 0
    for (const [key, stored] of rows) {
      if (!key.startsWith(prefix)) continue
      found++
      const value = openValue(Buffer.from(key, 'latin1'), stored)
      const expected = this.valueAt(groupId, key.slice(SPACE_BYTES), applied)
      if (value === null || expected === null || !value.equals(expected)) {
        const text = `${at} at ${applied}: ${key.slice(SPACE_BYTES)} holds ${shown(value)}, not ${shown(expected)}`
        throw new InvariantViolation('I-16', text)
      }
    }
    let expected = 0
    for (const versions of this.#region(groupId).values())
      if (valueAt(versions.list, applied) !== null) expected++
    if (found !== expected)
      throw new InvariantViolation('I-16', `${at} at ${applied}: ${found} keys, ${expected} are written`)
    return applied
  }

  /** I-15 for what one call saw of many keys: there was a moment at which the region looked like this. */
  checkView(view: RegionView, what: string): void {
    const { groupId, rows, gte, lt, from, to } = view
    const region = this.#region(groupId)
    let moments: Interval[] = [[from, to]]
    for (const [key, value] of rows)
      moments = intersect(moments, intervalsOf(region.get(key)?.list, value, from, to))
    if (gte !== undefined && lt !== undefined) {
      for (const [key, versions] of region) {
        if (key >= gte && key < lt && !rows.has(key))
          moments = intersect(moments, intervalsOf(versions.list, null, from, to))
      }
    }
    if (moments.length > 0) return
    const seen = [...rows]
      .map(([key, value]) => `${key}=${shown(value)} ${describe(region.get(key)?.list, from, to)}`)
      .join(' ')
    throw new InvariantViolation(
      'I-15',
      `${what} of ${groupId} between ${from} and ${to} saw at once: ${seen}`,
    )
  }
}

function brokenStep(groupId: string, storeId: string, from: number, what: string): never {
  throw new InvariantViolation('I-7', `the state of ${groupId} on ${storeId} was at ${from}: ${what}`)
}

function isStored(stored: Buffer | null, value: Buffer | null): boolean {
  if (stored === null || value === null) return stored === value
  return value.compare(stored, VALUE_HEADER_BYTES) === 0
}

/** Keys are of one region, which their keyspace and first bytes tell. */
function deleteName(keys: readonly string[]): string {
  return keys.length === 1 ? keys[0]! : [...new Set(keys)].sort().join('\n')
}

type Interval = readonly [from: number, to: number]

function valueAt(versions: readonly Version[] | undefined, index: number): Buffer | null {
  if (versions === undefined) return null
  const count = countUpTo(versions, index)
  return count === 0 ? null : versions[count - 1]!.value
}

/** How many of `versions` are of `index` or older. */
function countUpTo(versions: readonly Version[], index: number): number {
  let low = 0
  let high = versions.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (versions[middle]!.index <= index) low = middle + 1
    else high = middle
  }
  return low
}

/** Indexes from `from` up to `end` after which a key holds `value`. Of a batch that writes a key twice only the last counts. */
function intervalsOf(
  versions: readonly Version[] | undefined,
  value: Buffer | null,
  from: number,
  end: number,
): Interval[] {
  const found: Interval[] = []
  const all = versions ?? []
  let next = countUpTo(all, from)
  let since = from
  let held = next === 0 ? null : all[next - 1]!.value
  for (; next < all.length && since <= end; next++) {
    const { index, value: newer } = all[next]!
    const to = Math.min(index - 1, end)
    if (since <= to && same(held, value)) found.push([since, to])
    since = index
    held = newer
  }
  if (since <= end && same(held, value)) found.push([since, end])
  return found
}

function same(a: Buffer | null, b: Buffer | null): boolean {
  return a === null || b === null ? a === b : a.equals(b)
}

function intersect(a: readonly Interval[], b: readonly Interval[]): Interval[] {
  const both: Interval[] = []
  for (const [from, to] of a) {
    for (const [start, end] of b) {
      const low = Math.max(from, start)
      const high = Math.min(to, end)
      if (low <= high) both.push([low, high])
    }
  }
  return both
}

function shown(value: Buffer | null): string {
  if (value === null) return 'nothing'
  return value.length <= 40
    ? JSON.stringify(value.toString('latin1'))
    : `${value.length} bytes (${crc32(value).toString(16)})`
}

/** The versions of a key that lie in or next to a stretch of indexes. */
function describe(versions: readonly Version[] | undefined, from: number, to: number): string {
  const all = versions ?? []
  const near = all.filter(
    ({ index }, i) => index <= to + 1 && (all[i + 1]?.index ?? Number.POSITIVE_INFINITY) >= from,
  )
  return `(committed: ${near.map(({ index, value }) => `${index} ${shown(value)}`).join(', ') || 'never'})`
}

import { CommandReader, commandProblem, OP_PUT } from '../kv/command.ts'
import { appliedKey, openValue, spaceBounds } from '../kv/data-keys.ts'
import { decodePosition } from '../kv/state-engine.ts'
import { SPACE_BYTES } from '../storage/space-key.ts'
import { crc32 } from '../util/crc.ts'
import type { GroupGhost } from './ghost.ts'
import type { LogEntry } from './ghost-state.ts'
import { InvariantViolation } from './invariants.ts'

/** What a key held from an index on; null when absent. */
interface Version {
  readonly index: number
  readonly value: Buffer | null
  /** Order of the history when it was seen to be committed. */
  readonly at: number
}

/** Keys as latin-1 text of their bytes, keyspace prefix inside. */
type VersionsByKey = Map<string, Version[]>

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

/** Whether the operations of a command are what clients sent: as `put` or `del` of a key, and of which value. */
export type WasProposed = (groupId: string, key: string, value: Buffer | null) => boolean

/** The key-value state of every region at every index, from the committed entries. */
export class KvGhost {
  readonly #regions = new Map<string, VersionsByKey>()
  readonly #wasProposed: WasProposed
  readonly #order: () => number
  readonly #reader = new CommandReader()

  /** `order` tells the present place in the history of calls. */
  constructor(wasProposed: WasProposed, order: () => number) {
    this.#wasProposed = wasProposed
    this.#order = order
  }

  /** I-18 for the commands of a region, and their effect. */
  onCommitted(group: GroupGhost, index: number, { payload, isData }: LogEntry): void {
    if (!isData) return
    const { groupId } = group
    const problem = commandProblem(payload)
    if (problem !== null)
      throw new InvariantViolation('I-18', `${groupId}/${index} is no command: ${problem}`)
    const versions = this.#region(groupId)
    const at = this.#order()
    const reader = this.#reader
    reader.start(payload, 0, payload.length)
    while (reader.next()) {
      const key = payload.toString('latin1', reader.keyStart, reader.valueStart)
      const value = reader.op === OP_PUT ? payload.subarray(reader.valueStart, reader.valueEnd) : null
      if (!this.#wasProposed(groupId, key, value))
        throw new InvariantViolation('I-18', `${groupId}/${index} changes ${key}, as no client asked`)
      const list = versions.get(key)
      if (list === undefined) versions.set(key, [{ index, value, at }])
      else list.push({ index, value, at })
    }
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
    return valueAt(this.#region(groupId).get(key), index)
  }

  /** I-17: where `value`, which no other write has, came to stand. It was acknowledged or seen, so it did. */
  firstIndexOf(groupId: string, key: string, value: Buffer): number {
    const found = this.#region(groupId)
      .get(key)
      ?.find((version) => version.value?.equals(value))
    if (found !== undefined) return found.index
    throw new InvariantViolation(
      'I-17',
      `${groupId}: ${key} was said to hold ${shown(value)}, which is not committed`,
    )
  }

  /** Where a write of `value` came to stand; undefined when it did not. */
  indexOf(groupId: string, key: string, value: Buffer): number | undefined {
    return this.#region(groupId)
      .get(key)
      ?.find((version) => version.value?.equals(value))?.index
  }

  /** Indexes of the deletes of a key, and the orders of the history in which they were committed. */
  deletes(groupId: string, key: string): ReadonlyArray<{ readonly index: number; readonly at: number }> {
    return (
      this.#region(groupId)
        .get(key)
        ?.filter(({ value }) => value === null) ?? []
    )
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
    for (const versions of this.#region(groupId).values()) if (valueAt(versions, applied) !== null) expected++
    if (found !== expected)
      throw new InvariantViolation('I-16', `${at} at ${applied}: ${found} keys, ${expected} are written`)
    return applied
  }

  /** I-15 for what one call saw of many keys: there was a moment at which the region looked like this. */
  checkView(view: RegionView, what: string): void {
    const { groupId, rows, gte, lt, from, to } = view
    const region = this.#region(groupId)
    let moments: Interval[] = [[from, to]]
    for (const [key, value] of rows) moments = intersect(moments, intervalsOf(region.get(key), value, to))
    if (gte !== undefined && lt !== undefined) {
      for (const [key, versions] of region) {
        if (key >= gte && key < lt && !rows.has(key))
          moments = intersect(moments, intervalsOf(versions, null, to))
      }
    }
    if (moments.length > 0) return
    const seen = [...rows]
      .map(([key, value]) => `${key}=${shown(value)} ${describe(region.get(key), from, to)}`)
      .join(' ')
    throw new InvariantViolation(
      'I-15',
      `${what} of ${groupId} between ${from} and ${to} saw at once: ${seen}`,
    )
  }
}

type Interval = readonly [from: number, to: number]

function valueAt(versions: readonly Version[] | undefined, index: number): Buffer | null {
  if (versions === undefined) return null
  let low = 0
  let high = versions.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (versions[middle]!.index <= index) low = middle + 1
    else high = middle
  }
  return low === 0 ? null : versions[low - 1]!.value
}

/** Indexes up to `end` after which a key holds `value`. Of a batch that writes a key twice only the last counts. */
function intervalsOf(
  versions: readonly Version[] | undefined,
  value: Buffer | null,
  end: number,
): Interval[] {
  const found: Interval[] = []
  const take = (held: Buffer | null, from: number, to: number): void => {
    if (from <= to && same(held, value)) found.push([from, to])
  }
  let since = 0
  let held: Buffer | null = null
  for (const version of versions ?? []) {
    take(held, since, version.index - 1)
    since = version.index
    held = version.value
  }
  take(held, since, end)
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

import type { EngineBatch, EngineDb } from '../env/ports.ts'
import { decodeCheckedJson, encodeCheckedJson } from '../storage/checked-json.ts'
import { EngineHealth } from '../storage/engine-health.ts'
import { FlushNumbers } from '../storage/flush-numbers.ts'
import { SPACE_BYTES } from '../storage/space-key.ts'
import { assert } from '../util/assert.ts'
import { crc32 } from '../util/crc.ts'
import type { FlotillaError } from '../util/errors.ts'
import { MAX_GET_MANY_KEYS } from '../util/limits.ts'
import {
  appliedKey,
  configurationKey,
  databaseKey,
  markerKey,
  META_BATCH_NUMBER,
  openValue,
} from './data-keys.ts'
import { damagedState, unreadableState, withStateRemedy } from './state-damage.ts'

/** What a space holds: applied up to index, whose entry had this term. */
export interface SpaceState {
  readonly space: number
  appliedIndex: number
  appliedTerm: number
  /** As far as it is in the engine: the rest waits for its batch. */
  writtenIndex: number
  writtenTerm: number
  /** Applied up to here at least is durable: a marker was synced behind it. 0 until one was. */
  durableIndex: number
}

/** A configuration entry as it was applied. */
export interface AppliedConfiguration {
  readonly index: number
  readonly term: number
  readonly bytes: Buffer
}

/** The log that the state is built from, as far as the state must know it. */
export interface LogIdentity {
  readonly databaseId: Buffer
  readonly highestFlush: number
}

const POSITION_BYTES = 16

/**
 * The KV state of every region of a shard: one RocksDB, a space of keys for each. A space's applied index and term are
 * in the very batch that brought its data there.
 */
export class StateEngine {
  readonly dir: string
  readonly #db: EngineDb
  readonly #health: EngineHealth
  readonly #numbers: FlushNumbers
  readonly #log: LogIdentity
  readonly #spaces = new Map<number, SpaceState>()
  #writing = false

  private constructor(db: EngineDb, dir: string, numbers: FlushNumbers, log: LogIdentity) {
    this.#db = db
    this.dir = dir
    this.#health = new EngineHealth(db, dir)
    this.#numbers = numbers
    this.#log = log
  }

  /**
   * Takes the state from an open database, which belongs to it from then on; `spaces` are those in use. Rejects with
   * CORRUPT when the state is not a prefix of what was written, or another log's; the caller closes the database then.
   */
  static async load(
    db: EngineDb,
    dir: string,
    log: LogIdentity,
    spaces: readonly number[],
  ): Promise<StateEngine> {
    const damaged = (what: string): FlotillaError => damagedState(dir, what)
    const numbers = await FlushNumbers.load(db, { kind: META_BATCH_NUMBER, damaged })
    const state = new StateEngine(db, dir, numbers, log)
    await state.#checkDatabase()
    await state.#loadApplied(spaces)
    return state
  }

  /** The number that the log's newest durable flush had when the newest batch of the state was written. */
  get logFlush(): number {
    return this.#numbers.witness
  }

  close(): Promise<void> {
    return this.#db.close()
  }

  space(space: number): SpaceState {
    let state = this.#spaces.get(space)
    if (!state) {
      state = newSpace(space, 0, 0)
      this.#spaces.set(space, state)
    }
    return state
  }

  get db(): EngineDb {
    return this.#db
  }

  /** Puts the applied position of a space into the batch that takes it there. */
  putApplied(batch: EngineBatch, space: number, index: number, term: number): void {
    batch.put(appliedKey(space), encodePosition(index, term, null))
  }

  putConfiguration(batch: EngineBatch, space: number, configuration: AppliedConfiguration): void {
    batch.put(
      configurationKey(space),
      encodePosition(configuration.index, configuration.term, configuration.bytes),
    )
  }

  /** The configuration applied last; null when none was. Rejects with CORRUPT. */
  async configuration(space: number): Promise<AppliedConfiguration | null> {
    const [value] = await this.#db.getMany([configurationKey(space)])
    if (!value) return null
    const configuration = decodePosition(value)
    if (configuration === null)
      throw this.#corrupt(`the configuration of space ${space} is not what was written`)
    return configuration
  }

  /** Writes a batch, not synced: the log replays what a power cut takes. One at a time. Rejects with STORAGE_FAILED. */
  async write(batch: EngineBatch): Promise<void> {
    assert(!this.#writing, 'one batch of the state is written at a time')
    this.#writing = true
    this.#numbers.stamp(batch, this.#log.highestFlush)
    try {
      await this.#db.write(batch, false)
      this.#health.check()
    } finally {
      this.#writing = false
    }
  }

  /** Makes all that was written before durable. An empty batch would sync nothing (measured): a marker is put. */
  async sync(): Promise<void> {
    assert(!this.#writing, 'two batches of the state are not ordered')
    const batch = this.#db.createBatch()
    batch.put(markerKey(), Buffer.from([1]))
    this.#numbers.stamp(batch, this.#log.highestFlush)
    await this.#db.write(batch, true)
    this.#health.check()
  }

  /**
   * Stored values of whole data keys, in order, null where absent. {@link open} each. Rejects with CORRUPT. All of them are
   * asked for in this turn, however many: each look-up sees the state as it is when it is asked.
   */
  async getStored(keys: readonly Buffer[]): Promise<Array<Buffer | null>> {
    try {
      if (keys.length <= MAX_GET_MANY_KEYS) return await this.#db.getMany(keys)
      const pages: Array<Promise<Array<Buffer | null>>> = []
      for (let from = 0; from < keys.length; from += MAX_GET_MANY_KEYS)
        pages.push(this.#db.getMany(keys.slice(from, from + MAX_GET_MANY_KEYS)))
      return (await Promise.all(pages)).flat()
    } catch (error) {
      throw withStateRemedy(error, this.dir)
    }
  }

  /** The user's value in a stored one. Throws CORRUPT. */
  open(key: Buffer, stored: Buffer | null): Buffer | null {
    if (stored === null) return null
    const value = openValue(key, stored)
    if (value === null)
      throw unreadableState(
        this.dir,
        `the value of key ${key.toString('hex', SPACE_BYTES)} is not what was written`,
      )
    return value
  }

  async #checkDatabase(): Promise<void> {
    const id = this.#log.databaseId.toString('hex')
    const [stored] = await this.#db.getMany([databaseKey()])
    if (stored) {
      if (decodeCheckedJson(stored) !== id) throw this.#corrupt('it was built from another log')
      if (this.#numbers.highest === 0) throw this.#corrupt('all its flush numbers are gone')
      return
    }
    if (this.#numbers.highest > 0) throw this.#corrupt('the id of its log is gone')
    const batch = this.#db.createBatch()
    batch.put(databaseKey(), encodeCheckedJson(id))
    await this.write(batch)
  }

  async #loadApplied(spaces: readonly number[]): Promise<void> {
    for (let from = 0; from < spaces.length; from += MAX_GET_MANY_KEYS) {
      const page = spaces.slice(from, from + MAX_GET_MANY_KEYS)
      const values = await this.#db.getMany(page.map(appliedKey))
      for (let i = 0; i < page.length; i++) if (values[i]) this.#recover(page[i]!, values[i]!)
    }
  }

  #recover(space: number, value: Buffer): void {
    const position = decodePosition(value)
    if (!position) throw this.#corrupt(`the applied index of space ${space} is not what was written`)
    this.#spaces.set(space, newSpace(space, position.index, position.term))
  }

  #corrupt(what: string): FlotillaError {
    return damagedState(this.dir, what)
  }
}

function newSpace(space: number, index: number, term: number): SpaceState {
  return {
    space,
    appliedIndex: index,
    appliedTerm: term,
    writtenIndex: index,
    writtenTerm: term,
    durableIndex: 0,
  }
}

/** An applied position, or an applied configuration: u32 LE CRC-32 of the rest | index u48 | term u48 | bytes. */
export function encodePosition(index: number, term: number, bytes: Buffer | null): Buffer {
  const encoded = Buffer.allocUnsafe(POSITION_BYTES + (bytes?.length ?? 0))
  encoded.writeUIntLE(index, 4, 6)
  encoded.writeUIntLE(term, 10, 6)
  if (bytes) encoded.set(bytes, POSITION_BYTES)
  encoded.writeUInt32LE(crc32(encoded.subarray(4)), 0)
  return encoded
}

/** Null when the bytes are not what was written. */
export function decodePosition(encoded: Buffer): AppliedConfiguration | null {
  if (encoded.length < POSITION_BYTES || crc32(encoded.subarray(4)) !== encoded.readUInt32LE(0)) return null
  const bytes = encoded.subarray(POSITION_BYTES)
  return { index: encoded.readUIntLE(4, 6), term: encoded.readUIntLE(10, 6), bytes }
}

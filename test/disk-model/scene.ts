import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { RocksEngine } from '../../src/env/rocks.ts'
import { FlotillaError } from '../../src/util/errors.ts'
import { type Rows, readRows } from './batches.ts'
import { expectSameRows, ModelViolation, openModel, readWals, walNames, walsToReplay } from './model.ts'
import { openInChild } from './reader.ts'

const OPTIONS = { writeBufferBytes: 64 << 20, compression: false }

/** A directory below which one run has its databases; removed afterwards. */
export class Scene {
  readonly #dir = mkdtempSync(join(tmpdir(), 'flotilla-disk-model-'))
  #copies = 0

  get db(): string {
    return join(this.#dir, 'db')
  }

  remove(): void {
    rmSync(this.#dir, { recursive: true, force: true })
  }

  copy(): string {
    const copy = join(this.#dir, `copy-${this.#copies++}`)
    cpSync(this.db, copy, { recursive: true })
    return copy
  }

  /** What RocksDB makes of the database as it lies there, no guard before it; a word when it refuses to open. */
  static async open(dir: string): Promise<Rows | 'refused'> {
    try {
      const db = await new RocksEngine().open(dir, OPTIONS)
      try {
        return await readRows(db)
      } finally {
        await db.close()
      }
    } catch (error) {
      if (error instanceof FlotillaError && error.shortName === 'CORRUPT') return 'refused'
      throw error
    }
  }

  /** What its tables alone hold: RocksDB opens a copy without a write-ahead log, and says no word about that. */
  async tables(): Promise<Rows | 'refused'> {
    const copy = this.copy()
    for (const name of walNames(copy)) rmSync(join(copy, name))
    return Scene.open(copy)
  }

  /**
   * Opens the database after `damage`, and holds what RocksDB found against what the simulated engine finds in the very
   * same bytes. Both may find that it ends every process that opens it.
   */
  async reopen(damage: () => void, what: string): Promise<Reopened> {
    const found = await this.tryReopen(damage, what)
    if (found === 'ended') throw new Error(`${what}: RocksDB ends the process`)
    return found
  }

  async tryReopen(damage: () => void, what: string): Promise<Reopened | 'ended'> {
    const original = readWals(this.db)
    const tables = await this.tables()
    if (tables === 'refused') throw new Error('undamaged tables open')
    const before = await openModel(tables, walsToReplay(this.db, original, tables))
    damage()
    const model = await openModel(tables, walsToReplay(this.db, original, tables))
    if (before === 'ended' || model === 'ended') {
      if ((await openInChild(this.db)) !== 'ended')
        throw new ModelViolation(`${what}: the model never opens it, and RocksDB does`)
      return 'ended'
    }
    const after = await Scene.open(this.db)
    if (after === 'refused') throw new Error(`${what}: RocksDB refuses to open`)
    expectSameRows(after, model, what)
    return { before, after }
  }
}

interface Reopened {
  readonly before: Rows
  readonly after: Rows
}

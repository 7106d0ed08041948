import type { EngineDb } from '../env/ports.ts'
import { FlotillaError } from '../util/errors.ts'

const BACKGROUND_ERRORS = 'rocksdb.background-errors'

/**
 * Looks for errors that the engine keeps to itself: after a failed background write it goes on acknowledging, and later
 * stops calling back. Asked after every write; costs a fraction of a microsecond.
 *
 * `rocksdb.is-write-stopped` is not among the signs: it is true in a healthy engine, too, whose write buffers fill faster
 * than they are flushed. A stop that never ends shows as a flush that never comes back.
 */
export class EngineHealth {
  readonly #db: EngineDb
  readonly #path: string
  readonly #before: number

  constructor(db: EngineDb, path: string) {
    this.#db = db
    this.#path = path
    this.#before = this.#errors()
  }

  /** Throws STORAGE_FAILED once the engine has counted an error of its own. */
  check(): void {
    const errors = this.#errors()
    if (errors <= this.#before) return
    throw new FlotillaError(
      'STORAGE_FAILED',
      `The engine in ${this.#path} failed to write in the background: the disk is full or fails, or a file there is ` +
        'damaged. Look at the disk, then start the store again: it checks its files first and says what it finds.',
    )
  }

  /** 0 where the engine does not know the property. */
  #errors(): number {
    return Number(this.#db.property(BACKGROUND_ERRORS))
  }
}

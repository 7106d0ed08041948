import { LogBlock } from '../block/log-block.ts'
import type { FlotillaError } from '../util/errors.ts'
import type {
  OpenedScan,
  ScanOptions,
  ScanRow,
  StateDigestAnswer,
  TruncationPlan,
} from './log-shard-types.ts'
import { pack, unpack } from './packed.ts'
import type { Answer, NewCall, ShardCalls } from './shard-calls.ts'
import { PLAN_HEAD } from './shard-protocol.ts'

export type Done<T> = (error: FlotillaError | null, answer: T) => void

/** What a LogShard asks its worker, and what it makes of the answers. Who asks has seen that the shard works. */
export class ShardQuestions {
  readonly #calls: ShardCalls

  constructor(calls: ShardCalls) {
    this.#calls = calls
  }

  readBlocks(slot: number, from: number, to: number, maxBytes: number, done: Done<LogBlock[]>): void {
    this.#calls.readBlocks({ t: 'readBlocks', slot, from, to, maxBytes }, (error, answer) => {
      done(error, answer ? rowsOf(answer).map((bytes) => new LogBlock(bytes!)) : [])
    })
  }

  scanOpen(slot: number, options: ScanOptions, done: Done<OpenedScan | null>): void {
    const { reverse = false, values = true, gte = null, gt = null, lte = null, lt = null } = options
    const bounds = pack([gte, gt, lte, lt])
    this.#calls.call({ t: 'scanOpen', slot, reverse, values, bounds }, (error, answer) => {
      done(error, answer && { scan: answer.id, appliedIndex: answer.numbers[0]! })
    })
  }

  scanNext(scan: number, maxRows: number, done: Done<ScanRow[]>): void {
    this.#calls.call({ t: 'scanNext', scan, maxRows }, (error, answer) => {
      const rows: ScanRow[] = []
      const items = answer ? rowsOf(answer) : []
      for (let i = 0; i < items.length; i += 2) rows.push([items[i]!, items[i + 1]!])
      done(error, rows)
    })
  }

  scanClose(scan: number): void {
    this.#calls.closeScan(scan)
  }

  digest(slot: number, at: number): Promise<StateDigestAnswer> {
    return new Promise((resolve, reject) => {
      this.#calls.call({ t: 'digest', slot, at }, (error, answer) => {
        if (!answer) {
          reject(error)
          return
        }
        const [appliedIndex = 0, appliedTerm = 0, keys = 0, bytes = 0] = answer.numbers
        resolve({ appliedIndex, appliedTerm, keys, bytes, digest: answer.text })
      })
    })
  }

  /** `logBytes` is what all logs of the shard hold now. */
  planTruncation(
    soft: Float64Array,
    budgetBytes: number,
    done: (error: FlotillaError | null, plan: TruncationPlan | null, logBytes: number) => void,
  ): void {
    // A copy: the question leaves at the end of the turn.
    const call: NewCall = { t: 'planTruncation', soft: soft.slice(), budgetBytes }
    this.#calls.call(call, (error, answer) => {
      if (!answer) {
        done(error, null, 0)
        return
      }
      const [retainedBytes = 0, more = 0, logBytes = 0] = answer.numbers
      const pairs = Float64Array.from(answer.numbers.slice(PLAN_HEAD))
      done(null, { pairs, retainedBytes, more: more > 0 }, logBytes)
    })
  }
}

function rowsOf(answer: Answer): Array<Buffer | null> {
  return answer.rows ? unpack(answer.rows) : []
}

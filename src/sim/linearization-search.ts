import { assert } from '../util/assert.ts'
import type { Model, ModelState, Operation } from './history-model.ts'
import { SearchMemo } from './search-memo.ts'

const NONE = -1

/** A place in the order under construction. */
interface Level<S> {
  /** The operation that was placed to come here; NONE at the beginning. */
  readonly op: number
  /** The state here. */
  readonly state: S
  /** What may come next, best first: known operations as themselves, open ones behind them. */
  readonly candidates: readonly number[]
  /** How many of them were tried. */
  tried: number
}

/**
 * The search over one partition, to be resumed with more steps. Calls and returns of operations lie in one list by time;
 * an operation may be next when no return stands before its call. Those that were given up have no return: they need never
 * be placed, so they are tried last, and only where they change something.
 */
export class LinearizationSearch<I, O, S extends ModelState> {
  readonly #model: Model<I, O, S>
  readonly #known: readonly Operation<I, O>[]
  readonly #open: readonly Operation<I, O>[]
  /** Nodes by time: `op + 1` is a call, `-(op + 1)` a return. Node 0 is the head. */
  readonly #nodes: Int32Array
  readonly #next: Int32Array
  readonly #previous: Int32Array
  readonly #callNode: Int32Array
  readonly #returnNode: Int32Array
  /** 1 for each known operation that changes nothing. */
  readonly #reads: Uint8Array
  /** For each open operation the number of nodes before its call. */
  readonly #openFrom: Int32Array
  /**
   * For each open operation the one before it that is equal, NONE when there is none. The earlier one can stand wherever
   * the later one can, so the later is tried only when the earlier has been placed.
   */
  readonly #twins: Int32Array
  /** By operation, known ones before open ones; null when there are none. */
  readonly #hints: Float64Array | null
  readonly #memo: SearchMemo<S>
  readonly #levels: Level<S>[] = []
  /** Known operations that are not placed. */
  #left: number
  #deepest = NONE
  #stuckAt: Operation<I, O> | null = null
  steps = 0
  outOfMemory = false

  constructor(operations: readonly Operation<I, O>[], model: Model<I, O, S>) {
    this.#model = model
    this.#known = operations.filter((operation) => !isOpen(operation))
    this.#open = operations.filter(isOpen).sort((a, b) => a.calledAt - b.calledAt)
    this.#twins = twinsOf(this.#open)
    this.#reads = Uint8Array.from(this.#known, ({ input, output }) =>
      Number(model.isRead?.(input, output!) ?? false),
    )
    this.#hints = hintsOf([...this.#known, ...this.#open])
    const count = this.#known.length
    const events = this.#known.flatMap((op, i) => [
      { at: op.calledAt, node: i + 1 },
      { at: op.returnedAt, node: -(i + 1) },
    ])
    // At one time calls come first: operations that touch may overlap.
    events.sort((a, b) => a.at - b.at || Number(a.node < 0) - Number(b.node < 0))
    this.#nodes = Int32Array.from([0, ...events.map(({ node }) => node)])
    this.#next = Int32Array.from(this.#nodes, (_, i) => (i < events.length ? i + 1 : NONE))
    this.#previous = Int32Array.from(this.#nodes, (_, i) => i - 1)
    this.#callNode = new Int32Array(count)
    this.#returnNode = new Int32Array(count)
    this.#nodes.forEach((node, at) => {
      if (node > 0) this.#callNode[node - 1] = at
      else if (node < 0) this.#returnNode[-node - 1] = at
    })
    for (let op = 0; op < count; op++) {
      assert(this.#callNode[op]! < this.#returnNode[op]!, 'an operation returns after its call')
    }
    this.#openFrom = Int32Array.from(this.#open, ({ calledAt }) => {
      const at = events.findIndex((event) => event.at > calledAt || (event.at === calledAt && event.node < 0))
      return at === NONE ? events.length : at
    })
    this.#memo = new SearchMemo(operations.length)
    this.#left = count
    if (count > 0) this.#enter(NONE, model.initial)
  }

  get memoWords(): number {
    return this.#memo.words
  }

  /** The operation whose return the search could not pass when it had placed most. */
  get stuckAt(): Operation<I, O> | null {
    return this.#stuckAt
  }

  /** Gives its memory back. */
  forget(): void {
    this.#memo.clear()
    this.#levels.length = 0
  }

  /** Tries `maxSteps` operations more; undecided when that was not enough. */
  run(maxSteps: number, maxMemoWords: number): 'ok' | 'violation' | 'undecided' {
    const end = this.steps + maxSteps
    while (this.#left > 0) {
      if (this.steps >= end) return 'undecided'
      if (this.#memo.words > maxMemoWords) {
        this.outOfMemory = true
        return 'undecided'
      }
      const level = this.#levels[this.#levels.length - 1]!
      if (level.tried < level.candidates.length) {
        this.steps++
        this.#try(level.state, level.candidates[level.tried++]!)
      } else if (!this.#leave(level)) return 'violation'
    }
    return 'ok'
  }

  #try(state: S, op: number): void {
    const isKnown = op < this.#known.length
    const operation = isKnown ? this.#known[op]! : this.#open[op - this.#known.length]!
    const after = this.#model.apply(state, operation.input, operation.output)
    if (after === undefined || (!isKnown && after === state)) return
    this.#memo.flip(op)
    if (!this.#memo.add(after)) {
      this.#memo.flip(op)
      return
    }
    if (isKnown) this.#lift(op)
    if (this.#left > 0) this.#enter(op, after)
  }

  #enter(op: number, state: S): void {
    this.#levels.push({ op, state, candidates: this.#candidates(state), tried: 0 })
  }

  /** Back to the level before; false at the beginning. */
  #leave({ op }: Level<S>): boolean {
    this.#levels.pop()
    if (op === NONE) return false
    this.#memo.flip(op)
    if (op < this.#known.length) this.#unlift(op)
    return true
  }

  /** What may come next: a read that fits, alone; else as the hints say, and those that must return first, first. */
  #candidates(state: S): readonly number[] {
    const found: number[] = []
    let node = this.#next[0]!
    for (; this.#nodes[node]! > 0; node = this.#next[node]!) {
      const op = this.#nodes[node]! - 1
      if (this.#reads[op] === 0) found.push(op)
      else if (this.#fits(state, op)) return [op]
    }
    this.#noteStuck(-this.#nodes[node]! - 1)
    if (found.length > 1) found.sort((a, b) => this.#returnNode[a]! - this.#returnNode[b]!)
    for (let i = 0; i < this.#open.length && this.#openFrom[i]! < node; i++) {
      const op = this.#known.length + i
      const twin = this.#twins[i]!
      const isTurn = twin === NONE || this.#memo.has(this.#known.length + twin)
      if (isTurn && !this.#memo.has(op)) found.push(op)
    }
    if (this.#hints !== null && found.length > 1) found.sort((a, b) => this.#hints![a]! - this.#hints![b]!)
    return found
  }

  #fits(state: S, op: number): boolean {
    const { input, output } = this.#known[op]!
    return this.#model.apply(state, input, output) !== undefined
  }

  #noteStuck(op: number): void {
    if (this.#levels.length <= this.#deepest) return
    this.#deepest = this.#levels.length
    this.#stuckAt = this.#known[op]!
  }

  #lift(op: number): void {
    this.#left--
    this.#unlink(this.#callNode[op]!)
    this.#unlink(this.#returnNode[op]!)
  }

  #unlift(op: number): void {
    this.#left++
    this.#link(this.#returnNode[op]!)
    this.#link(this.#callNode[op]!)
  }

  #unlink(at: number): void {
    const next = this.#next[at]!
    const previous = this.#previous[at]!
    this.#next[previous] = next
    if (next !== NONE) this.#previous[next] = previous
  }

  #link(at: number): void {
    const next = this.#next[at]!
    this.#next[this.#previous[at]!] = at
    if (next !== NONE) this.#previous[next] = at
  }
}

/** Those that need never be placed. */
function isOpen<I, O>({ output, returnedAt }: Operation<I, O>): boolean {
  return output === undefined || returnedAt === Number.POSITIVE_INFINITY
}

function twinsOf<I, O>(operations: readonly Operation<I, O>[]): Int32Array {
  const last = new Map<string, number>()
  return Int32Array.from(operations, ({ input, output }, i) => {
    const name = JSON.stringify([input, output])
    const twin = last.get(name) ?? NONE
    last.set(name, i)
    return twin
  })
}

/** What has no hint keeps its place behind what has one. */
function hintsOf<I, O>(operations: readonly Operation<I, O>[]): Float64Array | null {
  if (operations.every(({ hint }) => hint === undefined)) return null
  return Float64Array.from(operations, ({ hint }) => hint ?? Number.MAX_VALUE)
}

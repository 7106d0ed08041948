import { assert } from '../util/assert.ts'
import type { Model, ModelState, Operation } from './linearizability.ts'
import { SearchMemo } from './search-memo.ts'

/** Where a candidate stands: a known operation by its place in time, or an unknown one by its number. */
interface Choice<S> {
  readonly op: number
  /** The state before it. */
  readonly state: S
  /** Known ones are tried first, unknown ones after them. */
  readonly unknownNext: number
}

const NONE = -1

/**
 * The search over one partition, to be resumed with more steps. Calls and returns of operations with an answer lie in one
 * list by time; an operation may be next when no return stands before its call. Those of unknown outcome have no return:
 * they need never be placed, so they are tried last, and only where they change something.
 */
export class LinearizationSearch<I, O, S extends ModelState> {
  readonly #model: Model<I, O, S>
  readonly #known: readonly Operation<I, O>[]
  readonly #unknown: readonly Operation<I, O>[]
  /** Nodes by time: `op + 1` is a call, `-(op + 1)` a return. Node 0 is the head. */
  readonly #nodes: Int32Array
  readonly #next: Int32Array
  readonly #previous: Int32Array
  readonly #callNode: Int32Array
  readonly #returnNode: Int32Array
  /** For each unknown operation the number of nodes before its call. */
  readonly #unknownFrom: Int32Array
  readonly #memo: SearchMemo<S>
  readonly #stack: Choice<S>[] = []
  #state: S
  #node: number
  /** The next unknown operation to try; NONE while known ones are tried. */
  #unknownNext = NONE
  #open: number
  #deepest = -1
  #stuckAt: Operation<I, O> | null = null
  steps = 0
  outOfMemory = false

  constructor(operations: readonly Operation<I, O>[], model: Model<I, O, S>) {
    this.#model = model
    this.#known = operations.filter(({ output }) => output !== undefined)
    this.#unknown = operations
      .filter(({ output }) => output === undefined)
      .sort((a, b) => a.calledAt - b.calledAt)
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
    this.#unknownFrom = Int32Array.from(this.#unknown, ({ calledAt }) => {
      const at = events.findIndex((event) => event.at > calledAt || (event.at === calledAt && event.node < 0))
      return at === -1 ? events.length : at
    })
    this.#memo = new SearchMemo(operations.length)
    this.#state = model.initial
    this.#open = count
    this.#node = this.#next[0]!
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
  }

  /** Tries `maxSteps` operations more; undecided when that was not enough. */
  run(maxSteps: number, maxMemoWords: number): 'ok' | 'violation' | 'undecided' {
    const end = this.steps + maxSteps
    while (this.#open > 0) {
      if (this.steps >= end) return 'undecided'
      if (this.#memo.words > maxMemoWords) {
        this.outOfMemory = true
        return 'undecided'
      }
      const op = this.#nextCandidate()
      if (op !== NONE) {
        this.steps++
        this.#try(op)
      } else if (!this.#backtrack()) return 'violation'
    }
    return 'ok'
  }

  /** The next operation that may stand here, known ones as themselves, unknown ones behind them; NONE after the last. */
  #nextCandidate(): number {
    if (this.#unknownNext === NONE) {
      const node = this.#nodes[this.#node]!
      if (node > 0) {
        this.#node = this.#next[this.#node]!
        return node - 1
      }
      this.#noteStuck(-node - 1)
      this.#unknownNext = 0
    }
    while (this.#unknownNext < this.#unknown.length) {
      const i = this.#unknownNext++
      if (this.#unknownFrom[i]! >= this.#node) return NONE
      if (!this.#memo.has(this.#known.length + i)) return this.#known.length + i
    }
    return NONE
  }

  #noteStuck(op: number): void {
    if (this.#stack.length <= this.#deepest) return
    this.#deepest = this.#stack.length
    this.#stuckAt = this.#known[op]!
  }

  #try(op: number): void {
    const isKnown = op < this.#known.length
    const operation = isKnown ? this.#known[op]! : this.#unknown[op - this.#known.length]!
    const after = this.#model.apply(this.#state, operation.input, operation.output)
    if (after === undefined || (!isKnown && after === this.#state)) return
    this.#memo.flip(op)
    if (!this.#memo.add(after)) {
      this.#memo.flip(op)
      return
    }
    this.#stack.push({ op, state: this.#state, unknownNext: this.#unknownNext })
    this.#state = after
    if (isKnown) this.#lift(op)
    this.#node = this.#next[0]!
    this.#unknownNext = NONE
  }

  #backtrack(): boolean {
    const choice = this.#stack.pop()
    if (choice === undefined) return false
    const { op, state, unknownNext } = choice
    this.#memo.flip(op)
    this.#state = state
    this.#unknownNext = unknownNext
    if (op < this.#known.length) {
      this.#unlift(op)
      this.#node = this.#next[this.#callNode[op]!]!
    } else {
      this.#node = this.#firstReturn()
    }
    return true
  }

  #firstReturn(): number {
    let at = this.#next[0]!
    while (this.#nodes[at]! > 0) at = this.#next[at]!
    return at
  }

  #lift(op: number): void {
    this.#open--
    this.#unlink(this.#callNode[op]!)
    this.#unlink(this.#returnNode[op]!)
  }

  #unlift(op: number): void {
    this.#open++
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

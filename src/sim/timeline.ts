import { assert } from '../util/assert.ts'
import { MAX_SIM_STEPS } from '../util/limits.ts'
import { EventQueue } from './event-queue.ts'
import type { EventKind, EventOwner, SimEvent } from './event-queue.ts'
import { SimRandom } from './random.ts'
import { SimError } from './sim-error.ts'
import { Trace } from './trace.ts'

export interface TimelineOptions {
  readonly seed: number | string
  /** A broken invariant in any handler fails the run, though a real process would go on. Default true. */
  readonly failOnInvariant?: boolean
}

export interface RunOptions {
  /** Absolute simulated time at which to stop. */
  readonly untilMs?: number
  /** As `untilMs`, counted from now. */
  readonly forMs?: number
  /** Looked at before the first event and after each; it must change nothing. */
  readonly until?: () => boolean
  /** Default MAX_SIM_STEPS; past it the run is rejected. */
  readonly maxSteps?: number
}

/** Faults that strike single writes and timers, and not when the nemesis says: how often each did. */
export interface SmallFaults {
  corrupt: number
  stale: number
  loss: number
  reorder: number
  lateTimers: number
}

/** Code of a decision in the trace hash: a caller from outside was let into a thread. */
const DECIDED_CALLED = 205

/** Turns queued at once: each is its own macrotask, so that all microtasks run between two of them. */
const TURNS_PER_PASS = 64

/**
 * Simulated time: one queue of events ordered by time and sequence, and the driver that runs them. Everything random
 * comes from the seed. So a seed is a run, and replays exactly.
 */
export class Timeline {
  readonly seed: string
  readonly random: SimRandom
  readonly turnRandom: SimRandom
  readonly failOnInvariant: boolean
  readonly trace = new Trace()
  /** Whether timers fire late where processes were told so. */
  timersMayBeLate = true
  /** Counted where they happen. */
  readonly smallFaults: SmallFaults = { corrupt: 0, stale: 0, loss: 0, reorder: 0, lateTimers: 0 }
  /** Called after each event and all its microtasks, with the thread whose code ran. What it throws fails the run. */
  afterStep: ((owner: EventOwner | null) => void) | null = null
  readonly #queue = new EventQueue()
  #nowUs = 0
  #nextSeq = 1
  #nextLoopId = 1
  #running = false
  /** The event that ran and was not yet told to `afterStep`; undefined when there is none. */
  #ran: EventOwner | null | undefined
  /** Callers from outside were let into the step under way. */
  #called = false
  /** Checks that wait for the end of the step. */
  #judged: Array<() => void> = []
  #failure: unknown = null

  constructor(options: TimelineOptions) {
    this.seed = String(options.seed)
    this.random = new SimRandom(this.seed)
    this.turnRandom = this.random.fork('turns')
    this.failOnInvariant = options.failOnInvariant ?? true
  }

  get nowUs(): number {
    return this.#nowUs
  }

  get nowMs(): number {
    return this.#nowUs / 1000
  }

  get traceHash(): string {
    return this.trace.hash
  }

  get steps(): number {
    return this.trace.steps
  }

  /** The thread whose code runs in the step under way, or has just run; null for the world itself. */
  get runningThread(): EventOwner | null {
    return this.#ran ?? null
  }

  /** A line in the event log, and part of the trace hash. */
  note(text: string): void {
    this.trace.note(this.#nowUs, text)
  }

  /** For the parts of the world. */
  nextLoopId(): number {
    return this.#nextLoopId++
  }

  /** For the parts of the world: `run` at now + `delayUs`, after all that is already due then. */
  schedule(
    delayUs: number,
    owner: EventOwner | null,
    kind: EventKind,
    detail: number,
    run: () => void,
    note = '',
  ): SimEvent {
    assert(delayUs >= 0, 'the past is not changed')
    const timeUs = this.#nowUs + Math.round(delayUs)
    const event: SimEvent = { timeUs, seq: this.#nextSeq++, owner, kind, detail, note, run }
    // Code that outlived its process runs to its next await: what it still asks for does not happen.
    if (owner === null || owner.alive) this.#queue.push(event)
    else event.run = null
    return event
  }

  /** For the parts of the world: an event that waited for a paused process is due again. */
  reschedule(event: SimEvent): void {
    event.timeUs = this.#nowUs
    event.seq = this.#nextSeq++
    this.#queue.push(event)
  }

  /** Ends the run that is under way, or else the next one, with `error`. The first one counts. */
  fail(error: unknown): void {
    this.#failure ??= error instanceof Error ? error : new Error(String(error))
  }

  /** For checkers: `check` runs when this step and all its microtasks are over and `afterStep` was told. */
  judgeAfterStep(check: () => void): void {
    this.#judged.push(check)
  }

  /** Resolves after `ms` of simulated time; for workloads that live outside every process. */
  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.schedule(ms * 1000, null, 'world', 0, resolve)
    })
  }

  /**
   * Runs events until `until` holds (resolves true), or `untilMs` is reached or nothing is left to do (false, unless
   * `until` was not given). After each event all microtasks run, as after each callback of Node's event loop. Rejects
   * with SimError when an event throws, a process's main fails, or after `maxSteps`.
   */
  async run(options: RunOptions): Promise<boolean> {
    assert(!this.#running, 'a world is run by one caller at a time')
    const { until, maxSteps = MAX_SIM_STEPS } = options
    const end = options.forMs === undefined ? options.untilMs : this.nowMs + options.forMs
    const untilUs = end === undefined ? Number.POSITIVE_INFINITY : Math.round(end * 1000)
    assert(until !== undefined || end !== undefined, 'a run has an end: until, untilMs or forMs')
    this.#running = true
    let stepsLeft = maxSteps
    try {
      return await this.#drive(() => {
        if (this.#failure !== null) throw this.#failure
        if (this.#ran !== undefined) this.#tellStep(this.#ran)
        if (this.#judged.length > 0) this.#judge()
        if (until?.()) return true
        const event = this.#queue.peek()
        if (event === undefined || event.timeUs > untilUs) {
          if (untilUs !== Number.POSITIVE_INFINITY) this.#nowUs = Math.max(this.#nowUs, untilUs)
          return until === undefined
        }
        if (stepsLeft-- <= 0) throw new Error(`The run did not end in ${maxSteps} steps.`)
        this.#step()
        return null
      })
    } catch (error) {
      throw this.#report(error)
    } finally {
      this.#running = false
    }
  }

  /** Runs until `condition` holds; rejects with SimError when it does not within `withinMs` (default 60 s). */
  async waitFor(condition: () => boolean, withinMs = 60_000, what = 'the condition'): Promise<void> {
    if (await this.run({ until: condition, forMs: withinMs })) return
    throw this.#report(new Error(`Waited ${withinMs} ms in vain for ${what}.`))
  }

  /** Runs until `promise` settles and answers as it does; rejects with SimError when it does not in time. */
  async settle<T>(promise: Promise<T>, withinMs = 60_000, what = 'a promise to settle'): Promise<T> {
    let settled = false
    const done = (): void => {
      settled = true
    }
    promise.then(done, done)
    await this.waitFor(() => settled, withinMs, what)
    return promise
  }

  /** The newest events in words, oldest first. */
  eventLog(lines?: number): string[] {
    return this.trace.lines(lines)
  }

  #step(): void {
    const event = this.#queue.pop()!
    const run = event.run
    if (run === null) return
    const owner = event.owner
    if (owner !== null && !owner.alive) return
    this.#nowUs = event.timeUs
    if (owner?.root.paused) {
      owner.root.deferred.push(event)
      return
    }
    event.run = null
    this.trace.record(event)
    this.#ran = owner
    this.#called = false
    run()
  }

  /** For sockets: the event under way, which is the network's own, runs code of this thread. */
  runsIn(owner: EventOwner): void {
    this.#ran = owner
  }

  /**
   * For callers from outside: whether the event under way is the world's own and has run no thread's code yet. Then
   * code of `owner` may run in it, as what a client of its sends may come at any moment.
   */
  takeStep(owner: EventOwner): boolean {
    if (!owner.alive || owner.root.paused) return false
    if (this.#called && this.#ran === owner) return true
    if (this.#ran !== null) return false
    this.#called = true
    this.#ran = owner
    this.trace.decide(DECIDED_CALLED, owner.id, 0)
    return true
  }

  #judge(): void {
    const judged = this.#judged
    this.#judged = []
    for (const check of judged) check()
  }

  #tellStep(owner: EventOwner | null): void {
    this.afterStep?.(owner)
    this.#ran = undefined
  }

  /**
   * Calls `turn` in macrotasks of the real event loop until it gives a verdict. Between two macrotasks Node empties the
   * microtask queue however long its chains are, and nothing else real is ever waited for: hence the determinism.
   */
  #drive(turn: () => boolean | null): Promise<boolean> {
    return new Promise((resolve, reject) => {
      let over = false
      const once = (): void => {
        if (over) return
        try {
          const verdict = turn()
          if (verdict === null) return
          over = true
          resolve(verdict)
        } catch (error) {
          over = true
          reject(error)
        }
      }
      const pass = (): void => {
        if (over) return
        for (let i = 0; i < TURNS_PER_PASS; i++) setImmediate(once)
        setImmediate(pass)
      }
      pass()
    })
  }

  #report(cause: unknown): SimError {
    if (cause instanceof SimError) return cause
    const reason = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)
    const head = `seed ${this.seed}, ${this.nowMs} ms, ${this.steps} steps, trace ${this.traceHash}`
    return new SimError(`${head}: ${reason}\nThe newest events:\n${this.eventLog().join('\n')}`, { cause })
  }
}

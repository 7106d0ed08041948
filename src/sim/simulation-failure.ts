import { INVARIANTS, type InvariantId, InvariantViolation } from './invariants.ts'
import { SimError } from './sim-error.ts'

/** Something that must hold did not, in the run of one seed. */
export class SimulationFailure extends Error {
  override readonly name = 'SimulationFailure'
  readonly seed: string
  /** What must hold, in words. */
  readonly invariant: string
  /** Its number in the catalogue; null for an error that is none of them. */
  readonly invariantId: InvariantId | null
  /** The events before it, oldest first. */
  readonly trace: readonly string[]
  /** How to see it again. */
  readonly replay: string

  constructor(details: {
    readonly seed: string
    readonly invariant: string
    readonly invariantId: InvariantId | null
    readonly detail: string
    readonly trace: readonly string[]
    readonly replay: string
    readonly cause?: unknown
  }) {
    const { seed, invariant, detail, trace, replay } = details
    const text = [
      `Seed ${seed} breaks: ${invariant}`,
      detail,
      'The last events:',
      ...trace.map((line) => `  ${line}`),
      `Replay: ${replay}`,
    ].join('\n')
    super(text, { cause: details.cause })
    this.seed = seed
    this.invariant = invariant
    this.invariantId = details.invariantId
    this.trace = trace
    this.replay = replay
  }
}

/** Whatever ended a run, as a failure of its seed. */
export function toSimulationFailure(
  error: unknown,
  seed: string,
  trace: readonly string[],
  replay: string,
): SimulationFailure {
  if (error instanceof SimulationFailure) return error
  const cause = error instanceof SimError ? error.cause : error
  if (cause instanceof InvariantViolation) {
    const { invariant: invariantId, message } = cause
    const invariant = `${invariantId}: ${INVARIANTS[invariantId]}`
    return new SimulationFailure({ seed, invariant, invariantId, detail: message, trace, replay, cause })
  }
  const detail = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)
  const invariant = 'the run ends without an error'
  return new SimulationFailure({ seed, invariant, invariantId: null, detail, trace, replay, cause })
}

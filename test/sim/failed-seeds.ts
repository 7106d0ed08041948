import type { PlanLimits } from '../../src/sim/run-plan.ts'
import type { Shape } from '../mutants/dense-plan.ts'

/** A run that failed once. Code and plans have changed since, so it may go another way today; it must end well. */
export interface FailedSeed {
  readonly seed: number
  readonly limits: PlanLimits
  /** Of a run in fast motion; absent for one as `npm run sim` draws it. */
  readonly shape?: Shape
  /** What it found. */
  readonly found: string
}

/** Every seed of a whole cluster that ever failed. */
export const FAILED_SEEDS: readonly FailedSeed[] = [
  {
    seed: 7,
    limits: { maxGroups: 3, faultsForMs: 1_000 },
    found: 'of the check: a store that was to stay broken ended by its stalled disk and came back well',
  },
  {
    seed: 3003,
    limits: { maxGroups: 8, faultsForMs: 6_000, livenessMs: 10_000 },
    found: 'of the simulated engine: a record that leaves just a header’s room in its block looked damaged',
  },
  {
    seed: 13,
    limits: {},
    shape: 'worn',
    found: 'a state machine was given an entry that a flush that still waited cut off',
  },
  {
    seed: 900000249,
    limits: {},
    found:
      'a directory that was put back, and started unheard until its boot number had passed what others knew, voted',
  },
  {
    seed: 900000890,
    limits: {},
    found: 'a getMany whose answer from another store was cut between two of its keys was of two moments',
  },
  {
    seed: 900000987,
    limits: {},
    found: 'of the check: a replica that waits for a snapshot was counted as one that can make a majority',
  },
  {
    seed: 900001402,
    limits: {},
    found:
      'of the check: a log that had begun anew behind its state was taken for one that waits for a snapshot',
  },
  {
    seed: 900002614,
    limits: {},
    found:
      'a directory that was put back took the place of the start that others knew, and died before it could judge itself',
  },
  {
    seed: 900006012,
    limits: {},
    found:
      'of the check: a log that had begun anew behind its state was taken for one that was truncated too far',
  },
  {
    seed: 900012356,
    limits: {},
    found:
      'a start looked for each of the millions of flush numbers that a flipped bit had named, for minutes of real time',
  },
  {
    seed: 900014706,
    limits: {},
    found:
      'a scan that a stuck disk kept from opening ended with its store’s shard, up to a minute after its caller’s time',
  },
  {
    seed: 900015354,
    limits: {},
    found:
      'of the check: answers to readers filled a link of a megabyte a second, and appends waited behind them for seconds',
  },
  {
    seed: 900015475,
    limits: {},
    found: 'of the check: two messages in a row took ten times their mean, and a leader stepped down for it',
  },
  {
    seed: 103,
    limits: {},
    shape: 'worn',
    found:
      'of the check: two stores that find each other after a handshake’s time had less than that to come to rest',
  },
]

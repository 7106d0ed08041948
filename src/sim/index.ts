export type { Ambush, AmbushStrike, AmbushStrikeKind } from './ambush.ts'
export { type ExplorationResult, explore, type ExploreOptions } from './explore.ts'
export type { FaultKind, FaultRate, NemesisOptions } from './fault-kinds.ts'
export type { CallKind, HistoryEntry } from './history.ts'
export type { HistoryVerdict } from './history-check.ts'
export type { Mark } from './mark-table.ts'
export type { Model, ModelState, Operation } from './history-model.ts'
export { type CheckLimits, type CheckResult, checkLinearizable } from './linearizability.ts'
export type { SimRandom } from './random.ts'
export type { BatchChange, SimCallOptions, SimClient, SimGroup, SimKv } from './sim-client.ts'
export {
  simulate,
  type SimulatedGroup,
  type SimulatedReplica,
  type SimulateOptions,
  type SimulationOutcome,
  type SimulationResult,
  type WorkloadContext,
} from './simulate.ts'
export { SimulationFailure } from './simulation-failure.ts'

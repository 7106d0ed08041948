import type { RunSpec } from './scenario.ts'
import { SCENARIO_NAMES } from './scenarios.ts'

const DEFAULT_PAYLOAD_BYTES = 16

/** One group with few calls and with many, where latency and batches count; and many groups, where sharing does. */
const DEFAULT_POINTS = [
  { groups: 1, inFlight: 256 },
  { groups: 1, inFlight: 4_096 },
  { groups: 48, inFlight: 1_024 },
]

/** Beside every scenario at every default point. */
const DEFAULT_EXTRA: RunSpec = { scenario: 'kv-put', groups: 48, inFlight: 1_024, payloadBytes: 1_024 }

/** What is to be measured, as far as it was said. */
export interface WantedPoints {
  readonly scenario?: readonly string[] | undefined
  readonly groups?: readonly number[] | undefined
  readonly inFlight?: readonly number[] | undefined
  readonly payload?: readonly number[] | undefined
}

/**
 * The runs that are wanted. Without counts and payload the default set, of the scenarios that are named; else every
 * combination of what is given, where a missing count is that of the first default point.
 */
export function specsOf(wanted: WantedPoints): RunSpec[] {
  const scenarios = wanted.scenario ?? SCENARIO_NAMES
  const payloads = wanted.payload ?? [DEFAULT_PAYLOAD_BYTES]
  const specs: RunSpec[] = []
  for (const point of pointsOf(wanted)) {
    for (const payloadBytes of payloads) {
      for (const scenario of scenarios) specs.push({ scenario, ...point, payloadBytes })
    }
  }
  const byDefault = !wanted.groups && !wanted.inFlight && !wanted.payload
  if (byDefault && scenarios.includes(DEFAULT_EXTRA.scenario)) specs.push(DEFAULT_EXTRA)
  return specs
}

function pointsOf({ groups, inFlight }: WantedPoints): { groups: number; inFlight: number }[] {
  if (groups === undefined && inFlight === undefined) return DEFAULT_POINTS
  const [first] = DEFAULT_POINTS
  return (groups ?? [first!.groups]).flatMap((g) =>
    (inFlight ?? [first!.inFlight]).map((f) => ({ groups: g, inFlight: f })),
  )
}

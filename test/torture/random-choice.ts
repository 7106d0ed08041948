import type { SimRandom } from '../../src/sim/random.ts'

/** A whole number from 0 to `end` - 1; `end` is above 0. */
export function below(random: SimRandom, end: number): number {
  return Math.floor(random.float() * end)
}

export function pick<T>(random: SimRandom, from: readonly T[]): T {
  return from[below(random, from.length)]!
}

export function between(random: SimRandom, low: number, high: number): number {
  return low + random.float() * (high - low)
}

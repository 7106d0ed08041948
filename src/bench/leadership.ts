import { homeOfGroup } from './scenario.ts'

/** Terms of the groups led by one store. */
export type Leadership = ReadonlyMap<number, number>

/** Leaders were not where they belong, or did not stay: the figures of such a run cannot be compared with others. */
export class LeadershipError extends Error {}

/**
 * In words, what keeps store `storeIndex` from leading exactly the groups whose home it is, in the terms `since` if given;
 * null when nothing does. Where it is null for every store, leaders are even.
 */
export function leadershipProblem(
  storeIndex: number,
  groups: number,
  now: Leadership,
  since?: Leadership,
): string | null {
  const name = `store ${storeIndex + 1}`
  for (let group = 0; group < groups; group++) {
    const home = homeOfGroup(group) === storeIndex
    const term = now.get(group)
    if (home && term === undefined) return `${name} does not lead group ${group}, which it should`
    if (!home && term !== undefined) return `${name} leads group ${group}, which another store should`
    const before = since?.get(group)
    if (term !== undefined && before !== undefined && before !== term) {
      return `${name} lost group ${group} and won it again (term ${before}, then ${term})`
    }
  }
  return null
}

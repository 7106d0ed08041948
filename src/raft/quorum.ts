import type { ConfigurationEntry, Member } from './configuration.ts'

/**
 * Majorities, simple and joint (paper, sections 5.3 and 6). Pure functions, held against the tables of etcd-io/raft.
 * An empty half decides nothing: it agrees with whatever the other half says.
 */
export type VoteResult = 'won' | 'lost' | 'pending'

/** The largest index that a majority holds. `indexes` is sorted in place. Infinity for no voters. */
export function majorityIndex(indexes: number[]): number {
  if (indexes.length === 0) return Number.POSITIVE_INFINITY
  indexes.sort((a, b) => a - b)
  return indexes[indexes.length - majoritySize(indexes.length)]!
}

export function majoritySize(voters: number): number {
  return Math.floor(voters / 2) + 1
}

/** What `yes` and `no` votes of `voters` mean for one majority. */
export function majorityVote(voters: number, yes: number, no: number): VoteResult {
  if (voters === 0) return 'won'
  const quorum = majoritySize(voters)
  if (yes >= quorum) return 'won'
  return voters - no >= quorum ? 'pending' : 'lost'
}

/** Both majorities must be won; one lost is lost. */
export function jointVote(a: VoteResult, b: VoteResult): VoteResult {
  if (a === 'lost' || b === 'lost') return 'lost'
  return a === 'won' && b === 'won' ? 'won' : 'pending'
}

/** The index that a quorum of `conf` holds, and of `oldConf` too while joint. `indexOf` gives what a voter holds. */
export function quorumIndex(entry: ConfigurationEntry, indexOf: (voter: Member) => number): number {
  const index = majorityIndex(entry.conf.voters.map(indexOf))
  if (entry.oldConf === null) return index
  return Math.min(index, majorityIndex(entry.oldConf.voters.map(indexOf)))
}

/** Whether a quorum of each half satisfies `test`. */
export function hasQuorum(entry: ConfigurationEntry, test: (voter: Member) => boolean): boolean {
  return (
    hasMajority(entry.conf.voters, test) &&
    (entry.oldConf === null || hasMajority(entry.oldConf.voters, test))
  )
}

function hasMajority(voters: readonly Member[], test: (voter: Member) => boolean): boolean {
  let count = 0
  for (const voter of voters) if (test(voter)) count++
  return voters.length === 0 || count >= majoritySize(voters.length)
}

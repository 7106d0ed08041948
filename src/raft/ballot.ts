import type { ConfigurationEntry, Member } from './configuration.ts'
import { jointVote, majorityVote, type VoteResult } from './quorum.ts'

/** The votes of one attempt: a pre-vote or an election. A voter of both halves counts in both, once in each. */
export class Ballot {
  #entry: ConfigurationEntry
  readonly #granted = new Set<number>()
  readonly #refused = new Set<number>()

  constructor(entry: ConfigurationEntry) {
    this.#entry = entry
  }

  grant(replica: number): void {
    if (!this.#refused.has(replica)) this.#granted.add(replica)
  }

  refuse(replica: number): void {
    if (!this.#granted.has(replica)) this.#refused.add(replica)
  }

  get result(): VoteResult {
    const now = this.#half(this.#entry.conf.voters)
    return this.#entry.oldConf === null ? now : jointVote(now, this.#half(this.#entry.oldConf.voters))
  }

  #half(voters: readonly Member[]): VoteResult {
    let yes = 0
    let no = 0
    for (const voter of voters) {
      if (this.#granted.has(voter.replica)) yes++
      else if (this.#refused.has(voter.replica)) no++
    }
    return majorityVote(voters.length, yes, no)
  }
}

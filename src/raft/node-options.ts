/** Times of one group, in milliseconds. */
export interface NodeOptions {
  /** T: a follower that heard no leader for this long stands for election (after a random delay). Default 1000. */
  readonly electionTimeoutMs: number
  /** Interval of the store pair's heartbeat frames. Default T / 10. */
  readonly heartbeatIntervalMs: number
  /** After a vote timeout go back to pre-vote, so that terms do not run away (JRaft's default too). */
  readonly stepDownWhenVoteTimedout: boolean
}

export const DEFAULT_ELECTION_TIMEOUT_MS = 1_000
export const HEARTBEATS_PER_ELECTION_TIMEOUT = 10

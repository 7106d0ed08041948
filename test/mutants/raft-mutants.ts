import type { Mutant } from './mutant.ts'

const ELECTION = 'src/raft/election.ts'
const NODE = 'src/raft/node-impl.ts'
const APPENDS = 'src/raft/append-handler.ts'
const BALLOTS = 'src/raft/ballot-box.ts'
const LOG = 'src/raft/log-manager.ts'
const READS = 'src/raft/read-only-service.ts'

/** Bugs of consensus. */
export const RAFT_MUTANTS: readonly Mutant[] = [
  {
    name: 'vote-not-persisted',
    what: 'A vote given in a term that the voter is in already goes into no record.',
    edits: [
      {
        file: ELECTION,
        find: `    if (changed) node.persistHardState(vouch)`,
        replace: `    if (node.currTerm !== oldTerm) node.persistHardState(vouch)`,
      },
    ],
  },
  {
    name: 'vote-before-persist',
    what: 'A vote given in a term that the voter is in already is answered before its flush.',
    edits: [
      {
        file: ELECTION,
        find: `    if (changed) node.persistHardState(vouch)`,
        replace: `    if (changed && node.currTerm === oldTerm) vouch.release()
    if (changed) node.persistHardState(node.currTerm === oldTerm ? null : vouch)`,
      },
    ],
  },
  {
    name: 'vote-twice',
    what: 'A voter asked again in the same term votes for the newest candidate.',
    edits: [
      {
        file: ELECTION,
        find: `    else if (node.votedFor !== 0 && node.votedFor !== from.replica) answer = VOTE_REFUSED_VOTED`,
        replace: ``,
      },
    ],
  },
  {
    name: 'vote-for-older-log',
    what: 'A voter does not compare logs.',
    edits: [
      {
        file: ELECTION,
        find: `    return compareLogIds(last, this.#node.log.lastLogId) < 0`,
        replace: `    return compareLogIds(last, this.#node.log.lastLogId) < 0 && last.term === 0`,
      },
    ],
  },
  {
    name: 'vote-for-shorter-log',
    what: 'A voter compares the terms of the last entries only.',
    edits: [
      {
        file: ELECTION,
        find: `    return compareLogIds(last, this.#node.log.lastLogId) < 0`,
        replace: `    return last.term < this.#node.log.lastLogId.term`,
      },
    ],
  },
  {
    name: 'pre-vote-changes-term',
    what: 'A pre-vote takes its receiver to the term that it asks for.',
    edits: [
      {
        file: ELECTION,
        find: `    const refused = this.#refusal(request)`,
        replace: `    const node = this.#node
    if (request.preVote && request.term > node.currTerm) node.stepDown(request.term, 'a pre-vote')
    const refused = this.#refusal(request)`,
      },
    ],
  },
  {
    name: 'elect-self-without-aba-check',
    what: 'A candidate asks for votes when any write of its own vote is done, also that of an earlier attempt.',
    edits: [
      {
        file: ELECTION,
        find: `    if (node.generation !== this.#generation || node.state !== 'candidate' || node.currTerm !== this.#term)
      return
    this.#election`,
        replace: `    if (node.generation < this.#generation || node.currTerm < this.#term) return
    this.#election`,
      },
    ],
  },
  {
    name: 'half-is-enough-for-office',
    what: 'Half of an even number of voters elects a leader.',
    edits: [
      {
        file: 'src/raft/quorum.ts',
        find: `  const quorum = majoritySize(voters)
  if (yes`,
        replace: `  const quorum = Math.ceil(voters / 2)
  if (yes`,
      },
    ],
  },
  {
    name: 'minority-is-enough-for-reads',
    what: 'One voter fewer than a majority confirms a leader to its readers.',
    edits: [
      {
        file: 'src/raft/quorum.ts',
        find: `  return voters.length === 0 || count >= majoritySize(voters.length)`,
        replace: `  return voters.length === 0 || count >= majoritySize(voters.length) - 1`,
      },
    ],
  },
  {
    name: 'no-own-term-entry',
    what: 'A new leader begins its term without an entry of its own.',
    edits: [
      {
        file: NODE,
        find: `    this.proposer.appendConfiguration(encodeConfigurationEntry(this.configuration))
`,
        replace: `    if (this.log.lastIndex === 0) this.proposer.appendConfiguration(encodeConfigurationEntry(this.configuration))
`,
      },
    ],
  },
  {
    name: 'older-terms-committed-by-counting',
    what: 'A leader counts the holders of entries of older terms.',
    edits: [
      {
        file: BALLOTS,
        find: `index < this.#pendingIndex || index <= this.lastCommittedIndex)`,
        replace: `index <= this.lastCommittedIndex)`,
      },
    ],
  },
  {
    name: 'commit-bound-by-last-index',
    what: 'A follower takes the leader’s commit index up to the end of its own log.',
    edits: [
      {
        file: APPENDS,
        find: `    node.commitAsFollower(Math.min(request.commit, request.lastIndex))`,
        replace: `    node.commitAsFollower(Math.min(request.commit, node.log.lastIndex))`,
      },
    ],
  },
  {
    name: 'heartbeat-commit-unbounded',
    what: 'Heartbeats tell the commit index whether or not the follower is known to hold it.',
    edits: [
      {
        file: 'src/raft/replicator.ts',
        find: `    return Math.min(committed, this.matchIndex)`,
        replace: `    return committed`,
      },
    ],
  },
  {
    name: 'ack-names-last-index',
    what: 'An ack names the end of the follower’s log instead of the end of the request.',
    edits: [
      {
        file: APPENDS,
        find: `    const vouch = new AppendAck(node, this, from, request.lastIndex)`,
        replace: `    const vouch = new AppendAck(node, this, from, node.log.lastIndex)`,
      },
    ],
  },
  {
    name: 'ack-before-fsync',
    what: 'An append that holds nothing new is acknowledged at once, though what it names may not be on disk yet.',
    edits: [
      {
        file: APPENDS,
        find: `    node.storage.write({
      slot: node.slot,
      hardState: null,
      cutAfter: part.cutAfter,
      blocks: part.blocks,
      vouch,
    })`,
        replace: `    const nothingNew = part.cutAfter < 0 && part.blocks.length === 0
    if (nothingNew) vouch.release()
    else
      node.storage.write({
        slot: node.slot,
        hardState: null,
        cutAfter: part.cutAfter,
        blocks: part.blocks,
        vouch,
      })`,
      },
    ],
  },
  {
    name: 'truncation-on-older-append',
    what: 'An append that ends before the log does cuts the log behind it.',
    edits: [
      {
        file: APPENDS,
        find: `    return { cutAfter, blocks, bytes }`,
        replace: `    const older = request.blocks.length > 0 && blocks.length === 0 && request.lastIndex < log.lastIndex
    if (older) cutAfter = Math.max(request.lastIndex, committed)
    return { cutAfter, blocks, bytes }`,
      },
    ],
  },
  {
    name: 'mismatch-not-seen',
    what: 'A follower compares the entry before an append only by its index.',
    edits: [
      {
        file: APPENDS,
        find: `    } else if (prevIndex > node.ballotBox.lastCommittedIndex && log.termAt(prevIndex) !== prevTerm) {`,
        replace: `    } else if (prevTerm === 0 && log.termAt(prevIndex) !== prevTerm) {`,
      },
    ],
  },
  {
    name: 'own-ack-before-fsync',
    what: 'A leader with followers counts its own log up to its end, flushed or not.',
    edits: [
      {
        file: NODE,
        find: `        ? this.log.durableIndex
`,
        replace: `        ? (this.configuration.conf.voters.length > 1 ? this.log.lastIndex : this.log.durableIndex)
`,
      },
    ],
  },
  {
    name: 'durability-by-index',
    what: 'A cut leaves the durable index where it was: what comes there next counts as durable at once.',
    edits: [
      {
        file: LOG,
        find: `    if (this.durableIndex > lastKept) this.durableIndex = lastKept
`,
        replace: ``,
      },
    ],
  },
  {
    name: 'settled-by-index-only',
    what: 'A call whose entry was replaced is told that it is done when another entry is applied at its index.',
    edits: [
      {
        file: 'src/raft/pending-tasks.ts',
        find: `    const lost = run.term === term ? null : lostError()`,
        replace: `    const lost = run.term >= 0 ? null : lostError()`,
      },
    ],
  },
  {
    name: 'read-without-quorum-round',
    what: 'A leader answers reads from its commit index without asking whether it still leads.',
    edits: [
      {
        file: READS,
        find: `    return hasQuorum(node.configuration, (voter) => {
      if (voter.replica`,
        replace: `    return hasQuorum(node.configuration, (voter) => {
      if (round.index >= 0) return true
      if (voter.replica`,
      },
      {
        file: READS,
        find: `    if (target !== this.#early && this.#node.configuration.conf.voters.length === 1) this.onAck()`,
        replace: `    if (target !== this.#early) this.onAck()`,
      },
    ],
  },
  {
    name: 'read-round-takes-older-acks',
    what: 'A read is confirmed by an answer to any of the sixteen heartbeats before it came.',
    edits: [
      {
        file: READS,
        find: `      return needed > 0 && replicator !== null && replicator.ackedSequence >= needed`,
        replace: `      return needed > 0 && replicator !== null && replicator.ackedSequence >= needed - 16`,
      },
    ],
  },
  {
    name: 'read-before-own-term-commit',
    what: 'A new leader answers reads before an entry of its own term is committed.',
    edits: [
      {
        file: READS,
        find: `    const target = this.#node.ballotBox.ownTermCommitted ? this.#openRound() : this.#early`,
        replace: `    const target = this.#node.currTerm > 0 ? this.#openRound() : this.#early`,
      },
    ],
  },
  {
    name: 'read-before-applied',
    what: 'A read is answered when all but the last entry up to its index is applied.',
    edits: [
      {
        file: READS,
        find: `    while (this.#waiting.length > 0 && this.#waiting[0]!.index <= index) {`,
        replace: `    while (this.#waiting.length > 0 && this.#waiting[0]!.index <= index + 1) {`,
      },
    ],
  },
  {
    name: 'stale-read-answer',
    what: 'A question for a read index that came over an old connection is answered over the new one.',
    edits: [
      {
        file: READS,
        find: `      const kept = round.remote.filter(({ member }) => member.storeId !== storeId)`,
        replace: `      const kept = round.remote.filter(({ member }) => member.storeId !== storeId || round !== this.#early)`,
      },
    ],
  },
  {
    name: 'no-lease-promise-after-restart',
    what: 'A voter that has just started votes at once, though it may have promised a live leader not to.',
    edits: [
      {
        file: ELECTION,
        find: `    this.#votesFromMs = restarted ? node.host.nowMs() + node.options.electionTimeoutMs : 0`,
        replace: `    this.#votesFromMs = restarted ? node.host.nowMs() : 0`,
      },
    ],
  },
  {
    name: 'leader-never-steps-down',
    what: 'A leader that no quorum answers stays in office.',
    edits: [
      {
        file: NODE,
        find: `    if (!this.replicators.keepsOffice()) {`,
        replace: `    if (!this.replicators.keepsOffice() && this.currTerm === 0) {`,
      },
    ],
  },
  {
    name: 'step-down-refuses-what-is-written',
    what: 'A leader that steps down tells also those whose entries it has written that nothing was done.',
    edits: [
      {
        file: NODE,
        find: `    this.proposer.refuseAll(new FlotillaError('NOT_LEADER', \`stepped down: \${reason}\`))`,
        replace: `    const refusal = new FlotillaError('NOT_LEADER', \`stepped down: \${reason}\`)
    this.proposer.refuseAll(refusal)
    this.pendingTasks.failAll(refusal)`,
      },
    ],
  },
  {
    name: 'machine-failure-passed-over',
    what: 'A state machine that threw goes on with what comes next.',
    edits: [
      {
        file: 'src/store/state-machine-fsm.ts',
        find: `      this.#failed(batch, error)
      return
    }`,
        replace: `      return this.#applied(batch)
    }`,
      },
    ],
  },
]

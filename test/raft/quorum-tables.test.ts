import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { Ballot } from '../../src/raft/ballot.ts'
import { Configuration, ConfigurationEntry, type Member } from '../../src/raft/configuration.ts'
import { majorityIndex, quorumIndex } from '../../src/raft/quorum.ts'

/** The quorum tables of etcd-io/raft, read in place: simple and joint majorities must agree exactly. */
interface Directive {
  readonly verb: string
  readonly line: string
  readonly voters: number[]
  readonly oldVoters: number[] | null
  readonly answers: string[]
  readonly expected: string
}

const FILES = ['majority_commit.txt', 'joint_commit.txt', 'majority_vote.txt', 'joint_vote.txt']
const DIRECTIVES = 127
const directory = findData()

function findData(): string | null {
  for (let at = dirname(fileURLToPath(import.meta.url)); at !== dirname(at); at = dirname(at)) {
    const candidate = join(at, 'shared', 'peerdata', 'etcd-raft-quorum')
    if (existsSync(candidate)) return candidate
  }
  return null
}

function list(line: string, name: string): string[] | null {
  const match = new RegExp(`\\b${name}=\\(([^)]*)\\)`).exec(line)
  if (match === null) return null
  const inside = match[1]!.trim()
  return inside === '' ? [] : inside.split(',').map((part) => part.trim())
}

function parse(text: string): Directive[] {
  const lines = text.split('\n')
  const directives: Directive[] = []
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i]!
    if (!/^(committed|vote)\b/.test(line)) continue
    let end = i + 2
    while (end < lines.length && lines[end] !== '') end++
    const verdict = lines[end - 1]!.replace(/^<empty majority quorum>/, '')
    directives.push({
      verb: line.split(' ')[0]!,
      line,
      voters: (list(line, 'cfg') ?? []).map(Number),
      oldVoters: line.includes('cfgj=zero') ? [] : (list(line, 'cfgj')?.map(Number) ?? null),
      answers: list(line, line.startsWith('vote') ? 'votes' : 'idx') ?? [],
      expected: verdict,
    })
  }
  return directives
}

function configuration(replicas: readonly number[]): Configuration {
  const members = replicas.map((replica): Member => {
    return { storeId: `s${replica}`, replica, role: 'voter', priority: 1 }
  })
  return new Configuration(members, Math.max(0, ...replicas) + 1)
}

/** Answers are given in the order in which the ids first appear. */
function byReplica(directive: Directive): Map<number, string> {
  const ids = [...new Set([...directive.voters, ...(directive.oldVoters ?? [])])]
  return new Map(ids.map((id, i) => [id, directive.answers[i] ?? '_']))
}

function evaluate(directive: Directive): string {
  const entry = new ConfigurationEntry(
    configuration(directive.voters),
    directive.oldVoters === null ? null : configuration(directive.oldVoters),
  )
  const answers = byReplica(directive)
  if (directive.verb === 'committed') {
    const index = quorumIndex(entry, (voter) => Number(answers.get(voter.replica)!.replace('_', '0')))
    return index === Number.POSITIVE_INFINITY ? '∞' : String(index)
  }
  const ballot = new Ballot(entry)
  for (const [replica, answer] of answers) {
    if (answer === 'y') ballot.grant(replica)
    else if (answer === 'n') ballot.refuse(replica)
  }
  return { won: 'VoteWon', lost: 'VoteLost', pending: 'VotePending' }[ballot.result]
}

describe.skipIf(directory === null)('quorum tables of etcd-io/raft', () => {
  const directives =
    directory === null ? [] : FILES.flatMap((file) => parse(readFileSync(join(directory, file), 'utf8')))

  test(`all ${DIRECTIVES} directives are read`, () => {
    expect(directives.length).toBe(DIRECTIVES)
  })

  test('every directive agrees exactly', () => {
    const wrong = directives.filter((directive) => evaluate(directive) !== directive.expected)
    expect(
      wrong.map((directive) => `${directive.line} → ${evaluate(directive)}, not ${directive.expected}`),
    ).toEqual([])
  })
})

if (directory === null) {
  test('quorum tables of etcd-io/raft: SKIPPED, the data is not beside this checkout', () => {
    process.stderr.write('quorum tables skipped: shared/peerdata/etcd-raft-quorum is absent\n')
  })
}

test('an index is held by a majority when that many voters hold at least it, for random voters', () => {
  let seed = 7
  const next = (n: number): number => {
    seed = (seed * 1103515245 + 12345) % 2147483648
    return seed % n
  }
  for (let round = 0; round < 5_000; round++) {
    const indexes = Array.from({ length: 1 + next(9) }, () => next(12))
    const quorum = Math.floor(indexes.length / 2) + 1
    let naive = 0
    for (const index of indexes)
      if (indexes.filter((other) => other >= index).length >= quorum) naive = Math.max(naive, index)
    expect(majorityIndex([...indexes])).toBe(naive)
  }
})

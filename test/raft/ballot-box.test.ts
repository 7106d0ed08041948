import { expect, test } from 'vitest'
import { BallotBox } from '../../src/raft/ballot-box.ts'
import { Configuration, ConfigurationEntry, type Member } from '../../src/raft/configuration.ts'

function conf(...replicas: number[]): Configuration {
  const members = replicas.map((replica): Member => {
    return { storeId: `s${replica}`, replica, role: 'voter', priority: 1 }
  })
  return new Configuration(members, 10)
}

/** `held[replica]` is what each voter has on disk. */
function recount(box: BallotBox, entry: ConfigurationEntry, held: Record<number, number>): boolean {
  return box.recount(entry, (voter) => held[voter.replica] ?? 0)
}

test('entries of older terms are committed only by one of the own term above them (paper, figure 8)', () => {
  const box = new BallotBox(3)
  const entry = new ConfigurationEntry(conf(1, 2, 3))
  // Elected with entries up to 7 of older terms; its own first entry is 8.
  box.resetPendingIndex(8)
  expect(recount(box, entry, { 1: 8, 2: 7, 3: 7 })).toBe(false)
  expect([box.lastCommittedIndex, box.ownTermCommitted]).toEqual([3, false])
  expect(recount(box, entry, { 1: 8, 2: 8, 3: 3 })).toBe(true)
  expect([box.lastCommittedIndex, box.ownTermCommitted]).toEqual([8, true])
})

test('a joint configuration needs both majorities', () => {
  const box = new BallotBox(0)
  const joint = new ConfigurationEntry(conf(1, 2, 3), conf(1, 4, 5))
  box.resetPendingIndex(1)
  expect(recount(box, joint, { 1: 5, 2: 5, 3: 5 })).toBe(false)
  expect(recount(box, joint, { 1: 5, 2: 5, 4: 2 })).toBe(true)
  expect(box.lastCommittedIndex).toBe(2)
})

test('the commit index never falls, and nothing is counted out of office', () => {
  const box = new BallotBox(0)
  const entry = new ConfigurationEntry(conf(1, 2, 3))
  expect(recount(box, entry, { 1: 5, 2: 5 })).toBe(false)
  box.resetPendingIndex(1)
  expect(recount(box, entry, { 1: 5, 2: 5 })).toBe(true)
  expect(recount(box, entry, { 1: 5, 2: 4 })).toBe(false)
  box.clearPendingIndex()
  expect([box.setLastCommittedIndex(4), box.setLastCommittedIndex(6), box.lastCommittedIndex]).toEqual([
    false,
    true,
    6,
  ])
})

import { describe, expect, test } from 'vitest'
import { KIND_CONFIGURATION, KIND_DATA, packBlock } from '../../src/block/log-block.ts'
import { Configuration, ConfigurationEntry } from '../../src/raft/configuration.ts'
import { encodeConfigurationEntry } from '../../src/raft/configuration-codec.ts'
import type { FsmCaller } from '../../src/raft/fsm-caller.ts'
import { StateMachineFsm, type UserStateMachine } from '../../src/store/state-machine-fsm.ts'

const MEMBERS = encodeConfigurationEntry(
  new ConfigurationEntry(new Configuration([{ storeId: 's1', replica: 1, role: 'voter', priority: 1 }], 2)),
)
/** Entry 1 is a configuration, entries 2 and 3 are data. */
const BLOCKS = [
  packBlock({ groupTag: 1, kind: KIND_CONFIGURATION, term: 1, firstIndex: 1, prevTerm: 0 }, [MEMBERS], 0, 1),
  packBlock(
    { groupTag: 1, kind: KIND_DATA, term: 1, firstIndex: 2, prevTerm: 1 },
    [Buffer.from('a'), Buffer.from('b')],
    0,
    2,
  ),
]

/** What a machine's group hears of it. */
function run(machine: UserStateMachine): { fsm: StateMachineFsm; heard: string[] } {
  const heard: string[] = []
  const fsm = new StateMachineFsm(machine)
  const caller: Pick<FsmCaller, 'onApplied' | 'onFailed' | 'lastAppliedIndex'> = {
    lastAppliedIndex: 0,
    onApplied: (index, results) => {
      heard.push(`applied ${index} ${results?.join() ?? ''}`)
    },
    onFailed: (index, message) => {
      heard.push(`failed at ${index}: ${message}`)
    },
  }
  fsm.caller = caller as FsmCaller
  return { fsm, heard }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** An async callback where the interface says void: what it rejects with has nobody who waits for it. */
const rejects = (): void => Promise.reject(new Error('oops')) as unknown as undefined
const throws = (): void => {
  throw new Error('oops')
}

describe('what a callback of the user throws or rejects with stops its replica, not the process', () => {
  test.each([
    ['throws', throws],
    ['rejects', rejects],
  ])('%s', async (_name, callback) => {
    const onApply = (): void => {}
    const later = (): Promise<void> => Promise.resolve()
    const machines: UserStateMachine[] = [
      { onApply, onConfigurationCommitted: callback },
      { onApply: later, onConfigurationCommitted: callback },
      { onApply, onLeaderStart: callback },
      { onApply, onStartFollowing: callback },
    ]
    for (const machine of machines) {
      const { fsm, heard } = run(machine)
      fsm.onLeaderStart(1)
      fsm.onStartFollowing({ storeId: 's2', replica: 2, role: 'voter', priority: 1 }, 1)
      fsm.apply(1, 3, BLOCKS)
      await turn()
      expect(heard).toContain('failed at 0: oops')
      await fsm.close()
    }
  })
})

test('what onApply returns besides a promise is not waited for', async () => {
  const { fsm, heard } = run({ onApply: () => 7 as unknown as undefined })
  fsm.apply(1, 3, BLOCKS)
  await turn()
  expect(heard).toEqual(['applied 3 '])
})

test('a machine that fails while it is being closed ends all the same', async () => {
  let fail: (error: Error) => void = () => {}
  let closed = 0
  const { fsm, heard } = run({
    onApply: () =>
      new Promise((_resolve, reject) => {
        fail = reject
      }),
    close: () => {
      closed++
    },
  })
  fsm.apply(1, 3, BLOCKS)
  await turn()
  const closing = fsm.close()
  fail(new Error('too late'))
  await closing
  expect([heard, closed]).toEqual([['failed at 1: too late'], 1])
})

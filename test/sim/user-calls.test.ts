import { afterEach, describe, expect, test, vi } from 'vitest'
import { Group } from '../../src/client/group.ts'
import { Kv } from '../../src/client/kv.ts'
import { CounterMachine } from '../../src/sim/counter-machine.ts'
import type { SimKv } from '../../src/sim/sim-client.ts'
import { simulate, type SimulationResult, type WorkloadContext } from '../../src/sim/simulate.ts'
import { FlotillaError } from '../../src/util/errors.ts'

const { apply } = Group.prototype

afterEach(() => {
  vi.restoreAllMocks()
})

function play(workload: (context: WorkloadContext) => Promise<unknown>): Promise<SimulationResult> {
  return simulate({
    seed: 1,
    durationMs: 1_500,
    faults: 'none',
    stateMachines: { counter: () => new CounterMachine(() => {}) },
    groups: [{ groupId: 'g', type: 'counter' }],
    kv: { splitKeys: ['m'] },
    workload: async (context) => {
      await workload(context)
    },
  })
}

describe('what the callers of a user are told', () => {
  const applies = (): Promise<SimulationResult> =>
    play(async ({ client, signal, sleep }) => {
      for (let id = 0; !signal.aborted; id++) {
        await client.group('g').apply(Buffer.from(`${id} 1`))
        await sleep(20)
      }
    })

  test('is held against the index and term of what is committed', async () => {
    vi.spyOn(Group.prototype, 'apply').mockImplementation(async function (this: Group, data, options) {
      const answer = await apply.call(this, data, options)
      return { ...answer, index: answer.index - 1 }
    })
    await expect(applies()).rejects.toThrow(/breaks: I-17: /)
  })

  test('is not said twice of a command that is committed twice', async () => {
    vi.spyOn(Group.prototype, 'apply').mockImplementation(async function (this: Group, data, options) {
      await apply.call(this, data, options)
      return apply.call(this, data, options)
    })
    await expect(applies()).rejects.toThrow(/breaks: I-18: /)
  })

  test('is no refusal of what is committed', async () => {
    vi.spyOn(Group.prototype, 'apply').mockImplementation(async function (this: Group, data, options) {
      await apply.call(this, data, options)
      throw new FlotillaError('BUSY', 'not now')
    })
    await expect(applies()).rejects.toThrow(/breaks: I-17b: /)
  })
})

describe('the key-value calls of a user', () => {
  const KEYSPACES = ['default', 'other']

  const writesAndReads = ({ client, signal, sleep }: WorkloadContext): Promise<unknown> => {
    const one = async (kv: SimKv): Promise<void> => {
      for (let i = 0; !signal.aborted; i++) {
        await kv.put('a', Buffer.from(`same head: ${i}`))
        await kv.get('a')
        await kv.batch([
          { type: 'put', key: 'x', value: Buffer.from(`${i}`) },
          { type: 'del', key: 'y' },
        ])
        await kv.del('x')
        await kv.scan('a', 'z')
        await sleep(50)
      }
    }
    return Promise.all(KEYSPACES.map((name) => one(client.kv(name))))
  }

  test('are held against what is committed, in every keyspace, and their history is linearizable', async () => {
    const { kvHistory, history } = await play(writesAndReads)
    expect(kvHistory?.undecided).toBe(0)
    expect(kvHistory?.operations).toBeGreaterThan(history.length)
  })

  test('may not read what was written over', async () => {
    const first = Buffer.from('same head: 0')
    vi.spyOn(Kv.prototype, 'get').mockResolvedValue(first as never)
    await expect(play(writesAndReads)).rejects.toThrow(/breaks: I-15: /)
  })

  test('may not be acknowledged unless they are committed', async () => {
    vi.spyOn(Kv.prototype, 'put').mockResolvedValue()
    await expect(play(writesAndReads)).rejects.toThrow(/breaks: I-17: /)
  })

  test('are not judged when two of them put the same, and then the result says so', async () => {
    const { kvHistory } = await play(async ({ client, signal, sleep }) => {
      while (!signal.aborted) {
        await client.kv().put('a', Buffer.from('1'))
        await sleep(100)
      }
    })
    expect(kvHistory).toBe(null)
  })
})

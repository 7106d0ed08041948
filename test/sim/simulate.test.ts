import { describe, expect, test } from 'vitest'
import type { AppliedEntry, StateMachine } from '../../src/api/state-machine.ts'
import { explore } from '../../src/sim/explore.ts'
import { simulate, type SimulateOptions } from '../../src/sim/simulate.ts'
import { SimulationFailure } from '../../src/sim/simulation-failure.ts'

/** Right: adds what it is told, answers with the sum. */
class Counter implements StateMachine {
  sum = 0

  onApply(entries: Iterable<AppliedEntry>): void {
    for (const entry of entries) {
      this.sum += Number(entry.data.toString())
      entry.reply(Buffer.from(String(this.sum)))
    }
  }

  onQuery(): Buffer {
    return Buffer.from(String(this.sum))
  }
}

/** Wrong: a leader keeps its answer at hand, and goes on giving it when it leads no more. */
class CachingCounter extends Counter {
  #leads = false
  #answer: Buffer | null = null

  override onApply(entries: Iterable<AppliedEntry>): void {
    super.onApply(entries)
    if (this.#leads) this.#answer = super.onQuery()
  }

  onLeaderStart(): void {
    this.#leads = true
    this.#answer = super.onQuery()
  }

  onLeaderStop(): void {
    this.#leads = false
  }

  override onQuery(): Buffer {
    return this.#answer ?? super.onQuery()
  }
}

function counting(machine: () => Counter): Omit<SimulateOptions, 'seed'> {
  return {
    durationMs: 4_000,
    stateMachines: { counter: machine },
    groups: [{ groupId: 'hits', type: 'counter' }],
    workload: async ({ client, random, sleep, signal }) => {
      const hits = client.group('hits')
      while (!signal.aborted) {
        const call = random.chance(0.5) ? hits.apply(Buffer.from('1')) : hits.query(Buffer.from('sum'))
        await call.catch(() => {})
        await sleep(random.between(1, 20))
      }
    },
    check: ({ history, replicas }) => {
      let known = 0
      for (const { kind, outcome, output } of history) {
        if (outcome !== 'done') continue
        const sum = Number(kind === 'apply' ? (output as { result: Buffer }).result : (output as Buffer))
        if (sum < known) throw new Error(`a client knew ${known} and was told ${sum}`)
        known = sum
      }
      const sums = replicas.map(({ machine }) => (machine as Counter).sum)
      expect(new Set(sums).size).toBe(1)
      expect(sums[0]).toBeGreaterThanOrEqual(known)
    },
  }
}

describe('a state machine of a user in simulation', () => {
  test('the marks of the result tell how calls ended', async () => {
    const options = { ...counting(() => new Counter()), faults: { kills: { everyMs: 500, forMs: 300 } } }
    const { marks, history } = await simulate({ ...options, seed: 1 })
    const lost = history.filter(
      ({ outcome, error }) => outcome === 'unknown' && error === 'FLOTILLA_CONNECTION_LOST',
    )
    expect(lost.length).toBeGreaterThan(0)
    expect(marks['call/connection-lost']).toBe(lost.length)
  })

  test('a right one passes under all faults, and the result tells what happened', async () => {
    const result = await simulate({ ...counting(() => new Counter()), seed: 1 })
    expect(result.seed).toBe('1')
    expect(result.traceHash).toMatch(/^[0-9a-f]{16}$/)
    expect(result.steps).toBeGreaterThan(1_000)
    expect(Object.keys(result.faultsByClass).length).toBeGreaterThan(2)
    expect(result.history.some(({ kind, outcome }) => kind === 'apply' && outcome === 'done')).toBe(true)
    expect((await simulate({ ...counting(() => new Counter()), seed: 1 })).traceHash).toBe(result.traceHash)
  })

  test('an answer kept past the end of an office is found by a few seeds', async () => {
    const faults = { partitions: { everyMs: 800, forMs: 400 }, pauses: { everyMs: 800, forMs: 700 } }
    const options = { ...counting(() => new CachingCounter()), faults }
    const found = await explore({ ...options, seeds: 20 }).catch((error) => error)
    expect(found).toBeInstanceOf(SimulationFailure)
    expect(found.message).toMatch(/the check failed: a client knew \d+ and was told \d+/)
    expect(found.trace.length).toBeGreaterThan(10)
    expect(found.replay).toContain(found.seed)
    const again = await simulate({ ...options, seed: found.seed }).catch((error) => error)
    expect(again.message).toBe(found.message.replace(/seed: \d+/, `seed: "${found.seed}"`))
  })

  test('one that draws its own numbers is not deterministic, and the first event that differs is named', async () => {
    class Lottery extends Counter {
      override onQuery(): Buffer {
        return Buffer.from(String(Math.random()))
      }
    }
    const options = {
      ...counting(() => new Lottery()),
      check: () => {},
      faults: 'none' as const,
      durationMs: 500,
    }
    const failure = await simulate({ ...options, seed: 1 }).catch((error) => error)
    expect(failure).toBeInstanceOf(SimulationFailure)
    expect(failure.invariant).toBe('your state machine is not deterministic')
    expect(failure.message).toMatch(/equal up to event \d+[\s\S]*first run +\d+[\s\S]*second run +\d+/)
  })

  test('one that throws stops its replica, and the run says so', async () => {
    class Fragile extends Counter {
      override onApply(entries: Iterable<AppliedEntry>): void {
        super.onApply(entries)
        if (this.sum > 20) throw new Error('I cannot count further')
      }
    }
    const options = { ...counting(() => new Fragile()), faults: 'none' as const, durationMs: 2_000 }
    await expect(simulate({ ...options, seed: 1 })).rejects.toThrow('I cannot count further')
  })

  test('an error of the workload that is none of Flotilla fails the run', async () => {
    const workload = async ({ sleep }: { sleep: (ms: number) => Promise<void> }) => {
      await sleep(100)
      throw new TypeError('a typo')
    }
    await expect(simulate({ ...counting(() => new Counter()), seed: 1, workload })).rejects.toThrow('a typo')
  })
})

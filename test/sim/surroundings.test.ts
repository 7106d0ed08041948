import { describe, expect, test } from 'vitest'
import { CounterMachine } from '../../src/sim/counter-machine.ts'
import { DAMAGING_KINDS, FAULT_KINDS } from '../../src/sim/fault-kinds.ts'
import { drawPlan } from '../../src/sim/run-plan.ts'
import { simulate, type SimulateOptions, type SimulationResult } from '../../src/sim/simulate.ts'
import { drawSurroundings, type Surroundings } from '../../src/sim/surroundings.ts'

const STORES = ['north', 'south', 'east']

function draw(seed: number): Surroundings {
  return drawSurroundings(seed, STORES, 500)
}

describe('what is drawn around the stores of a user', () => {
  const drawn = Array.from({ length: 200 }, (_, seed) => draw(seed))

  test('turns each kind of fault on in some seeds only, and kills in all, but damages nothing', () => {
    for (const kind of [...FAULT_KINDS, 'stale', 'corrupt'] as const) {
      const count = drawn.filter(({ faults }) => faults[kind]).length
      if (DAMAGING_KINDS.some((damaging) => damaging === kind)) expect(count, kind).toBe(0)
      else if (kind === 'kills') expect(count, kind).toBe(200)
      else {
        expect(count, kind).toBeGreaterThan(30)
        expect(count, kind).toBeLessThan(170)
      }
    }
  })

  test('is what whole runs draw, with clocks for the stores that there are', () => {
    const { network, disk, clocks, limits, shards } = drawPlan(3, { stores: 3 })
    const { world, cluster } = draw(3)
    expect(world).toEqual({ network, disk })
    expect(STORES.map((storeId) => cluster.clockOf?.(storeId))).toEqual(Object.values(clocks))
    expect([cluster.limits ?? null, cluster.shards]).toEqual([limits, shards])
    expect(drawn.filter((one) => one.cluster.limits !== undefined).length).toBeGreaterThan(25)
    expect(new Set(drawn.map((one) => one.cluster.heartbeatIntervalMs)).size).toBe(3)
  })
})

describe('a run of a user', () => {
  test('has the network that its seed draws; with a list of kinds it has a plain one', async () => {
    const seed = firstSeed(({ world }) => world.network?.minDelayMs === 5)
    expect(fastestApplyMs(await play(seed, 'all'))).toBeGreaterThan(10)
    expect(fastestApplyMs(await play(seed, { wallJumps: true }))).toBeLessThan(5)
  })

  test('has the bounds of queues that its seed draws', async () => {
    const seed = firstSeed(({ cluster }) => cluster.limits?.pendingTasksPerGroup === 4)
    const { marks } = await play(seed, 'all')
    expect(marks['call/busy']).toBeGreaterThan(0)
    const plain = await play(seed, { wallJumps: true })
    expect(plain.marks['call/busy'] ?? 0).toBe(0)
    expect(Object.keys(plain.faultsByClass)).toEqual(['wallJumps'])
  })

  test('is killed once at least, however short it is', async () => {
    const { faultsByClass } = await play(5, 'all', 500)
    expect(faultsByClass['kills/once']).toBe(1)
  })
})

function firstSeed(is: (around: Surroundings) => boolean): number {
  return Array.from({ length: 100 }, (_, seed) => seed).find((seed) => is(draw(seed)))!
}

function play(
  seed: number,
  faults: SimulateOptions['faults'] & {},
  durationMs = 10_000,
): Promise<SimulationResult> {
  return simulate({
    seed,
    stores: STORES,
    durationMs,
    faults,
    stateMachines: { counter: () => new CounterMachine(() => {}) },
    groups: [{ groupId: 'g', type: 'counter' }],
    workload: async ({ client, sleep, signal }) => {
      const group = client.group('g')
      let id = 0
      while (!signal.aborted) {
        const calls = Array.from({ length: 20 }, () => group.apply(Buffer.from(`${id++} 1`)))
        await Promise.allSettled(calls)
        await sleep(200)
      }
    },
  })
}

function fastestApplyMs({ history }: SimulationResult): number {
  const done = history.filter(({ outcome }) => outcome === 'done')
  return Math.min(...done.map(({ calledMs, returnedMs }) => returnedMs - calledMs))
}

import { describe, expect, test } from 'vitest'
import { drawNemesisOptions, startNemesis } from '../../src/sim/nemesis.ts'
import { SimRandom } from '../../src/sim/random.ts'
import { SimWorld } from '../../src/sim/world.ts'
import { startToy } from './toy.ts'

interface Outcome {
  readonly hash: string
  readonly steps: number
  readonly received: string
}

async function runToy(seed: number, faults: boolean): Promise<Outcome> {
  const { world, processes, received } = startToy({ seed })
  const nemesis = faults ? startNemesis(world, processes, drawNemesisOptions(new SimRandom(`${seed}`))) : null
  await world.run({ forMs: 3_000 })
  nemesis?.stop()
  await world.run({ forMs: 500 })
  return { hash: world.traceHash, steps: world.steps, received: JSON.stringify([...received]) }
}

describe('determinism', () => {
  test('a seed gives the same trace, steps and results twice', async () => {
    const first = await runToy(1, false)
    expect(first.steps).toBeGreaterThan(3_000)
    expect(first.received.length).toBeGreaterThan(3_000)
    expect(await runToy(1, false)).toEqual(first)
  })

  test('seeds under swarm faults replay exactly, and differ from each other', async () => {
    const hashes = new Set<string>()
    for (let seed = 10; seed < 22; seed++) {
      const first = await runToy(seed, true)
      expect(await runToy(seed, true)).toEqual(first)
      hashes.add(first.hash)
    }
    expect(hashes.size).toBe(12)
  })

  test('two worlds that run at the same time do not disturb each other', async () => {
    const alone = await runToy(3, true)
    const [one, other] = await Promise.all([runToy(3, true), runToy(4, true)])
    expect(one).toEqual(alone)
    expect(other.hash).not.toBe(alone.hash)
  })

  test('real time and real scheduling leave no mark: a run with real pauses in it has the same trace', async () => {
    const straight = startToy({ seed: 5 })
    await straight.world.run({ forMs: 600 })
    const halting = startToy({ seed: 5 })
    for (let ms = 100; ms <= 600; ms += 100) {
      await halting.world.run({ untilMs: ms })
      await new Promise((resolve) => setTimeout(resolve, 3))
    }
    expect(halting.world.traceHash).toBe(straight.world.traceHash)
  })

  test('an hour of simulated time with one timer takes one event', async () => {
    const world = new SimWorld({ seed: 1 })
    const process = world.process('a')
    let firedAt = 0
    process.env.timers.setTimeout(() => {
      firedAt = world.nowMs
    }, 3_600_000)
    await world.run({ until: () => firedAt > 0 })
    expect(firedAt).toBe(3_600_000)
    expect(world.steps).toBe(1)
  })

  test('all microtasks of an event run before the next one, however long their chain is', async () => {
    const world = new SimWorld({ seed: 1 })
    const { timers } = world.process('a').env
    let links = 0
    let seenByNext = -1
    timers.setTimeout(async () => {
      for (; links < 10_000; links++) await null
    }, 1)
    timers.setTimeout(() => {
      seenByNext = links
    }, 1)
    await world.run({ forMs: 2 })
    expect(seenByNext).toBe(10_000)
  })
})

describe('timers', () => {
  test('fire in the order of their due times, equal ones in the order of their setting; cleared ones never', async () => {
    const world = new SimWorld({ seed: 1 })
    const { timers } = world.process('a').env
    const fired: string[] = []
    timers.setTimeout(() => fired.push('late'), 10)
    timers.setTimeout(() => fired.push('first'), 5)
    timers.setTimeout(() => fired.push('second'), 5)
    timers.clearTimeout(timers.setTimeout(() => fired.push('cleared'), 5))
    await world.run({ forMs: 20 })
    expect(fired).toEqual(['first', 'second', 'late'])
  })

  test('immediates of a turn run in order, those they set in a later turn', async () => {
    const world = new SimWorld({ seed: 1 })
    const { timers } = world.process('a').env
    const ran: string[] = []
    timers.setImmediate(() => {
      ran.push('one')
      timers.setImmediate(() => ran.push('three'))
    })
    timers.setImmediate(() => ran.push('two'))
    await world.run({ forMs: 1 })
    expect(ran).toEqual(['one', 'two', 'three'])
  })
})

describe('failures', () => {
  test('an error in an event rejects the run, with seed, trace and the newest events', async () => {
    const world = new SimWorld({ seed: 'bad' })
    world.process('a').env.timers.setTimeout(() => {
      throw new Error('boom')
    }, 7)
    await expect(world.run({ forMs: 10 })).rejects.toThrow(/seed bad, 7 ms[\s\S]*boom[\s\S]*timer +a#1/)
  })

  test('a failing main rejects the run; after the death of its process it does not', async () => {
    const world = new SimWorld({ seed: 1 })
    const failing = async (): Promise<void> => {
      throw new Error('no start')
    }
    const dead = world.process('dead', { main: failing })
    dead.kill()
    await world.run({ forMs: 1 })
    world.process('b', { main: failing })
    await expect(world.run({ forMs: 1 })).rejects.toThrow('no start')
  })

  test('a wait that never ends is refused in simulated time', async () => {
    const world = new SimWorld({ seed: 1 })
    await expect(world.waitFor(() => false, 1_000, 'godot')).rejects.toThrow(
      'Waited 1000 ms in vain for godot',
    )
    await expect(world.settle(new Promise(() => {}), 5)).rejects.toThrow('in vain')
  })

  test('an endless loop of events ends the run', async () => {
    const world = new SimWorld({ seed: 1 })
    const { timers } = world.process('a').env
    const again = (): void => timers.setImmediate(again)
    again()
    await expect(world.run({ forMs: 1_000, maxSteps: 500 })).rejects.toThrow('did not end in 500 steps')
  })
})

describe('randomness', () => {
  test('streams of one seed are independent of each other and even', () => {
    const random = new SimRandom('7')
    const other = random.fork('x')
    const draws = [other.uint32(), other.uint32()]
    random.uint32()
    const again = new SimRandom('7').fork('x')
    expect([again.uint32(), again.uint32()]).toEqual(draws)
    let sum = 0
    for (let i = 0; i < 10_000; i++) sum += random.float()
    expect(sum / 10_000).toBeGreaterThan(0.48)
    expect(sum / 10_000).toBeLessThan(0.52)
  })

  test('each life of a process draws other numbers', async () => {
    const world = new SimWorld({ seed: 1 })
    const process = world.process('a')
    const first = process.env.random.bytes(16)
    expect(process.restart().random.bytes(16)).not.toEqual(first)
  })
})

import { describe, expect, test } from 'vitest'
import { MemoryDisk } from '../../src/env/memory-disk.ts'
import { NodeRandom } from '../../src/env/node-random.ts'
import type { Disk, TimerHandle } from '../../src/env/ports.ts'
import { Ledger, LEDGER_SLOT_STRIDE, LEDGER_SLOTS } from '../../src/storage/ledger.ts'
import { MemoryFiles } from './memory-files.ts'
import { memoryWorld, payloadsOf, TestShard, texts } from './shard-harness.ts'

const PATH = '/shard/ledger'
const ID = Buffer.alloc(16, 7)

/** A disk whose timers fire by hand. */
function handDisk() {
  const files = new MemoryFiles(new MemoryDisk())
  const waiting = new Set<() => void>()
  const timers = {
    setTimeout: (callback: () => void): TimerHandle => {
      waiting.add(callback)
      return callback
    },
    clearTimeout: (handle: TimerHandle) => void waiting.delete(handle as () => void),
    setImmediate: () => {},
  }
  const fire = async (): Promise<void> => {
    for (const callback of [...waiting]) {
      waiting.delete(callback)
      callback()
    }
    await new Promise<void>((resolve) => setImmediate(resolve))
  }
  const disk = { files, timers, random: new NodeRandom() } as unknown as Disk
  return { files, disk, fire, waiting }
}

async function opened(
  hand: ReturnType<typeof handDisk>,
  onError = (_error: Error): void => {},
): Promise<Ledger> {
  await Ledger.create(hand.files, PATH, ID)
  return Ledger.open(hand.disk, PATH, onError)
}

describe('the ledger', () => {
  test('says what was noted last, without a sync, as a mere crash of the process leaves it', async () => {
    const hand = handDisk()
    const ledger = await opened(hand)
    for (const number of [1, 2, 77]) ledger.raise(number)
    expect(await Ledger.read(hand.files, PATH)).toMatchObject({ databaseId: ID, highest: 77 })
  })

  test('after a power cut at any time it is sound and as new as the last sync, whatever sectors stayed', async () => {
    let draw = 1
    const keep = (): boolean => {
      draw = (Math.imul(draw, 1_103_515_245) + 12_345) >>> 0
      return draw >>> 31 === 1
    }
    for (let round = 0; round < 40; round++) {
      const hand = handDisk()
      const ledger = await opened(hand)
      let synced = 0
      let number = 0
      for (let step = 0; step < round; step++) {
        ledger.raise(++number)
        if (step % 3 === 2) {
          await hand.fire()
          synced = number
        }
      }
      hand.files.pages.crash(keep)
      const said = await Ledger.read(hand.files, PATH)
      if (typeof said === 'string') throw new Error(said)
      expect(said.highest).toBeGreaterThanOrEqual(synced)
      expect(said.highest).toBeLessThanOrEqual(number)
    }
  })

  test('never rewrites the slot of the last sync, nor the one that is on its way', async () => {
    const hand = handDisk()
    const ledger = await opened(hand)
    const slots = (): string[] => {
      const bytes = hand.files.pages.content(PATH)!
      return Array.from({ length: LEDGER_SLOTS }, (_, i) =>
        bytes.subarray(i * LEDGER_SLOT_STRIDE, i * LEDGER_SLOT_STRIDE + 64).toString('hex'),
      )
    }
    ledger.raise(1)
    await hand.fire()
    for (let number = 2; number < 20; number += 2) {
      ledger.raise(number)
      const before = slots()
      const syncing = ledger.sync()
      ledger.raise(number + 1)
      const changed = slots().filter((slot, i) => slot !== before[i])
      expect(changed).toHaveLength(1)
      await syncing
      await hand.fire()
    }
  })

  test('one bad slot is passed over and counted; without a sound one it is damaged, and absent is absent', async () => {
    const hand = handDisk()
    const ledger = await opened(hand)
    ledger.raise(9)
    await ledger.close()
    const bytes = Buffer.from((await hand.files.readFile(PATH))!)
    for (let slot = 0; slot < LEDGER_SLOTS; slot++) {
      bytes[slot * LEDGER_SLOT_STRIDE + 25]! ^= 4
      await hand.files.writeFile(PATH, bytes)
      const said = await Ledger.read(hand.files, PATH)
      if (slot < LEDGER_SLOTS - 1) expect(said).toMatchObject({ badSlots: slot + 1 })
      else expect(said).toBe('damaged')
    }
    expect(await Ledger.read(hand.files, '/elsewhere')).toBe('absent')
  })

  test('a failed sync is told, and nothing can be noted after it', async () => {
    const hand = handDisk()
    const errors: Error[] = []
    const ledger = await opened(hand, (error) => errors.push(error))
    ledger.raise(1)
    hand.files.syncError = new Error('EIO')
    await hand.fire()
    hand.files.syncError = null
    expect(errors.map(({ message }) => message)).toEqual(['EIO'])
    expect(() => ledger.raise(2)).toThrow('EIO')
  })

  test('leaves no timer behind when it is closed', async () => {
    const hand = handDisk()
    const ledger = await opened(hand)
    ledger.raise(1)
    expect(hand.waiting.size).toBe(1)
    await ledger.close()
    expect(hand.waiting.size).toBe(0)
    hand.files.pages.crash(() => false)
    expect(await Ledger.read(hand.files, PATH)).toMatchObject({ highest: 1 })
  })
})

describe('a shard and its ledger', () => {
  async function closedShard() {
    const world = memoryWorld()
    const test = await TestShard.open(world)
    const a = await test.create('a')
    await a.setTerm(1)
    await a.append(texts('1'))
    await test.shard.close()
    return { world, a }
  }

  test('a ledger that knows of more, of another database, or that is gone is told with the remedy', async () => {
    const { world } = await closedShard()
    const sound = Buffer.from((await world.files.readFile(PATH))!)
    const more = await Ledger.open(world.worker, PATH, () => {})
    more.raise(1_000)
    await more.close()
    await expect(TestShard.open(world)).rejects.toThrow(
      /log in \/shard\/log is damaged: flushes \d+ to 1000 are missing, although the ledger knows of 1000.*Put the old directory back/,
    )
    await Ledger.create(world.files, PATH, ID)
    await expect(TestShard.open(world)).rejects.toThrow(/ledger \/shard\/ledger is that of another database/)
    await world.files.remove(PATH)
    await expect(TestShard.open(world)).rejects.toThrow(/ledger \/shard\/ledger is gone/)
    await world.files.writeFile(PATH, Buffer.alloc(100))
    await expect(TestShard.open(world)).rejects.toThrow(/ledger \/shard\/ledger cannot be read/)
    await world.files.writeFile(PATH, sound)
    const again = await TestShard.open(world)
    expect(payloadsOf(await again.read(1, 1, 9))).toEqual(['1'])
    await again.shard.close()
  })

  test('a log that is wiped, with its ledger or without, is not taken for a new one', async () => {
    const { world } = await closedShard()
    world.disk.remove('/shard/log')
    await expect(TestShard.open(world)).rejects.toThrow(/flushes 1 to \d+ are missing.*the database is empty/)
    world.disk.remove('/shard/log')
    await world.files.remove(PATH)
    await expect(TestShard.open(world, 0, 1, true)).rejects.toThrow(
      /its ledger .* is gone, and the store is not new/,
    )
  })

  test('a birth that was cut short between ledger and log is begun anew', async () => {
    const world = memoryWorld()
    await Ledger.create(world.files, PATH, ID)
    const test = await TestShard.open(world)
    await test.create('a')
    await test.shard.close()
    const again = await TestShard.open(world, 0, 1, true)
    expect(again.shard.recovered).toHaveLength(1)
    await again.shard.close()
  })

  test('a failing sync of the ledger fails the shard', async () => {
    const world = memoryWorld()
    const hand = handDisk()
    Object.assign(world.worker, { timers: hand.disk.timers })
    const test = await TestShard.open(world)
    world.files.syncError = new Error('EIO')
    await hand.fire()
    await test.until(() => test.failures.length > 0)
    await test.shard.close()
  })
})

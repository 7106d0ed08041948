import { expect, test } from 'vitest'
import { SimRandom } from '../../src/sim/random.ts'
import { encodeWal, replayWal, type WalBatch } from '../../src/sim/rocks-wal.ts'
import { CLASSES, compareOutcomes, newTallies, playRun } from './campaign.ts'
import { drawnRot, TABLE_CLASSES } from './table-classes.ts'

/** A sample of `npm run disk-model`: each class once. What needs a tool that this machine lacks is left out. */
test('what real RocksDB makes of a killed, damaged or failing database is what the simulated engine makes of it', async () => {
  const able = CLASSES.filter(({ needs }) => needs === undefined)
  for (const tally of newTallies(able)) {
    await playRun(tally, `sample/${tally.diskClass.name}`)
    expect(tally.violations).toEqual([])
    expect(compareOutcomes(tally).undrawn).toEqual([])
  }
  expect(able.length).toBeGreaterThanOrEqual(12)
})

test('a log of the simulated engine reads back as it was written, whatever the sizes of its batches', () => {
  const random = new SimRandom('wal')
  const flat = (batches: readonly WalBatch[]): string =>
    batches
      .map(({ operations }) => operations.map(([key, value]) => `${key}=${value?.toString('latin1')}`).join())
      .join('\n')
  for (let run = 0; run < 50; run++) {
    const batches = Array.from({ length: random.below(30) }, (_, i) => {
      const size = random.pick([0, 1, 100, 32_750 + random.below(30), 70_000])
      const put = [`key-${i}`, Buffer.alloc(size, random.below(256))] as const
      return { operations: [put, [`gone-${i}`, null] as const], failed: false }
    })
    const { bytes, ends, nextSequence } = encodeWal(batches, 7)
    const replayed = replayWal(bytes, 3)
    expect(flat(replayed) === flat(batches)).toBe(true)
    expect((replayed.at(-1)?.sequence ?? 5) + 2).toBe(nextSequence)
    expect(ends.at(-1) ?? 0).toBe(bytes.length)
  }
})

test('the simulated engine draws every way in which a damaged table was seen to be read', async () => {
  const { drawn } = TABLE_CLASSES.find(({ name }) => name.startsWith('table'))!
  const rows = new Map(Array.from({ length: 50 }, (_, i) => [`key-${i}`, `<${String(i).padStart(7, '0')}>`]))
  const seen = new Set<string>()
  for (let run = 0; run < 60; run++) seen.add(await drawnRot(new SimRandom(`rot/${run}`), rows))
  expect([...seen].sort()).toEqual(drawn.filter((outcome) => !outcome.includes('ends the process')).sort())
})

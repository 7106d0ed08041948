import { expect, test } from 'vitest'
import type { Files, OpenFile } from '../../src/env/ports.ts'
import { startNemesis } from '../../src/sim/nemesis.ts'
import { SimWorld } from '../../src/sim/world.ts'
import { startToy } from './toy.ts'

/** Hash of a world in which one process does something with its files. */
async function hashOf(work: (files: Files, file: OpenFile) => void | Promise<void>): Promise<string> {
  const world = new SimWorld({ seed: 1 })
  const { files } = world.process('a').env
  await world.settle(files.writeFile('/f', Buffer.alloc(100)))
  const file = await world.settle(files.openFile('/f'))
  await world.settle(Promise.resolve(work(files, file!)))
  await world.run({ forMs: 10 })
  return world.traceHash
}

test('what is done to files is in the hash: which one, where and with what bytes', async () => {
  const one = Buffer.from('one')
  const works: ReadonlyArray<(files: Files, file: OpenFile) => void | Promise<void>> = [
    () => {},
    (_files, file) => file.write(one, 0),
    (_files, file) => file.write(one, 8),
    (_files, file) => file.write(Buffer.from('two'), 0),
    (_files, file) => file.truncate(8),
    (_files, file) => file.truncate(9),
    (files) => files.writeFile('/g', one),
    (files) => files.writeFile('/h', one),
    (files) => files.rename('/f', '/g'),
    (files) => files.rename('/f', '/h'),
    (files) => files.remove('/f'),
    (files) => files.remove('/g'),
    (files) => files.makeDir('/g'),
    (files) => files.makeDir('/h'),
  ]
  const hashes = []
  for (const work of works) hashes.push(await hashOf(work))
  expect(new Set(hashes).size).toBe(works.length)
  expect(await hashOf(works[1]!)).toBe(hashes[1])
})

test('two files that get each other’s bytes are another run', async () => {
  const written = (first: string, second: string) =>
    hashOf(async (files) => {
      for (const name of ['/g', '/h']) await files.writeFile(name, Buffer.alloc(8))
      const [g, h] = [await files.openFile('/g'), await files.openFile('/h')]
      const file = { '/g': g!, '/h': h! } as Record<string, OpenFile>
      file[first]!.write(Buffer.from('x'), 0)
      file[second]!.write(Buffer.from('y'), 0)
    })
  expect(await written('/g', '/h')).not.toBe(await written('/h', '/g'))
})

test('what is written to a database is in the hash: to which one, and whether it was synced', async () => {
  const hashes = []
  for (const [dir, sync] of [
    ['g', true],
    ['h', true],
    ['g', false],
    ['g', true],
  ] as const) {
    // Only the trace tells them apart: the disk takes no time for either.
    const disk = { writeMs: 0, syncMs: 0, readMs: 0, openMs: 0 }
    const world = new SimWorld({
      seed: 1,
      disk,
      worker: async (_port, { engine }) => {
        const db = await engine.open(`/${dir}`, { writeBufferBytes: 1 << 20, compression: false })
        const batch = db.createBatch()
        batch.put(Buffer.from('key'), Buffer.from('value'))
        await db.write(batch, sync)
      },
    })
    world.process('a').env.threads.startShard({})
    await world.run({ forMs: 10 })
    hashes.push(world.traceHash)
  }
  expect(new Set(hashes.slice(0, 3)).size).toBe(3)
  expect(hashes[3]).toBe(hashes[0])
})

test('jumps of wall clocks, ends of cuts and of clogs are in the hash and in the log', async () => {
  const { world, processes } = startToy({ seed: 1 })
  const lines: string[] = []
  world.trace.onLine = (line) => lines.push(line)
  const often = { everyMs: 200, forMs: 50 }
  const nemesis = startNemesis(world, processes, { partitions: often, clogs: often, swizzles: often })
  await world.run({ forMs: 3_000 })
  nemesis.stop()
  const before = world.traceHash
  processes[0]!.jumpWallClock(-1_234)
  expect(world.traceHash).not.toBe(before)
  const numberOf = (text: string): number => lines.filter((line) => line.includes(text)).length
  expect(numberOf('the wall clock of a jumps by -1234 ms')).toBe(1)
  expect(numberOf('all cuts end')).toBeGreaterThan(3)
  const clogs = numberOf('clog ')
  const releases = numberOf('release ')
  expect(clogs).toBeGreaterThan(nemesis.counts.clogs)
  expect(releases).toBeGreaterThan(clogs / 2)
})

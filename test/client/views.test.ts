import { describe, expect, test } from 'vitest'
import { RegionScan } from '../../src/client/kv-scan.ts'
import { encodePut } from '../../src/kv/command.ts'
import { MAX_REMOTE_VIEWS_PER_PEER, REMOTE_VIEW_IDLE_MS } from '../../src/util/limits.ts'
import { type TestStore, World } from './world.ts'

const GROUP = 'kv/0000'

/** s4 hosts no replica: it scans at s1, which leads, until it cannot. */
async function worldWithRows(): Promise<{ world: World; s4: TestStore; put(value: string): Promise<void> }> {
  const world = new World(['s1', 's2', 's3', 's4'])
  world.group(GROUP, ['s1', 's2', 's3'], 'kv')
  const { router } = world.store('s1')
  const put = async (value: string) => {
    for (let i = 0; i < 10; i++) {
      const key = Buffer.from(`k${i}`)
      await world.settle(router.apply(GROUP, encodePut(key, Buffer.from(value))))
    }
  }
  await put('old')
  return { world, s4: world.store('s4'), put }
}

function openScans(world: World): number {
  return [...world.groups.get(GROUP)!.replicas.values()].reduce((sum, { asked }) => sum + asked.openScans, 0)
}

async function page(world: World, scan: RegionScan, rows = 3): Promise<string[]> {
  const { value, error } = await world.settle(scan.next(rows))
  if (error !== null) throw error
  return value.keys.map((key, i) => `${key} ${value.values[i]}`)
}

describe('a scan over the wire', () => {
  test('is of one view, from one store, whatever is written between its pages', async () => {
    const { world, s4, put } = await worldWithRows()
    const scan = new RegionScan(s4.router, GROUP, {})
    const rows = await page(world, scan)
    await put('new')
    while (!scan.done) rows.push(...(await page(world, scan)))
    expect(rows).toEqual(Array.from({ length: 10 }, (_, i) => `k${i} old`))
    const scans = [...world.groups.get(GROUP)!.replicas.values()].map(({ asked }) => asked.scans)
    expect(scans.reduce((sum, count) => sum + count)).toBe(1)
    await world.run(10)
    expect(openScans(world)).toBe(0)
  })

  test('goes on from its place, of a newer view, when its store is lost', async () => {
    const { world, s4, put } = await worldWithRows()
    const scan = new RegionScan(s4.router, GROUP, {})
    const rows = await page(world, scan)
    await put('new')
    world.cut('s4', 's1')
    while (!scan.done) rows.push(...(await page(world, scan)))
    expect(rows).toEqual(Array.from({ length: 10 }, (_, i) => `k${i} ${i < 3 ? 'old' : 'new'}`))
    await world.run(10)
    // The cut has ended the view at the store that was lost too.
    expect(openScans(world)).toBe(0)
  })

  test('that is closed, or given up in the middle of a page, is closed where it was read', async () => {
    const { world, s4 } = await worldWithRows()
    const closed = new RegionScan(s4.router, GROUP, {})
    await page(world, closed)
    expect(openScans(world)).toBe(1)
    closed.close()
    await world.run(10)
    expect(openScans(world)).toBe(0)

    const given = new RegionScan(s4.router, GROUP, {})
    await page(world, given)
    const controller = new AbortController()
    const pending = given.next(3, { signal: controller.signal }).catch((error: Error) => error.name)
    controller.abort()
    expect(await pending).toBe('AbortError')
    await world.run(10)
    expect(openScans(world)).toBe(0)
    // And it can still be read on, of another view.
    expect(await page(world, given, 100)).toHaveLength(7)
  })

  test('that nobody reads for a minute ends, and its reader goes on all the same', async () => {
    const { world, s4, put } = await worldWithRows()
    const scan = new RegionScan(s4.router, GROUP, {})
    await page(world, scan)
    await world.run(REMOTE_VIEW_IDLE_MS / 2)
    await page(world, scan)
    await world.run(REMOTE_VIEW_IDLE_MS * 0.9)
    expect(openScans(world)).toBe(1)
    await world.run(REMOTE_VIEW_IDLE_MS)
    expect(openScans(world)).toBe(0)
    await put('new')
    expect(await page(world, scan, 100)).toEqual(['k6 new', 'k7 new', 'k8 new', 'k9 new'])
  })

  test('is refused where too many are open already, and the refusal opens none', async () => {
    const { world, s4 } = await worldWithRows()
    const scans = Array.from(
      { length: MAX_REMOTE_VIEWS_PER_PEER },
      () => new RegionScan(s4.router, GROUP, {}),
    )
    for (const scan of scans) await page(world, scan)
    const { error } = await world.settle(new RegionScan(s4.router, GROUP, {}).next(1))
    expect(error).toMatchObject({ code: 'FLOTILLA_BUSY' })
    expect(openScans(world)).toBe(MAX_REMOTE_VIEWS_PER_PEER)
    for (const scan of scans) scan.close()
    await world.run(10)
    expect(openScans(world)).toBe(0)
    expect(world.pending).toBe(0)
  })
})

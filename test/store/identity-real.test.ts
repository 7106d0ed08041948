import fs from 'node:fs'
import path from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import type { Store } from '../../src/index.ts'
import { TestCluster, until } from '../api/cluster.ts'

let cluster: TestCluster | null = null

afterEach(async () => {
  await cluster?.close()
  cluster = null
})

async function three(): Promise<TestCluster> {
  cluster = await TestCluster.open(['s1', 's2', 's3'], { kv: false })
  const group = await cluster
    .store('s1')
    .createGroup({ groupId: 'g', type: 'counter', members: ['s1', 's2', 's3'] })
  for (let i = 0; i < 20; i++) await group.apply(Buffer.from('1'), { timeoutMs: 20_000 })
  return cluster
}

function directory(of: TestCluster, storeId: string): string {
  return path.join(of.dir, storeId)
}

function errorOf(store: Store, peer: string): string {
  return store.describe().peers.find(({ storeId }) => storeId === peer)?.error?.code ?? ''
}

/** The store is suspect to both ends, and with the third gone nobody acknowledges anything. */
async function countsForNothing(of: TestCluster, storeId: string, why: RegExp): Promise<void> {
  const [one, other] = ['s1', 's2']
  const suspect = of.store(storeId)
  await until(
    () => suspect.describe().suspect !== null && errorOf(of.store(one), storeId).includes('REPLACED'),
  )
  expect(suspect.describe().suspect!.code).toBe('FLOTILLA_STORE_REPLACED')
  expect(suspect.describe().suspect!.message).toMatch(why)
  await of.stop(other)
  await expect(of.store(one).group('g').apply(Buffer.from('1'), { timeoutMs: 1_500 })).rejects.toThrow()
  await of.start(other)
  await of.store(other).group('g').apply(Buffer.from('1'), { timeoutMs: 20_000 })
}

describe('on real disks', () => {
  test('a shard that is gone from a living directory is damage, not a new shard', async () => {
    const of = await three()
    await of.stop('s3')
    fs.rmSync(path.join(directory(of, 's3'), 'shard-00'), { recursive: true })
    await expect(of.start('s3')).rejects.toMatchObject({
      code: 'FLOTILLA_CORRUPT',
      message: expect.stringMatching(/ledger .* is gone, and the store is not new/),
    })
    await of.store('s1').group('g').apply(Buffer.from('1'), { timeoutMs: 20_000 })
  })

  test('a wiped directory under an old id is refused by both ends and counts for nothing', async () => {
    const of = await three()
    await of.stop('s3')
    fs.rmSync(directory(of, 's3'), { recursive: true })
    await of.start('s3')
    await countsForNothing(of, 's3', /wiped or replaced/)
  })

  test('a directory put back from an older copy is refused by both ends and counts for nothing', async () => {
    const of = await three()
    await of.stop('s3')
    const copy = path.join(of.dir, 'copy')
    fs.cpSync(directory(of, 's3'), copy, { recursive: true })
    await of.start('s3')
    await of.store('s3').group('g').apply(Buffer.from('1'), { timeoutMs: 20_000 })
    await of.stop('s3')
    fs.rmSync(directory(of, 's3'), { recursive: true })
    fs.renameSync(copy, directory(of, 's3'))
    const told: string[] = []
    const s3 = await of.start('s3')
    s3.on('suspect', ({ by }) => told.push(by))
    await countsForNothing(of, 's3', /comes from two processes/)
    expect(told.length).toBeLessThanOrEqual(1)
  })

  test('a second store on one directory is refused; the boot number stays, and the first goes on', async () => {
    const of = await three()
    const read = () => fs.readFileSync(path.join(directory(of, 's3'), 'identity.json'), 'utf8')
    const identity = read()
    const first = of.store('s3')
    const refused = of.start('s3')
    await expect(refused).rejects.toMatchObject({ code: 'FLOTILLA_DATA_DIR_LOCKED' })
    // Files that change under the eyes of the second look damaged; that they are in use is the truth.
    fs.rmSync(path.join(directory(of, 's3'), 'shard-00', 'ledger'))
    await expect(of.start('s3')).rejects.toMatchObject({ code: 'FLOTILLA_DATA_DIR_LOCKED' })
    expect(of.store('s3')).toBe(first)
    expect(read()).toBe(identity)
    const { result } = await first.group('g').apply(Buffer.from('1'), { timeoutMs: 20_000 })
    expect(result!.toString()).toBe('21')
  })
})

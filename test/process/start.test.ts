import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import type { OpenArgs } from './child-calls.ts'
import { type Cluster, withCluster } from './cluster-harness.ts'
import { HANG_MS, within } from './guard.ts'
import { Refusal } from './store-process.ts'

vi.setConfig({ testTimeout: 2 * HANG_MS })

/** A process that is refused its store must end by itself afterwards. Returns why it was refused. */
async function refusalOf(cluster: Cluster, args: OpenArgs): Promise<Refusal> {
  const process = cluster.spawn(args.storeId)
  const refusal = await process.open(args).then(
    () => null,
    (error: unknown) => error,
  )
  if (!(refusal instanceof Refusal)) throw new Error(`it was not refused: ${String(refusal)}`)
  const end = await within(process.ended, 'end of the refused process by itself')
  expect(end).toEqual({ code: 0, signal: null, output: '' })
  expect(refusal.outcome, refusal.message).toBe('not-applied')
  return refusal
}

async function putWorks(cluster: Cluster, storeId: string): Promise<void> {
  await cluster.store(storeId).call('put', { key: 'k', value: 'v' })
}

/** Alone in its cluster: it leads itself. */
function alone(cluster: Cluster, port = 0): OpenArgs {
  const args = cluster.openArgs('s1')
  return { ...args, stores: { s1: port === 0 ? args.stores.s1! : `127.0.0.1:${port}` } }
}

describe('two processes that are born at once in one empty directory', () => {
  test.each([
    [1, 6],
    [3, 4],
  ])('with shards: %i: one has it, the other is told that it is taken, %i times', (shards, times) =>
    withCluster(async (cluster) => {
      for (let round = 0; round < times; round++) {
        const dataDir = `${cluster.dirOf('s1')}-${round}`
        const args = { ...alone(cluster), stores: { s1: '127.0.0.1:0' }, dataDir, shards }
        const twins = [cluster.spawn('s1'), cluster.spawn('s1')]
        // Both are up and loaded, so that they begin within microseconds of each other.
        await Promise.all(twins.map((twin) => twin.call('ready', null)))
        const outcomes = await Promise.allSettled(twins.map((twin) => twin.open(args)))
        const won = outcomes.findIndex(({ status }) => status === 'fulfilled')
        const [lost] = outcomes.flatMap((one) => (one.status === 'rejected' ? [one.reason as Refusal] : []))
        expect([won >= 0, lost?.code], lost?.message).toEqual([true, 'FLOTILLA_DATA_DIR_LOCKED'])
        const identity = () => readFile(path.join(dataDir, 'identity.json'), 'utf8')
        expect(await identity()).toMatch(/"boot": ?1[,\n}]/)
        expect((await readdir(dataDir)).filter((name) => name.startsWith('identity.json.'))).toEqual([])
        const [winner, loser] = won === 0 ? twins : [twins[1]!, twins[0]!]
        expect(await within(loser!.ended, 'end of the other')).toEqual({ code: 0, signal: null, output: '' })
        await winner!.call('put', { key: 'k', value: 'v' })
        await winner!.call('close', null)
        await within(winner!.ended, 'end of the one that had it')
      }
    }),
  )
})

describe('a store process does not start', () => {
  test('on a data directory that another process has open, and the other goes on', () =>
    withCluster(async (cluster) => {
      await cluster.start()
      const args = cluster.openArgs('s2')
      const identity = await readFile(path.join(args.dataDir, 'identity.json'), 'utf8')
      const elsewhere = { ...args, stores: { ...args.stores, s2: '127.0.0.1:0' } }
      const refusal = await refusalOf(cluster, elsewhere)
      expect(refusal.code).toBe('FLOTILLA_DATA_DIR_LOCKED')
      expect(refusal.message).toContain(args.dataDir)
      expect(await readFile(path.join(args.dataDir, 'identity.json'), 'utf8')).toBe(identity)
      await putWorks(cluster, 's2')
    }))

  test('on a port that is taken, and can start on another afterwards', () =>
    withCluster(async (cluster) => {
      const first = cluster.spawn('s1')
      const { address } = await first.open(alone(cluster))
      const args = { ...cluster.openArgs('s2'), stores: { s2: address } }
      const refusal = await refusalOf(cluster, args)
      expect(refusal.code).toBe('FLOTILLA_ADDRESS_IN_USE')
      expect(refusal.message).toContain(address)
      const elsewhere = cluster.spawn('s2')
      await elsewhere.open({ ...args, stores: { s2: '127.0.0.1:0' } })
      await elsewhere.call('put', { key: 'k', value: 'v' })
      await first.call('put', { key: 'k', value: 'v' })
    }))

  test('under another name, in another cluster, or with another number of shards', () =>
    withCluster(async (cluster) => {
      const args = alone(cluster)
      const first = cluster.spawn('s1')
      await first.open(args)
      await first.call('put', { key: 'k', value: 'v' })
      await first.call('close', null)
      await within(first.ended, 'end of the first process')

      const { dataDir } = args
      for (const [change, words] of [
        [{ clusterId: 'other' }, ['clusterId', 'process-tests', 'other']],
        [{ storeId: 'other', stores: { other: '127.0.0.1:0' } }, ['storeId', 's1', 'other']],
        [{ shards: 2 }, ['shards', '1', '2']],
      ] as const) {
        const refusal = await refusalOf(cluster, { ...args, ...change })
        expect(refusal.code).toBe('FLOTILLA_IDENTITY_MISMATCH')
        for (const word of [...words, dataDir]) expect(refusal.message).toContain(word)
      }
      const again = cluster.spawn('s1')
      await again.open(args)
      await again.call('put', { key: 'k', value: 'v' })
    }))

  test('in a directory of other files, which it leaves alone', () =>
    withCluster(async (cluster) => {
      const args = alone(cluster)
      await mkdir(args.dataDir, { recursive: true })
      await writeFile(path.join(args.dataDir, 'thesis.txt'), 'the only copy')
      const refusal = await refusalOf(cluster, args)
      expect(refusal.code).toBe('FLOTILLA_IDENTITY_MISMATCH')
      expect(refusal.message).toContain('thesis.txt')
      expect(await readdir(args.dataDir)).toEqual(['thesis.txt'])
    }))

  test('when its identity was damaged', () =>
    withCluster(async (cluster) => {
      const args = alone(cluster)
      const first = cluster.spawn('s1')
      await first.open(args)
      await first.kill()
      const file = path.join(args.dataDir, 'identity.json')
      await writeFile(file, (await readFile(file, 'utf8')).replace('"s1"', '"s2"'))
      const refusal = await refusalOf(cluster, args)
      expect(refusal.code).toBe('FLOTILLA_CORRUPT')
      expect(refusal.message).toContain('identity.json')
    }))
})

import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { withTempDir } from '../cli/temp-dir.ts'
import { controlCodesIn, startCli } from './cli-process.ts'
import { devStores, expectGone, startDev, startWriting, withClient } from './dev-process.ts'
import { until } from './guard.ts'

describe('flotilla dev', () => {
  test('a store process killed with kill -9 is started again, and nothing acknowledged is lost', async () => {
    await withTempDir(async (tmp) => {
      // Neither a file nor a variable that is meant for serve may reach it.
      const settings = { env: { FLOTILLA_DATA_DIR: join(tmp, 'not-here'), FLOTILLA_KV: 'false' } }
      const dev = startDev(tmp, [], settings)
      const ready = await devStores(dev)
      expect(ready.stores.map(({ storeId }) => storeId)).toEqual(['s1', 's2', 's3'])
      expect(new Set(ready.stores.map(({ pid }) => pid)).size).toBe(3)
      const victim = ready.stores[1]!
      await withClient(ready, async (client) => {
        const writing = startWriting(client)
        process.kill(victim.pid, 'SIGKILL')
        await dev.seen(/s2 is back: process \d+/)
        const acked = await writing.stop()
        expect(acked.size).toBeGreaterThan(0)
        const kv = client.kv()
        for (const [key, value] of acked) expect(await kv.get(key)).toBe(value)
      })
      expect(dev.output.stderr).toMatch(
        new RegExp(`s2, process ${victim.pid}, ended: SIGKILL; it is started again in 250 ms`),
      )
      const again = Number(/s2 is back: process (\d+)/.exec(dev.output.stderr)?.[1])
      expect(again).not.toBe(victim.pid)
      process.kill(again, 0)
      dev.signalGroup('SIGINT')
      expect(await dev.ended, dev.output.stderr).toBe(0)
      expect(dev.output.stdout.trimEnd().split('\n')).toHaveLength(1)
      expect(controlCodesIn(dev.output.stdout + dev.output.stderr)).toEqual([])
      await expectGone(tmp)
    })
  })

  test('a directory of the user keeps the data, on other ports too, and what it was made with', async () => {
    await withTempDir(async (tmp) => {
      await withTempDir(async (home) => {
        const args = ['--data-dir', 'kept', '--groups', '2', '--stores', '1']
        const first = startDev(tmp, args, { cwd: home })
        const ready = await devStores(first)
        expect(ready).toMatchObject({ dataDir: join(home, 'kept'), groups: 2 })
        await withClient(ready, (client) => client.kv().put('a', '1'))
        first.child.kill('SIGTERM')
        expect(await first.ended, first.output.stderr).toBe(0)

        const second = startDev(tmp, ['--data-dir', 'kept'], { cwd: home })
        const again = await devStores(second)
        expect(again.stores).toHaveLength(1)
        expect(await withClient(again, (client) => client.kv().get('a'))).toBe('1')
        second.child.kill('SIGINT')
        expect(await second.ended).toBe(0)

        const other = startDev(tmp, ['--data-dir', 'kept', '--groups', '3'], { cwd: home })
        expect(await other.ended).toBe(2)
        expect(other.output.stderr).toMatch(/was made with --groups 2/)
        await expectGone(tmp)
      })
    })
  })

  test('for people it says how to talk to the cluster', async () => {
    await withTempDir(async (tmp) => {
      const dev = startCli(tmp, ['dev', '--port', '0', '--stores', '1', '--groups', '1'])
      await dev.seen(/Ctrl-C ends all/)
      const address = /127\.0\.0\.1:\d+/.exec(dev.output.stdout)![0]
      expect(dev.output.stdout).toMatch(new RegExp(`kv put greeting hello --stores ${address}`))
      expect(dev.output.stdout).toContain(`Client.connect({ stores: ['${address}'] })`)
      expect(controlCodesIn(dev.output.stdout + dev.output.stderr)).toEqual([])
      dev.signalGroup('SIGINT')
      expect(await dev.ended).toBe(0)
      await expectGone(tmp)
    })
  })

  test('a port that is taken, and a directory that is not its own, are refused with what to do', async () => {
    await withTempDir(async (tmp) => {
      const taken = createServer()
      await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
      const { port } = taken.address() as { port: number }
      const onTaken = startCli(tmp, [
        'dev',
        '--json',
        '--stores',
        '1',
        '--port',
        String(Math.min(port, 65_000)),
      ])
      if (port <= 65_000) {
        expect(await onTaken.ended).toBe(1)
        expect(onTaken.output.stderr).toMatch(/give another --port; --port 0 takes free ones/)
        expect(JSON.parse(onTaken.output.stdout)).toMatchObject({
          error: { code: 'FLOTILLA_ADDRESS_IN_USE', outcome: 'not-applied' },
        })
      } else {
        onTaken.child.kill('SIGTERM')
        await onTaken.ended
      }
      taken.close()
      await expectGone(tmp)
      await withTempDir(async (home) => {
        await mkdir(join(home, 'mine'))
        await writeFile(join(home, 'mine', 'letter.txt'), 'dear')
        const dev = startDev(tmp, ['--data-dir', 'mine'], { cwd: home })
        expect(await dev.ended).toBe(2)
        expect(JSON.parse(dev.output.stdout).error.message).toMatch(/is not empty/)
        expect(await readdir(join(home, 'mine'))).toEqual(['letter.txt'])
      })
    })
  })

  test('its stores end by themselves when it is killed, and clean up', async () => {
    await withTempDir(async (tmp) => {
      const dev = startDev(tmp)
      const { stores } = await devStores(dev)
      dev.child.kill('SIGKILL')
      expect(await dev.ended).toBeNull()
      await until('no store is left', () => stores.every(({ pid }) => isGone(pid)))
      await expectGone(tmp)
    })
  })
})

function isGone(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return false
  } catch {
    return true
  }
}

import { existsSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { withTempDir } from '../cli/temp-dir.ts'
import { type CliProcess, processesOf } from './cli-process.ts'
import { devStores, expectGone, startDev, startWriting, withClient } from './dev-process.ts'
import { until } from './guard.ts'

/** Brings a cluster to a moment of its life, ends it there, and resolves when that is done. */
type Moment = (tmp: string, dev: CliProcess, end: () => void) => Promise<void>

const MOMENTS: Readonly<Record<string, Moment>> = {
  'while its stores start': async (tmp, _dev, end) => {
    // Itself and the first of them.
    await until('a store process', async () => (await processesOf(tmp)).length >= 2)
    end()
  },
  'during the first election': async (_tmp, dev, end) => {
    await dev.seen(/"ready"|became leader/)
    end()
  },
  'under load': async (_tmp, dev, end) => {
    await withClient(await devStores(dev), async (client) => {
      const writing = startWriting(client)
      await until('writes', () => writing.acked.size > 20)
      end()
      await writing.stop()
    })
  },
  'while a store restarts': async (_tmp, dev, end) => {
    const { stores } = await devStores(dev)
    process.kill(stores[0]!.pid, 'SIGKILL')
    await dev.seen(/is started again in 250 ms/)
    // The process is there and is not a store yet.
    await sleep(350)
    end()
  },
  'while it closes': async (_tmp, dev, end) => {
    await devStores(dev)
    dev.child.kill('SIGINT')
    await sleep(10)
    end()
  },
}

interface Ending {
  readonly args: readonly string[]
  end(dev: CliProcess): void
}

const ENDINGS: Readonly<Record<string, Ending>> = {
  'Ctrl-C': { args: [], end: (dev) => dev.signalGroup('SIGINT') },
  // One store is enough, and sooner there.
  SIGTERM: { args: ['--stores', '1'], end: (dev) => dev.child.kill('SIGTERM') },
}

const CASES = Object.keys(MOMENTS).flatMap((when) => {
  return Object.keys(ENDINGS).map((what) => [what, when] as const)
})

describe('the end of flotilla dev', () => {
  test.each(CASES)('%s %s leaves no process and no directory', async (what, when) => {
    await withTempDir(async (tmp) => {
      const { args, end } = ENDINGS[what]!
      const dev = startDev(tmp, [...args, '--log-level', 'info'])
      await MOMENTS[when]!(tmp, dev, () => end(dev))
      expect(await dev.ended, dev.output.stderr).toBe(0)
      await expectGone(tmp)
    })
  })

  test.skipIf(!existsSync('/proc/self/stat'))(
    'what a terminal sends is heard by it alone: its stores, however far they are, are in groups of their own',
    async () => {
      await withTempDir(async (tmp) => {
        const dev = startDev(tmp)
        const { stores } = await devStores(dev)
        const groups = stores.map(({ pid }) => processGroupOf(pid))
        expect(groups).toEqual(stores.map(({ pid }) => pid))
        expect(processGroupOf(dev.child.pid!)).toBe(dev.child.pid)
        dev.signalGroup('SIGINT')
        expect(await dev.ended, dev.output.stderr).toBe(0)
        await expectGone(tmp)
      })
    },
  )

  test('SIGTERM to the whole group ends it as well', async () => {
    await withTempDir(async (tmp) => {
      const dev = startDev(tmp, ['--stores', '1'])
      await devStores(dev)
      dev.signalGroup('SIGTERM')
      expect(await dev.ended, dev.output.stderr).toBe(0)
      await expectGone(tmp)
    })
  })

  test('killed with SIGKILL while its stores start, they end by themselves and clean up', async () => {
    await withTempDir(async (tmp) => {
      const dev = startDev(tmp)
      await until('the store processes', async () => (await processesOf(tmp)).length >= 2)
      dev.child.kill('SIGKILL')
      expect(await dev.ended).toBeNull()
      await expectGone(tmp)
    })
  })
})

/** The fifth field; the second is the program's name in parentheses, which may hold blanks. */
function processGroupOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[2])
}

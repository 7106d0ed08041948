import { readdir } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { someFiles, withTempDir, writeTree } from '../cli/temp-dir.ts'
import { type CliProcess, processesOf, startDemo } from './cli-process.ts'

/** Ends a demo at the moment at which its output matches, and expects that nothing is left of it. */
async function endAt(
  pattern: RegExp,
  end: (demo: CliProcess) => void,
  exitCode: number | null,
): Promise<void> {
  await withTempDir(async (tree) => {
    await writeTree(tree, someFiles(400, 1_000))
    await withTempDir(async (tmp) => {
      const demo = startDemo(tmp, ['--import', tree])
      await demo.seen(pattern)
      end(demo)
      expect(await demo.ended, demo.output.stderr).toBe(exitCode)
      expect(demo.output.stdout).not.toMatch(/OK/)
      // Stores that outlive a killed demo see that it is gone and clean up: at once, but not before it is.
      for (let tries = 0; tries < 100 && (await processesOf(tmp)).length > 0; tries++) await sleep(100)
      expect(await processesOf(tmp)).toEqual([])
      expect(await readdir(tmp)).toEqual([])
    })
  })
}

describe('the end of a demo', () => {
  test.each([
    ['while its stores start', /^ {2}files /m],
    ['while leaders are elected', /s3 on .*process/],
    ['while it imports', /^ {2}leaders /m],
    ['right after the crash', /^ {2}kill -9 /m],
    ['while the store restarts', /^ {2}gap /m],
    ['while it compares', /^ {2}restart .*caught up in/m],
    ['while it closes', /^ {2}digests /m],
  ])('Ctrl-C %s leaves no process and no directory', async (_when, pattern) => {
    await endAt(pattern, (demo) => demo.signalGroup('SIGINT'), 130)
  })

  test.each([
    ['SIGINT to the demo alone', 'SIGINT', 130, false],
    ['SIGTERM to the demo alone', 'SIGTERM', 143, false],
    ['SIGTERM to the whole group', 'SIGTERM', 143, true],
    ['SIGHUP to the whole group', 'SIGHUP', 129, true],
  ] as const)('%s does the same', async (_what, signal, exitCode, toGroup) => {
    const end = (demo: CliProcess): void => {
      if (toGroup) demo.signalGroup(signal)
      else demo.child.kill(signal)
    }
    await endAt(/^ {2}leaders /m, end, exitCode)
  })

  test('a second Ctrl-C ends it at once, with nothing left', async () => {
    const twice = ({ child }: CliProcess): void => {
      child.kill('SIGINT')
      setTimeout(() => child.kill('SIGINT'), 260)
    }
    await endAt(/^ {2}leaders /m, twice, 130)
  })

  test('a reader that goes away ends it', async () => {
    await endAt(/^ {2}leaders /m, ({ child }) => child.stdout!.destroy(), 141)
  })

  test('killed by SIGKILL, its stores end by themselves and clean up', async () => {
    await endAt(/^ {2}leaders /m, ({ child }) => child.kill('SIGKILL'), null)
  })

  test('a store that dies unasked ends it with exit code 1, and it says which', async () => {
    await withTempDir(async (tree) => {
      await writeTree(tree, someFiles(400, 1_000))
      await withTempDir(async (tmp) => {
        const demo = startDemo(tmp, ['--import', tree])
        await demo.seen(/^ {2}leaders /m)
        const pid = Number(/s3 on \S+, process (\d+)/.exec(demo.output.stdout)?.[1])
        process.kill(pid, 'SIGKILL')
        expect(await demo.ended).toBe(1)
        expect(demo.output.stderr).toMatch(/store s3 \(process \d+\) ended unexpectedly: SIGKILL/)
        expect(await processesOf(tmp)).toEqual([])
        expect(await readdir(tmp)).toEqual([])
      })
    })
  })
})

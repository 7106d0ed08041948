import { readdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { someFiles, withTempDir, writeTree } from '../cli/temp-dir.ts'
import { controlCodesIn, processesOf, startCli, startDemo } from './cli-process.ts'

const FILES = 400
const MIB = 1024 * 1024

/** Calls `body` with a small tree to import and an empty directory for everything temporary. */
async function withTree(body: (tree: string, tmp: string) => Promise<void>): Promise<void> {
  await withTempDir(async (tree) => {
    await writeTree(tree, someFiles(FILES, 1_000))
    await withTempDir((tmp) => body(tree, tmp))
  })
}

async function expectNothingLeft(tmp: string): Promise<void> {
  expect(await processesOf(tmp)).toEqual([])
  expect(await readdir(tmp)).toEqual([])
}

describe('flotilla demo', () => {
  test('imports a tree, loses a process and nothing else, and says so in one JSON value', async () => {
    await withTree(async (tree, tmp) => {
      await writeTree(tree, {
        'too-large.bin': Buffer.alloc(MIB + 1),
        'at-limit.bin': Buffer.alloc(MIB, 7),
        empty: '',
      })
      await symlink('empty', join(tree, 'link'))
      const demo = startDemo(tmp, ['--import', tree, '--json'])
      expect(await demo.ended, demo.output.stderr).toBe(0)
      const summary = JSON.parse(demo.output.stdout)
      expect(summary).toMatchObject({
        ok: true,
        source: tree,
        keys: FILES + 2,
        groups: { count: 16, oneDigest: 16 },
        differences: { count: 0, listed: [] },
      })
      const leftOut = summary.leftOut.map(({ reason, names }: { reason: string; names: string[] }) => [
        reason,
        names,
      ])
      expect(Object.fromEntries(leftOut)).toEqual({ tooLarge: ['too-large.bin'], notAFile: ['link'] })
      for (const key of [
        'bytes',
        'importMs',
        'writesPerSecond',
        'bytesPerSecond',
        'p50Ms',
        'longestGapMs',
        'totalMs',
      ]) {
        expect(summary[key], key).toBeGreaterThan(0)
      }
      expect(summary.p99Ms).toBeGreaterThanOrEqual(summary.p50Ms)
      for (const store of summary.stores) {
        expect(store).toMatchObject({ keysMatched: FILES + 2 })
        expect(store.readAtAppliedIndex).toBeGreaterThan(0)
        expect(store.fsyncs).toBeGreaterThan(0)
        expect(store.entriesPerFsync).toBeGreaterThan(0)
      }
      // Even leaders are waited for some seconds, no longer, and a leader may change at any time: on any machine each group
      // has one at the start, and the store that is killed leads some.
      const led = summary.stores.map((store: { leadersAtStart: number }) => store.leadersAtStart)
      expect(led.reduce((sum: number, count: number) => sum + count)).toBe(16)
      expect(summary.crash.groupsLed).toBeGreaterThan(0)
      expect(controlCodesIn(demo.output.stderr)).toEqual([])
      await expectNothingLeft(tmp)
    })
  })

  test('for people it tells each step on stdout, without control codes in a pipe, and ends with OK', async () => {
    await withTree(async (tree, tmp) => {
      const demo = startDemo(tmp, ['--import', tree])
      expect(await demo.ended, demo.output.stderr).toBe(0)
      const { stdout, stderr } = demo.output
      for (const step of [
        'files',
        'stores',
        'leaders',
        'kill -9',
        'import',
        'gap',
        'unknown',
        'restart',
        'verify',
        'digests',
      ]) {
        expect(stdout).toMatch(new RegExp(`^ {2}${step} `, 'm'))
      }
      expect(stdout).toMatch(/OK: every byte of 400 files matched on every store/)
      expect(stdout).toMatch(/entries\/fsync/)
      expect(controlCodesIn(stdout)).toEqual([])
      expect(stderr).toBe('')
      await expectNothingLeft(tmp)
    })
  })

  test('a file that changes behind its back is a difference, on every store, and exit code 1', async () => {
    await withTree(async (tree, tmp) => {
      const demo = startDemo(tmp, ['--import', tree, '--json'])
      // All is written by now, and the restart of a process lies before the comparison.
      await demo.seen(/^ {2}gap /m)
      await writeFile(join(tree, 'dir-3/sub-0/file-3.bin'), 'something else')
      expect(await demo.ended, demo.output.stderr).toBe(1)
      const { ok, differences } = JSON.parse(demo.output.stdout)
      expect(ok).toBe(false)
      expect(differences.count).toBe(3)
      expect(differences.listed.map(({ store }: { store: string }) => store).sort()).toEqual([
        's1',
        's2',
        's3',
      ])
      for (const { key, problem } of differences.listed) {
        expect([key, problem]).toEqual([
          'dir-3/sub-0/file-3.bin',
          'the file has changed since it was written',
        ])
      }
      expect(demo.output.stderr).toMatch(/NOT OK/)
      await expectNothingLeft(tmp)
    })
  })

  test('a tree of one file is enough', async () => {
    await withTempDir(async (tmp) => {
      await withTempDir(async (tree) => {
        await writeTree(tree, { 'the one \u{1f6a2}': 'x' })
        const demo = startDemo(tmp, ['--import', tree, '--json'])
        expect(await demo.ended, demo.output.stderr).toBe(0)
        expect(JSON.parse(demo.output.stdout)).toMatchObject({ ok: true, keys: 1, bytes: 1 })
      })
      await expectNothingLeft(tmp)
    })
  })
})

describe('flotilla demo cannot', () => {
  test('import a directory without files: exit code 2, nothing was done', async () => {
    await withTempDir(async (tmp) => {
      await withTempDir(async (tree) => {
        const demo = startDemo(tmp, ['--import', tree, '--json'])
        expect(await demo.ended).toBe(2)
        expect(demo.output.stderr).toMatch(/there is no file to import under/)
        expect(JSON.parse(demo.output.stdout)).toEqual({
          error: {
            code: 'FLOTILLA_INVALID_ARGUMENT',
            message: expect.stringMatching(/there is no file to import under/),
            outcome: 'not-applied',
          },
        })
      })
      await expectNothingLeft(tmp)
    })
  })

  test('run where nothing temporary can be made, and neither can the others: exit code 2, and it says what to change', async () => {
    await withTempDir(async (tmp) => {
      const settings = { env: { TMPDIR: join(tmp, 'nowhere') } }
      for (const verb of ['demo', 'dev', 'bench']) {
        const { ended, output } = startCli(tmp, [verb], settings)
        expect(await ended, verb).toBe(2)
        expect(output.stderr).toMatch(
          /nowhere cannot be used for temporary files: .*\(TMPDIR names another\)\n$/,
        )
      }
    })
  })

  test.each([
    [['--import', 'no/such/directory'], /no\/such\/directory is no directory/],
    [['--import', fileName()], /is no directory/],
    [['--max-bytes', '12 apples'], /number of bytes is wanted/],
    [['--max-bytes', '0'], /number of bytes is wanted/],
    [['--import'], /argument missing/],
    [['--no-such-flag'], /unknown option/],
    [['extra'], /too many arguments/],
  ])('be used with %j: exit code 2 and what is wanted', async (args, message) => {
    await withTempDir(async (tmp) => {
      const demo = startDemo(tmp, args)
      expect(await demo.ended).toBe(2)
      expect(demo.output.stderr).toMatch(message)
      expect(demo.output.stdout).toBe('')
      await expectNothingLeft(tmp)
    })
  })
})

function fileName(): string {
  return process.execPath
}

import { mkdir, symlink, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { scanTree } from '../../src/cli/file-tree.ts'
import { MAX_VALUE_BYTES } from '../../src/util/limits.ts'
import { withTempDir, writeTree } from './temp-dir.ts'

const ALL = { maxBytes: Number.POSITIVE_INFINITY, maxKeyBytes: 4096 }

describe('scanTree', () => {
  test('lists regular files by the bytes of their relative paths', async () => {
    await withTempDir(async (dir) => {
      // In UTF-16 the emoji would come before the ligature, in UTF-8 it comes after it.
      await writeTree(dir, { 'b/two': '22', 'b.txt': '1', 'a/one': '', '\u{1f600}': '4444', '\ufb00': '333' })
      const tree = await scanTree(dir, ALL)
      expect(tree.files).toEqual([
        { key: 'a/one', size: 0 },
        { key: 'b.txt', size: 1 },
        { key: 'b/two', size: 2 },
        { key: '\ufb00', size: 3 },
        { key: '\u{1f600}', size: 4 },
      ])
      expect(tree.bytes).toBe(10)
      expect(tree.leftOut.count).toBe(0)
    })
  })

  test('leaves out links, files over the value limit and paths over the key limit, and names them', async () => {
    await withTempDir(async (dir) => {
      await writeTree(dir, { 'at-limit': '', 'over-limit': '', small: 'x', 'a-rather-long-name': '' })
      await truncate(join(dir, 'at-limit'), MAX_VALUE_BYTES)
      await truncate(join(dir, 'over-limit'), MAX_VALUE_BYTES + 1)
      await symlink('small', join(dir, 'link'))
      await symlink('.', join(dir, 'loop'))
      const tree = await scanTree(dir, { ...ALL, maxKeyBytes: 10 })
      expect(tree.files.map(({ key }) => key)).toEqual(['at-limit', 'small'])
      const leftOut = tree.leftOut.groups().map(({ reason, names }) => [reason, [...names].sort()])
      expect(Object.fromEntries(leftOut)).toEqual({
        tooLarge: ['over-limit'],
        notAFile: ['link', 'loop'],
        pathTooLong: ['a-rather-long-name'],
      })
    })
  })

  test('takes no more than maxBytes and counts the rest', async () => {
    await withTempDir(async (dir) => {
      await writeTree(dir, { a: '12345', b: '1234567', c: '123', d: '1' })
      const tree = await scanTree(dir, { ...ALL, maxBytes: 9 })
      expect(tree.files.map(({ key }) => key)).toEqual(['a', 'c', 'd'])
      expect(tree.bytes).toBe(9)
      expect(tree.leftOut.groups()).toEqual([{ reason: 'pastMaxBytes', count: 1, names: ['b'] }])
    })
  })

  test('names a few of many and counts all', async () => {
    await withTempDir(async (dir) => {
      await mkdir(join(dir, 'x'))
      for (let i = 0; i < 30; i++) await writeFile(join(dir, 'x', `name-${i}`), '')
      const tree = await scanTree(dir, { ...ALL, maxKeyBytes: 3 })
      const [group] = tree.leftOut.groups()
      expect(group).toMatchObject({ reason: 'pathTooLong', count: 30 })
      expect(group!.names).toHaveLength(5)
      expect(tree.leftOut.lines()).toEqual([
        expect.stringMatching(/^30 whose path is over the key limit.*, …$/),
      ])
    })
  })

  test('a name with control characters reaches no terminal as it is', async () => {
    await withTempDir(async (dir) => {
      await writeTree(dir, { 'a\u001b[2Jb': '' })
      const tree = await scanTree(dir, { ...ALL, maxKeyBytes: 1 })
      expect(tree.leftOut.lines()[0]).toContain('a\\u001b[2Jb')
    })
  })

  test('passes over the names at the top that it is told to ignore, and only there', async () => {
    await withTempDir(async (dir) => {
      await writeTree(dir, { '.cache/x': 'x', 'a/.hidden': 'y' })
      const tree = await scanTree(dir, { ...ALL, ignoreAtTop: (name) => name.startsWith('.') })
      expect(tree.files.map(({ key }) => key)).toEqual(['a/.hidden'])
    })
  })

  test('rejects when the root cannot be listed, and when it is aborted', async () => {
    await withTempDir(async (dir) => {
      await expect(scanTree(join(dir, 'absent'), ALL)).rejects.toThrow('ENOENT')
      await writeTree(dir, { a: '' })
      const signal = AbortSignal.abort(new Error('enough'))
      await expect(scanTree(dir, { ...ALL, signal })).rejects.toThrow('enough')
    })
  })
})

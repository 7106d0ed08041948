import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { NodeFiles } from '../../src/env/node-files.ts'

async function withTemporary(body: (dir: string) => Promise<void>): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'flotilla-files-'))
  try {
    await body(dir)
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

describe('NodeFiles', () => {
  test('an absent file is null and an absent directory is empty', () =>
    withTemporary(async (dir) => {
      const files = new NodeFiles()
      expect(await files.readFile(join(dir, 'absent'))).toBeNull()
      expect(await files.list(join(dir, 'absent'))).toEqual([])
    }))

  test('makes directories with their parents, and again without complaint', () =>
    withTemporary(async (dir) => {
      const files = new NodeFiles()
      await files.makeDir(join(dir, 'a', 'b', 'c'))
      await files.makeDir(join(dir, 'a', 'b', 'c'))
      expect(await files.list(join(dir, 'a'))).toEqual(['b'])
      expect(await files.list(join(dir, 'a', 'b'))).toEqual(['c'])
    }))

  test('writes whole files, replaces them, and leaves nothing else behind', () =>
    withTemporary(async (dir) => {
      const files = new NodeFiles()
      const path = join(dir, 'identity')
      await files.writeFile(path, Buffer.from('a much longer first text'))
      await files.writeFile(path, Buffer.from([0, 255, 1]))
      expect(await files.readFile(path)).toEqual(Buffer.from([0, 255, 1]))
      await files.writeFile(path, Buffer.alloc(0))
      expect(await files.readFile(path)).toEqual(Buffer.alloc(0))
      expect(await readdir(dir)).toEqual(['identity'])
    }))

  test('writes of one path queue: the last one called is what stands', () =>
    withTemporary(async (dir) => {
      const files = new NodeFiles()
      const path = join(dir, 'counter')
      const writes = Array.from({ length: 20 }, (_, i) => files.writeFile(path, Buffer.alloc(100 + i, i)))
      await Promise.all(writes)
      expect(await files.readFile(path)).toEqual(Buffer.alloc(119, 19))
    }))

  test('a file is made by one of many that try at once, whole, and never replaced', () =>
    withTemporary(async (dir) => {
      const path = join(dir, 'identity')
      const texts = Array.from({ length: 20 }, (_, i) => Buffer.from(`${i}`.repeat(1_000)))
      const made = await Promise.all(texts.map((text) => new NodeFiles().createFile(path, text)))
      expect(made.filter(Boolean)).toHaveLength(1)
      const files = new NodeFiles()
      expect(await files.readFile(path)).toEqual(texts[made.indexOf(true)])
      expect(await files.createFile(path, Buffer.from('late'))).toBe(false)
      expect(await files.readFile(path)).toEqual(texts[made.indexOf(true)])
      expect(await readdir(dir)).toEqual(['identity'])
      await expect(files.createFile(join(dir, 'absent', 'x'), Buffer.alloc(1))).rejects.toMatchObject({
        code: 'FLOTILLA_STORAGE_FAILED',
      })
    }))

  test('a write that a crash cut off is not listed and does not disturb the next', () =>
    withTemporary(async (dir) => {
      const files = new NodeFiles()
      await writeFile(join(dir, 'identity.flotilla-tmp'), 'half')
      expect(await files.list(dir)).toEqual([])
      await files.writeFile(join(dir, 'identity'), Buffer.from('whole'))
      expect(await files.list(dir)).toEqual(['identity'])
    }))

  test('a failure is STORAGE_FAILED with its cause, and the next write of the path is tried', () =>
    withTemporary(async (dir) => {
      const files = new NodeFiles()
      const path = join(dir, 'later', 'file')
      const failing = files.writeFile(path, Buffer.from('x'))
      await expect(failing).rejects.toMatchObject({
        code: 'FLOTILLA_STORAGE_FAILED',
        cause: { code: 'ENOENT' },
      })
      await mkdir(join(dir, 'later'))
      await files.writeFile(path, Buffer.from('x'))
      expect(await files.readFile(path)).toEqual(Buffer.from('x'))
      await expect(files.readFile(dir)).rejects.toMatchObject({ code: 'FLOTILLA_STORAGE_FAILED' })
      await expect(files.list(path)).rejects.toMatchObject({ code: 'FLOTILLA_STORAGE_FAILED' })
      await expect(files.makeDir(path)).rejects.toMatchObject({ code: 'FLOTILLA_STORAGE_FAILED' })
    }))
})

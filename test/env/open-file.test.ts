import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { MemoryPages } from '../../src/env/memory-pages.ts'
import { NodeFiles } from '../../src/env/node-files.ts'

const files = new NodeFiles()
let dir = ''

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'flotilla-open-'))
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

describe('files in place', () => {
  test('are read and written at positions, cut and synced', async () => {
    const path = join(dir, 'f')
    expect(await files.openFile(path)).toBeNull()
    await files.writeFile(path, Buffer.from('0123456789'))
    const file = (await files.openFile(path))!
    file.write(Buffer.from('abc'), 4)
    const got = Buffer.alloc(20)
    expect([file.size(), file.read(got, 2), got.toString('utf8', 0, 8)]).toEqual([10, 8, '23abc789'])
    file.truncate(5)
    await file.sync()
    file.close()
    file.close()
    expect((await files.readFile(path))!.toString()).toBe('0123a')
  })

  test('files and directories are renamed and removed with all that is in them', async () => {
    await files.makeDir(join(dir, 'a', 'b'))
    await files.writeFile(join(dir, 'a', 'b', 'f'), Buffer.from('x'))
    await files.rename(join(dir, 'a'), join(dir, 'c'))
    expect(await files.list(dir)).toEqual(['c'])
    expect((await files.readFile(join(dir, 'c', 'b', 'f')))!.toString()).toBe('x')
    await files.remove(join(dir, 'c'))
    await files.remove(join(dir, 'c'))
    expect(await files.list(dir)).toEqual([])
    await expect(files.rename(join(dir, 'c'), join(dir, 'd'))).rejects.toMatchObject({
      code: 'FLOTILLA_STORAGE_FAILED',
    })
  })
})

describe('files in memory', () => {
  test('lose what was not synced in a power cut, sector by sector', () => {
    const pages = new MemoryPages()
    pages.replace('/f', Buffer.alloc(1_536, 1))
    pages.write('/f', Buffer.alloc(1_536, 2), 0)
    expect(pages.content('/f')![0]).toBe(2)
    let draws = 0
    pages.crash(() => draws++ % 2 === 1)
    const left = pages.content('/f')!
    expect([left[0], left[512], left[1_024]]).toEqual([2, 1, 2])
    pages.write('/f', Buffer.from([9]), 0)
    pages.sync('/f')
    pages.crash(() => false)
    expect(pages.content('/f')![0]).toBe(9)
  })
})

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, truncate, writeFile, readdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { loadError, loadRocksDb, RocksEngine } from '../../src/env/rocks.ts'
import { b, engineSuite, OPTIONS, put, scan } from './engine-suite.ts'

async function withTemporary(body: (dir: string) => Promise<void>): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'flotilla-rocks-'))
  try {
    await body(dir)
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

engineSuite('RocksEngine', (body) =>
  withTemporary(async (dir) => {
    let paths = 0
    await body({ engine: new RocksEngine(), path: () => join(dir, 'deep', String(paths++)) })
  }),
)

/** Starts the writer, kills it after `acks` durable batches, and gives the number of the last one it reported. */
async function writeAndKill(path: string, acks: number, whileAlive: () => Promise<void>): Promise<number> {
  const writer = fileURLToPath(new URL('./fixtures/rocks-writer.js', import.meta.url))
  const child = spawn(process.execPath, [writer, path], { stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  let checked = false
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString()
    if (checked && output.split('\n').length > acks) child.kill('SIGKILL')
  })
  const exited = once(child, 'exit')
  await once(child.stdout, 'data')
  await whileAlive()
  checked = true
  await exited
  const lines = output.slice(0, output.lastIndexOf('\n')).split('\n')
  return Number(lines.at(-1))
}

describe('RocksEngine: real processes and disks', () => {
  test('no batch that was acknowledged with sync is lost by kill -9, and the lock goes with the process', () =>
    withTemporary(async (dir) => {
      const path = join(dir, 'db')
      const acknowledged = await writeAndKill(path, 200, async () => {
        await expect(new RocksEngine().open(path, OPTIONS)).rejects.toMatchObject({
          code: 'FLOTILLA_DATA_DIR_LOCKED',
        })
      })
      expect(acknowledged).toBeGreaterThan(100)
      const db = await new RocksEngine().open(path, OPTIONS)
      const [last] = await db.getMany([b('last')])
      const recovered = Number(last)
      expect(recovered).toBeGreaterThanOrEqual(acknowledged)
      const keys = Array.from({ length: recovered + 1 }, (_, i) => b(`k${i}`))
      for (let i = 0; i < keys.length; i += 1_000) {
        const values = await db.getMany(keys.slice(i, i + 1_000))
        expect(values.every((value) => value?.length === 100)).toBe(true)
      }
      await db.close()
    }))

  test('a damaged manifest is CORRUPT, a path that is a file is STORAGE_FAILED', () =>
    withTemporary(async (dir) => {
      const path = join(dir, 'db')
      const db = await new RocksEngine().open(path, OPTIONS)
      await put(db, { a: '1' }, true)
      await db.close()
      await writeFile(join(path, 'CURRENT'), 'nonsense')
      await expect(new RocksEngine().open(path, OPTIONS)).rejects.toMatchObject({ code: 'FLOTILLA_CORRUPT' })
      await writeFile(join(dir, 'file'), 'x')
      await expect(new RocksEngine().open(join(dir, 'file'), OPTIONS)).rejects.toMatchObject({
        code: 'FLOTILLA_STORAGE_FAILED',
      })
    }))

  test('a damaged table is seen by getMany, not served', () =>
    withTemporary(async (dir) => {
      const path = join(dir, 'db')
      let db = await new RocksEngine().open(path, { ...OPTIONS, writeBufferBytes: 64 * 1024 })
      for (let i = 0; i < 40; i++) {
        const batch = db.createBatch()
        batch.put(b(`k${i}`), Buffer.alloc(10_000, i))
        await db.write(batch, true)
      }
      await db.close()
      const tables = (await readdir(path)).filter((name) => name.endsWith('.sst'))
      expect(tables.length).toBeGreaterThan(0)
      for (const table of tables) {
        const bytes = await readFile(join(path, table))
        bytes.fill(0xee, 100, 200)
        await writeFile(join(path, table), bytes)
      }
      db = await new RocksEngine().open(path, OPTIONS)
      const keys = Array.from({ length: 40 }, (_, i) => b(`k${i}`))
      await expect(db.getMany(keys)).rejects.toMatchObject({ code: 'FLOTILLA_CORRUPT' })
      await db.close()
      for (const table of tables) await truncate(join(path, table), 10)
      // The open does not notice; the read does.
      db = await new RocksEngine().open(path, OPTIONS)
      await expect(db.getMany(keys)).rejects.toMatchObject({ code: 'FLOTILLA_CORRUPT' })
      await db.close()
    }))

  test('a platform without a binary gets one clear line', () => {
    expect(typeof loadRocksDb()).toBe('function')
    const error = loadError(
      new Error('No native build was found for platform=linux arch=arm64'),
      'linux-arm64',
    )
    expect(error).toMatchObject({ code: 'FLOTILLA_UNSUPPORTED_PLATFORM', outcome: 'not-applied' })
    expect(error.message).toContain('no binary for linux-arm64. Run the store on one of linux-x64, ')
    expect(error.message).not.toContain('\n')
    const said = (text: string) => loadError(new Error(text), 'linux-x64').message
    expect(said('invalid ELF header\nstack')).toMatch(
      /does not load on linux-x64: invalid ELF header\. Install/,
    )
    expect(said("Cannot find module 'rocksdb'\nRequire stack")).toMatch(/is not installed\. Install/)
    // Not that there is none for the platform: there is one, and it is not here.
    expect(said('No native build was found')).toMatch(/for linux-x64 is missing .* Install/)
  })

  test('scans many rows over many pages', () =>
    withTemporary(async (dir) => {
      const db = await new RocksEngine().open(join(dir, 'db'), OPTIONS)
      const batch = db.createBatch()
      for (let i = 0; i < 10_000; i++) batch.put(b(`k${String(i).padStart(5, '0')}`), b(String(i)))
      await db.write(batch, false)
      const rows = await scan(db, {}, 700)
      expect(rows).toHaveLength(10_000)
      expect(rows[9_999]).toBe('k09999=9999')
      await db.close()
    }))
})

import { describe, expect, test } from 'vitest'
import { MemoryDisk } from '../../src/env/memory-disk.ts'
import { checkWals, cutWals } from '../../src/storage/wal-check.ts'
import { WAL_BLOCK_BYTES } from '../../src/storage/wal-format.ts'
import { crc32c } from '../../src/util/crc32c.ts'
import { MemoryFiles } from './memory-files.ts'
import { batchBytes, walOf, WalWriter } from './wal-bytes.ts'

const SIZES = [100, 40_000, 10, 70_000, 0, 300, 33_000, 5]

async function filesOf(wals: Record<string, Buffer>): Promise<MemoryFiles> {
  const files = new MemoryFiles(new MemoryDisk())
  for (const [name, bytes] of Object.entries(wals)) await files.writeFile(`/log/${name}`, bytes)
  return files
}

async function check(wals: Record<string, Buffer>) {
  return checkWals(await filesOf(wals), '/log')
}

function flipped(bytes: Buffer, at: number, bit = 0): Buffer {
  const changed = Buffer.from(bytes)
  changed[at]! ^= 1 << bit
  return changed
}

test('CRC-32C has the value of its standard, also over parts of any length', () => {
  expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283)
  const bytes = batchBytes(1, 1, 1_000)
  for (let at = 0; at < 40; at++)
    expect(crc32c(bytes, at, bytes.length, crc32c(bytes, 0, at))).toBe(crc32c(bytes))
})

describe('the check of a write-ahead log', () => {
  test('finds nothing in undamaged files, wherever records fall on the ends of blocks', async () => {
    // A record that leaves 0 to 14 bytes of its block: too few for a header, just enough for one, or for a short part.
    for (let left = 0; left < 15; left++) {
      for (const number of [null, 4]) {
        const wal = walOf([0], 1, 1, number)
        wal.add(batchBytes(3, 2, 0))
        const room = WAL_BLOCK_BYTES - wal.bytes.length
        const overhead = walOf([1_000], 3, 5, number).bytes.length - 1_000
        wal.add(batchBytes(5, 3, room - overhead - left - 1))
        wal.add(batchBytes(7, 4, 500))
        expect(await check({ '000004.log': wal.bytes })).toEqual({
          damage: null,
          badTail: null,
          lastFlush: 4,
        })
      }
    }
    const wals = {
      '000004.log': walOf(SIZES).bytes,
      '000009.log': walOf(SIZES, 9, 17).bytes,
      '000010.log': Buffer.alloc(0),
    }
    expect(await check(wals)).toEqual({ damage: null, badTail: null, lastFlush: 16 })
    expect(await check({})).toEqual({ damage: null, badTail: null, lastFlush: -1 })
  })

  test('a flipped bit anywhere before the last record is damage, in the last record a bad tail', async () => {
    const wal = walOf(SIZES)
    const last = wal.starts.at(-1)!
    for (let at = 0; at < wal.bytes.length; at += 211) {
      const { damage, badTail, lastFlush } = await check({ '000004.log': flipped(wal.bytes, at, at % 8) })
      const trailer = damage === null && badTail === null
      // Zeros that fill a block up are not covered by any checksum, and mean nothing.
      if (trailer) expect(WAL_BLOCK_BYTES - (at % WAL_BLOCK_BYTES)).toBeLessThan(7)
      else if (at < last)
        expect(damage).toMatch(/^000004\.log is bad at byte \d+ \(.*\), and a record written later begins at/)
      else expect([damage, badTail?.at, lastFlush]).toEqual([null, last, SIZES.length - 1])
    }
  })

  test('a cut, a zeroed and a garbled end are bad tails from the last whole record on', async () => {
    const wal = walOf(SIZES)
    const { bytes, starts } = wal
    const garbage = Buffer.from(Array.from({ length: 5_000 }, (_, i) => (i * i * 7 + 13) & 0xff))
    for (let to = 1; to < bytes.length; to += 911) {
      const whole = starts.filter((_start, i) => (starts[i + 1] ?? bytes.length) <= to).length
      const good = whole === 0 ? 0 : (starts[whole] ?? bytes.length)
      for (const tail of [Buffer.alloc(0), Buffer.alloc(50_000), garbage]) {
        const found = await check({ '000004.log': Buffer.concat([bytes.subarray(0, to), tail]) })
        expect(found.damage).toBeNull()
        expect(found.lastFlush).toBe(whole === 0 ? -1 : whole)
        // Only the zeros that fill a block lie between the records' ends and their next beginnings.
        if (found.badTail) expect(good - found.badTail.at).toBeLessThan(7)
      }
    }
  })

  test('parts of the torn record itself, on the disk behind the torn place, prove nothing', async () => {
    const wal = walOf([100, 200_000])
    for (const page of [1, 8, 20, 40]) {
      const torn = Buffer.from(wal.bytes).fill(0, page * 4_096, (page + 1) * 4_096)
      expect(await check({ '000004.log': torn })).toMatchObject({
        damage: null,
        badTail: { at: wal.starts[1] },
        lastFlush: 1,
      })
    }
  })

  test('a record that an older file left in the same place is not taken for a later one', async () => {
    const old = walOf([100, 100, 100, 100], 1, 1)
    const wal = walOf([100], 50, 1_000)
    const bytes = Buffer.concat([
      wal.bytes,
      Buffer.alloc(wal.bytes.length),
      old.bytes.subarray(2 * wal.bytes.length),
    ])
    expect(await check({ '000004.log': bytes })).toMatchObject({
      damage: null,
      badTail: { at: wal.bytes.length },
    })
    const recycled = Buffer.concat([walOf([100], 50, 1, 9).bytes, walOf([100, 100], 51, 3, 8).bytes])
    expect(await check({ '000009.log': recycled })).toMatchObject({ damage: null, lastFlush: 50 })
  })

  test('a record without its end before another is damage', async () => {
    const wal = walOf([100, 60_000])
    const bytes = Buffer.concat([
      wal.bytes.subarray(0, WAL_BLOCK_BYTES),
      new WalWriter().add(batchBytes(5, 3, 10)).bytes,
    ])
    const { damage } = await check({ '000004.log': bytes })
    expect(damage).toContain('a record is without its end')
  })

  test('an older file with a bad end is damage, unless the next goes on exactly where it ended', async () => {
    const cut = walOf([100, 100, 100]).bytes.subarray(0, -5)
    const jumps = { '000004.log': cut, '000007.log': walOf([10], 4, 7).bytes }
    expect((await check(jumps)).damage).toContain('000007.log was written after it')
    const goesOn = { '000004.log': cut, '000007.log': walOf([10], 3, 5).bytes }
    expect(await check(goesOn)).toMatchObject({ damage: null, lastFlush: 3 })
    const empty = { '000004.log': cut, '000007.log': Buffer.alloc(0) }
    expect(await check(empty)).toMatchObject({ damage: null, badTail: { name: '000004.log' }, lastFlush: 2 })
  })

  test('the newest file is the one with the highest number, not the last by name', async () => {
    const wals = { '1000000.log': walOf([10], 3, 5).bytes, '999999.log': walOf([10, 10]).bytes }
    expect((await check(wals)).lastFlush).toBe(3)
  })
})

describe('cutting the write-ahead log of the state', () => {
  test('leaves a true prefix: the file cut at the first bad place, newer ones gone, all of it synced', async () => {
    const first = walOf(SIZES)
    const files = await filesOf({
      '000004.log': first.bytes,
      '000007.log': flipped(walOf(SIZES, 9, 17).bytes, first.starts[3]! + 20),
      '000009.log': walOf([10], 17, 33).bytes,
    })
    const done = await cutWals(files, '/log')
    expect(done).toHaveLength(2)
    expect(done[1]).toMatch(/000007\.log was cut from \d+ to \d+ bytes: it is bad at byte \d+/)
    files.pages.crash(() => false)
    expect(await files.list('/log')).toEqual(['000004.log', '000007.log'])
    expect(await checkWals(files, '/log')).toEqual({ damage: null, badTail: null, lastFlush: 11 })
    expect(await cutWals(files, '/log')).toEqual([])
  })

  test('removes what follows on a file that lost its last batches whole, which only their sequence tells', async () => {
    const first = walOf(SIZES, 1, 1)
    const whole = { '000004.log': first.bytes, '000007.log': walOf(SIZES, 9, 17).bytes }
    expect(await cutWals(await filesOf(whole), '/log')).toEqual([])
    const files = await filesOf({ ...whole, '000004.log': first.bytes.subarray(0, first.starts[6]!) })
    expect(await cutWals(files, '/log')).toEqual(['/log/000007.log was removed, for it follows 000004.log'])
    expect(await files.list('/log')).toEqual(['000004.log'])
    expect(await cutWals(files, '/log')).toEqual([])
  })
})

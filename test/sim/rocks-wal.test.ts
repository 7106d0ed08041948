import { expect, test } from 'vitest'
import { MemoryDisk } from '../../src/env/memory-disk.ts'
import { encodeWal, mergeReplayed, replayWal } from '../../src/sim/rocks-wal.ts'
import { checkWals } from '../../src/storage/wal-check.ts'
import { WAL_BLOCK_BYTES } from '../../src/storage/wal-format.ts'
import { MemoryFiles } from '../storage/memory-files.ts'

test('a simulated write-ahead log is sound wherever its records fall on the ends of blocks', async () => {
  const put = (bytes: number) => ({ operations: [['key', Buffer.alloc(bytes, 1)] as const], failed: false })
  const overhead = encodeWal([put(1_000)], 1).bytes.length - 1_000
  // 0 to 14 bytes are left of the block: too few for a header, just enough for one, or for a short part.
  for (let left = 0; left < 15; left++) {
    const batches = [put(WAL_BLOCK_BYTES - overhead - left - 1), put(500), put(70_000), put(1)]
    const { bytes } = encodeWal(batches, 1)
    expect(encodeWal(replayWal(bytes, 0), 1).bytes.equals(bytes)).toBe(true)
    expect(replayWal(bytes, 0)).toHaveLength(batches.length)
    const files = new MemoryFiles(new MemoryDisk())
    await files.writeFile('/log/000004.log', bytes)
    expect(await checkWals(files, '/log')).toMatchObject({ damage: null, badTail: null })
  }
})

test('of a key with one sequence number twice nobody can open the log, also when a newer one of it lies between', () => {
  const batch = (sequence: number, keys: string) => {
    const operations = Array.from(keys, (key) => [key, Buffer.alloc(0)] as const)
    return { operations, failed: false, sequence }
  }
  // Refused at first, the second takes the numbers of the first: found by a run of the disk model.
  expect(mergeReplayed([batch(10, 'akbk'), batch(10, 'ckd')])).toBeNull()
  expect(mergeReplayed([batch(10, 'akbk'), batch(10, 'cdk')])).not.toBeNull()
  expect(mergeReplayed([batch(10, 'k'), batch(10, 'k')])).toBeNull()
})

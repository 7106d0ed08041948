import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { DevSupervisor } from '../../src/cli/dev-supervisor.ts'
import { withTempDir } from './temp-dir.ts'

test('a store that cannot start is tried again, each time later, and then left down; each is said', async () => {
  await withTempDir(async (dir) => {
    const dataDir = join(dir, 's1')
    await writeFile(dataDir, 'no directory')
    const said: string[] = []
    const args = { clusterId: 'c', storeId: 's1', dataDir, stores: { s1: '127.0.0.1:0' }, splitKeys: [] }
    const options = { firstPauseMs: 1, scratchDir: '', tell: (text: string) => void said.push(text) }
    const supervisor = new DevSupervisor({ ...args, logLevel: 'silent' }, options)
    await expect(supervisor.ready).rejects.toThrow(/store s1 \(process \d+\) ended: /)
    await supervisor.keepRunning()
    const pauses = said.map((text) => /started again in (\d+) ms/.exec(text)?.[1])
    expect(pauses).toEqual(['1', '2', '4', '8', '16', undefined])
    expect(said.at(-1)).toMatch(/too often in a row, it is left down/)
    await supervisor.close()
  })
})

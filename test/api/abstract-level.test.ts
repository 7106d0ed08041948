import fs from 'node:fs'
import { createRequire } from 'node:module'
import os from 'node:os'
import path from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { Store } from '../../src/index.ts'
import { tapeTest } from './tape-shim.ts'

/** abstract-level's own tests, on keyspaces of a real store of one voter with three regions. */
const suite = createRequire(import.meta.url)('abstract-level/test') as (options: object) => void
const dataDir = fs.mkdtempSync(path.join(os.tmpdir(), 'flotilla-level-'))
const store = await Store.open({
  clusterId: 'level',
  storeId: 's1',
  dataDir,
  stores: { s1: '127.0.0.1:0' },
  // In the midst of the keyspaces below, and never within one: a batch may not span regions.
  kv: {
    splitKeys: [
      { keyspace: 'level-0000500', key: '' },
      { keyspace: 'level-0001000', key: '' },
    ],
  },
})

afterAll(async () => {
  await store.close()
  fs.rmSync(dataDir, { recursive: true, force: true })
})

const tape = tapeTest()
let made = 0
suite({
  test: tape.test,
  // Each database is a keyspace of its own: as good as a fresh one.
  factory: (options: object) => store.kv(`level-${String(made++).padStart(7, '0')}`, options),
})

test('the whole suite ran', () => {
  expect(tape.count()).toBeGreaterThan(1_000)
})

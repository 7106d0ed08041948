import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, test } from 'vitest'
import { encodeWire, wire } from '../../src/rpc/wire.ts'

/** The checkout, from dist/test/rpc. */
const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..', '..')
const fresh = fs.mkdtempSync(path.join(os.tmpdir(), 'flotilla-proto-'))
afterAll(() => fs.rmSync(fresh, { recursive: true, force: true }))

test('the committed generated code is what proto/ gives', () => {
  execFileSync(process.execPath, [path.join(ROOT, 'proto', 'generate.mjs'), fresh], { cwd: ROOT })
  for (const name of ['wire.js', 'wire-types.ts']) {
    const committed = fs.readFileSync(path.join(ROOT, 'src', 'rpc', 'generated', name), 'utf8')
    const stale = committed !== fs.readFileSync(path.join(fresh, name), 'utf8')
    expect(stale, `src/rpc/generated/${name} is stale: run npm run proto`).toBe(false)
  }
})

test('64 bit fields are numbers, present or absent', () => {
  const bytes = encodeWire(wire.raft.AppendResponse, { term: 2 ** 48 - 1 })
  const decoded = wire.raft.AppendResponse.decode(bytes)
  expect(decoded.term).toBe(2 ** 48 - 1)
  expect(decoded.index).toBe(0)
  const rows = wire.rpc.Heartbeat.decode(encodeWire(wire.rpc.Heartbeat, { sequence: 1, terms: [0, 2 ** 33] }))
  expect(rows.terms).toEqual([0, 2 ** 33])
})

test('optional bounds of a scan are absent or empty, which is not the same', () => {
  const decoded = wire.kv.ScanRequest.decode(
    encodeWire(wire.kv.ScanRequest, { groupId: 'r', gte: Buffer.alloc(0) }),
  )
  expect(decoded.gte).toHaveLength(0)
  expect(decoded.lt).toBeNull()
})

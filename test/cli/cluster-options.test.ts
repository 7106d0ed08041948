import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { ClusterFlags } from '../../src/cli/cluster-options.ts'
import { type ClusterTarget, findCluster } from '../../src/cli/cluster-target.ts'
import { Output } from '../../src/cli/output.ts'
import { withTempDir } from './temp-dir.ts'

async function find(flags: ClusterFlags, env: NodeJS.ProcessEnv = {}, file?: object): Promise<ClusterTarget> {
  return await withTempDir(async (cwd) => {
    if (file !== undefined) await writeFile(join(cwd, 'flotilla.json'), JSON.stringify(file))
    const { signal } = new AbortController()
    const output = new Output(false, env, signal)
    return findCluster({ args: [], flags, json: false, signal, output, env, cwd })
  })
}

describe('where a command looks for a cluster', () => {
  test('a flag wins over a variable, that over the file, that over where "flotilla dev" listens', async () => {
    const file = { stores: { s1: 'c:3', s2: 'd:4' }, timeoutMs: 5 }
    const env = { FLOTILLA_STORES: 's1=b:2', FLOTILLA_TIMEOUT_MS: '6' }
    expect(await find({ stores: 'a:1, [::1]:2', timeoutMs: '7' }, env, file)).toEqual({
      stores: ['a:1', '[::1]:2'],
      source: '--stores',
      timeoutMs: 7,
    })
    expect(await find({}, env, file)).toEqual({ stores: ['b:2'], source: 'FLOTILLA_STORES', timeoutMs: 6 })
    expect(await find({}, {}, file)).toMatchObject({ stores: ['c:3', 'd:4'], timeoutMs: 5 })
    expect(await find({})).toEqual({
      stores: ['127.0.0.1:7101', '127.0.0.1:7102', '127.0.0.1:7103'],
      source: 'the default',
      timeoutMs: 10_000,
    })
  })

  test.each<[ClusterFlags, NodeJS.ProcessEnv, object | undefined, RegExp]>([
    [{ stores: 'a' }, {}, undefined, /^--stores: "a" is no address: give host:port/],
    [{}, { FLOTILLA_STORES: 'a:0' }, undefined, /^FLOTILLA_STORES: "a:0" is no address/],
    [{}, {}, { stores: { s1: 'a' } }, /flotilla\.json: "a" is no address/],
    [{}, {}, { stores: ['a:1'] }, /stores \(from .*flotilla\.json\) must be an object of addresses/],
    [{}, {}, { store: {} }, /unknown option store in .*flotilla\.json/],
    [{ timeoutMs: '0' }, {}, undefined, /timeoutMs must be .*, not 0 \(from --timeout-ms\)/],
    [{}, { FLOTILLA_TIMEOUT_MS: 'soon' }, undefined, /not "soon" \(from FLOTILLA_TIMEOUT_MS\)/],
  ])('%j, %j, %j is refused, and it says where that stands', async (flags, env, file, message) => {
    await expect(find(flags, env, file)).rejects.toThrow(message)
  })
})

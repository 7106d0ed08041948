import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { createNodeEnv } from '../../src/env/node-env.ts'
import {
  changeAddress,
  configureAddress,
  learnAddress,
  outbid,
  unknownAddress,
} from '../../src/store/address-entry.ts'
import { decodeCheckedText, encodeCheckedText } from '../../src/store/checked-text.ts'
import {
  DATA_FORMAT,
  IDENTITY_FILE,
  type Identity,
  openIdentity,
  processOfStart,
  raiseBoot,
} from '../../src/store/identity.ts'
import { PeerMemory, PEERS_FILE } from '../../src/store/peer-memory.ts'
import { MAX_REMEMBERED_STARTS } from '../../src/util/limits.ts'

const dirs: string[] = []
const WANTED = { clusterId: 'c', storeId: 's1', shards: 2 }
const env = createNodeEnv()

function tempDir(): string {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'flotilla-identity-'))
  dirs.push(dir)
  return dir
}

afterEach(() => {
  for (const dir of dirs.splice(0)) fs.rmSync(dir, { recursive: true, force: true })
})

function open(dir: string, wanted = WANTED): Promise<Identity> {
  return openIdentity(env.files, env.random, dir, wanted)
}

async function born(): Promise<{ dir: string; file: string; identity: Identity }> {
  const dir = tempDir()
  const identity = await open(dir)
  return { dir, file: path.join(dir, IDENTITY_FILE), identity }
}

function raise(dir: string): Promise<Identity> {
  return raiseBoot(env.files, env.random, dir, WANTED)
}

describe('the identity of a directory', () => {
  test('is made once, in an empty directory, and each start raises its boot number', async () => {
    const { dir, identity } = await born()
    expect(identity).toMatchObject({ ...WANTED, boot: 0, format: DATA_FORMAT })
    expect(identity.incarnation).toMatch(/^[0-9a-f]{16}$/)
    const first = await raise(dir)
    expect(first).toEqual({ ...identity, boot: 1, processes: [expect.any(Number)] })
    const second = await raise(dir)
    expect(second).toEqual({ ...identity, boot: 2, processes: [...first.processes!, expect.any(Number)] })
    expect(await open(dir)).toEqual(second)
    expect(processOfStart(second, 1)).toBe(first.processes![0])
    expect(processOfStart(second, 2)).toBe(second.processes![1])
    expect([processOfStart(second, 0), processOfStart(second, 3)]).toEqual([null, null])
  })

  test('remembers a bounded number of starts, and an older build’s directory none', async () => {
    const { dir, identity } = await born()
    let last = identity
    for (let i = 0; i < MAX_REMEMBERED_STARTS + 2; i++) last = await raise(dir)
    expect(last.processes).toHaveLength(MAX_REMEMBERED_STARTS)
    expect(processOfStart(last, 2)).toBeNull()
    expect(processOfStart(last, 3)).toBe(last.processes![0])
    expect(processOfStart({ ...identity, boot: 7 }, 7)).toBeNull()
  })

  test.each(['s1\n', ' s1', 's1\u00a0', 's\u001b[31m1', 's\u200b1', '\ud800', 's\u20281', '\t'])(
    'is not made under a name that nobody could read or type, %j; but one that has it opens',
    async (name) => {
      for (const odd of [
        { ...WANTED, storeId: name },
        { ...WANTED, clusterId: name },
      ]) {
        const dir = tempDir()
        const refused = await open(dir, odd).catch((error) => error)
        expect(refused).toMatchObject({ code: 'FLOTILLA_INVALID_ARGUMENT', outcome: 'not-applied' })
        expect(refused.message).toContain(JSON.stringify(name))
        expect(fs.readdirSync(dir)).toEqual([])
        const before = { ...(await open(dir)), ...odd }
        fs.writeFileSync(path.join(dir, IDENTITY_FILE), encodeCheckedText('identity', before))
        // Half a character does not survive a file.
        if (name !== '\ud800') expect(await open(dir, odd)).toEqual(before)
      }
    },
  )

  test.each(['s1', 'Straße 7', '日本', '🚢', 'kv/0000', 'a\u0301'])('is made under %j', async (storeId) => {
    expect(await open(tempDir(), { ...WANTED, storeId })).toMatchObject({ storeId })
  })

  test('of another cluster, store, shard count, format or engine is refused, naming both and the remedy', async () => {
    const { dir, file, identity } = await born()
    const before = fs.readFileSync(file)
    const asked: [object, RegExp][] = [
      [{ clusterId: 'other' }, /clusterId "c", this start asks for "other".*its own clusterId/],
      [{ storeId: 's2' }, /storeId "s1", this start asks for "s2"/],
      [{ shards: 3 }, /shards 2, this start asks for 3/],
    ]
    for (const [change, message] of asked) {
      const error = await open(dir, { ...WANTED, ...change }).catch((reason: Error) => reason)
      expect(error).toMatchObject({ code: 'FLOTILLA_IDENTITY_MISMATCH', outcome: 'not-applied' })
      expect((error as Error).message).toMatch(message)
    }
    expect(fs.readFileSync(file).equals(before)).toBe(true)
    for (const [change, message] of [
      [{ format: 9 }, /format 9, this start asks for 1/],
      [{ engine: 'leveldb' }, /engine "leveldb", this start asks for "rocksdb"/],
    ] as const) {
      fs.writeFileSync(file, encodeCheckedText('identity', { ...identity, ...change }))
      await expect(open(dir)).rejects.toMatchObject({
        code: 'FLOTILLA_IDENTITY_MISMATCH',
        message: expect.stringMatching(message),
      })
    }
  })

  test('damaged anywhere, cut or empty is CORRUPT, and the file stays as it is', async () => {
    const { dir, file } = await born()
    const sound = fs.readFileSync(file)
    const text = sound.toString()
    const damaged: Buffer[] = [
      Buffer.alloc(0),
      sound.subarray(0, sound.length / 2),
      Buffer.alloc(sound.length),
    ]
    // Every byte that carries something: the names and values, not the blanks between.
    for (let at = text.indexOf('"format"'); at < text.lastIndexOf('}') - 1; at++) {
      if (/\s/.test(text[at]!)) continue
      const flipped = Buffer.from(sound)
      flipped[at]! ^= 1
      damaged.push(flipped)
    }
    for (const bytes of damaged) {
      fs.writeFileSync(file, bytes)
      const error = await open(dir).catch((reason: Error) => reason)
      expect(error, bytes.toString()).toMatchObject({ code: 'FLOTILLA_CORRUPT' })
      expect((error as Error).message).toMatch(/identity\.json is damaged.*from a copy, or start a new store/)
      expect(fs.readFileSync(file).equals(bytes)).toBe(true)
    }
  })

  test('is never made in a directory that holds something else', async () => {
    const dir = tempDir()
    fs.writeFileSync(path.join(dir, 'notes.txt'), 'mine')
    await expect(open(dir)).rejects.toMatchObject({
      code: 'FLOTILLA_IDENTITY_MISMATCH',
      message: expect.stringMatching(/holds other files \(notes\.txt, …\)/),
    })
    expect(fs.readdirSync(dir)).toEqual(['notes.txt'])
  })

  test('deleted from a directory with data is refused, not made anew', async () => {
    const { dir, file } = await born()
    fs.mkdirSync(path.join(dir, 'shard-00'))
    fs.rmSync(file)
    await expect(open(dir)).rejects.toMatchObject({ code: 'FLOTILLA_IDENTITY_MISMATCH' })
    expect(fs.existsSync(file)).toBe(false)
  })

  test('replaced by another between its reading and the lock is refused when the boot number is raised', async () => {
    const { dir, file, identity } = await born()
    fs.writeFileSync(file, encodeCheckedText('identity', { ...identity, storeId: 's9' }))
    await expect(raise(dir)).rejects.toMatchObject({
      code: 'FLOTILLA_IDENTITY_MISMATCH',
    })
    fs.rmSync(file)
    await expect(raise(dir)).rejects.toMatchObject({ code: 'FLOTILLA_CORRUPT' })
  })
})

describe('the memory of other stores', () => {
  function options(dir: string, storeId = 's1', incarnation = 'i1') {
    return { files: env.files, dataDir: dir, storeId, incarnation, onFailed() {}, schedule() {} }
  }

  test('comes back after a restart', async () => {
    const dir = tempDir()
    const memory = await PeerMemory.open(options(dir), 0)
    memory.configure('a:1', { s2: 'b:1', s1: 'a:1' })
    memory.accuse('s2', 'because')
    await memory.close(true)
    const again = await PeerMemory.open(options(dir), 1)
    expect(again.forgotten).toBe(false)
    expect(again.addressOf('s2')).toBe('b:1')
    expect(again.own).toMatchObject({ address: 'a:1', version: 1 })
    expect([...again.accusations]).toEqual([['s2', 'because']])
  })

  test('damaged is CORRUPT, of another store or life is refused, gone is said', async () => {
    const dir = tempDir()
    const file = path.join(dir, PEERS_FILE)
    await PeerMemory.open(options(dir), 0)
    await expect(PeerMemory.open(options(dir, 's2'), 0)).rejects.toMatchObject({
      code: 'FLOTILLA_IDENTITY_MISMATCH',
    })
    await expect(PeerMemory.open(options(dir, 's1', 'i2'), 0)).rejects.toMatchObject({
      code: 'FLOTILLA_IDENTITY_MISMATCH',
    })
    const sound = fs.readFileSync(file)
    fs.writeFileSync(file, sound.subarray(0, sound.length - 20))
    await expect(PeerMemory.open(options(dir), 1)).rejects.toMatchObject({
      code: 'FLOTILLA_CORRUPT',
      message: expect.stringMatching(/peers\.json is damaged/),
    })
    fs.rmSync(file)
    expect((await PeerMemory.open(options(dir), 1)).forgotten).toBe(true)
  })

  test('a file with its CRC says nothing but what was written', () => {
    const bytes = encodeCheckedText('thing', { a: [1, 'ü', null] })
    expect(decodeCheckedText('thing', bytes)).toEqual({ a: [1, 'ü', null] })
    expect(decodeCheckedText('other', bytes)).toBe(null)
    expect(decodeCheckedText('thing', Buffer.from('null'))).toBe(null)
  })
})

describe('an address', () => {
  test('the options count once; an operator’s later word and newer versions win, older ones never', () => {
    const entry = unknownAddress()
    expect(configureAddress(entry, 'a:1')).toBe(true)
    expect(entry).toMatchObject({ address: 'a:1', version: 0 })
    expect(learnAddress(entry, 'b:1', 3, true)).toBe(true)
    expect(configureAddress(entry, 'a:1')).toBe(false)
    expect(learnAddress(entry, 'c:1', 2, true)).toBe(false)
    expect(learnAddress(entry, 'c:1', 3, false)).toBe(false)
    expect(entry).toMatchObject({ address: 'b:1', version: 3 })
    expect(changeAddress(entry, 'd:1')).toBe(true)
    expect(entry).toMatchObject({ address: 'd:1', version: 4 })
    // As new as what is known, but from the one who owns the address.
    expect(learnAddress(entry, 'e:1', 4, true)).toBe(true)
    expect(configureAddress(entry, 'f:1')).toBe(true)
    expect(entry).toMatchObject({ address: 'f:1', version: 5 })
    expect(learnAddress(entry, 'g:1', 2 ** 50, true)).toBe(false)
  })

  test('of our own: whoever believes something newer is outbid', () => {
    const own = { ...unknownAddress(), address: 'a:1', version: 2 }
    expect(outbid(own, 'a:1', 2)).toBe(false)
    expect(outbid(own, 'z:1', 1)).toBe(false)
    expect(outbid(own, 'z:1', 2)).toBe(true)
    expect(own).toMatchObject({ address: 'a:1', version: 3 })
    expect(outbid(own, 'a:1', 7)).toBe(true)
    expect(own.version).toBe(7)
  })
})

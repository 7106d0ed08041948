import { once } from 'node:events'
import net from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { Store } from '../../src/index.ts'
import { FRAME_HEADER_BYTES, sealFrame } from '../../src/rpc/frame.ts'
import { TestCluster, until } from './cluster.ts'

/** Whoever reaches a store's port may say anything. These are real stores and real sockets. */
const PATIENCE = { timeoutMs: 30_000 }

let cluster: TestCluster | null = null

afterEach(async () => {
  await cluster?.close()
  cluster = null
})

function say(address: string, bytes: Buffer): Promise<void> {
  const port = Number(address.slice(address.lastIndexOf(':') + 1))
  const socket = net.connect(port, '127.0.0.1')
  // The other end may cut it off at any time.
  socket.on('error', () => {})
  socket.resume()
  socket.end(bytes)
  return once(socket, 'close').then(() => undefined)
}

/** A header that promises `length` bytes more than will ever come. */
function promising(length: number): Buffer {
  const bytes = Buffer.alloc(FRAME_HEADER_BYTES)
  sealFrame(bytes, 0, 0, length, 1, 1, 1)
  return bytes
}

const NOISE: Readonly<Record<string, Buffer>> = {
  nothing: Buffer.alloc(0),
  'one byte': Buffer.from([7]),
  zeros: Buffer.alloc(100_000),
  'every byte': Buffer.from(Array.from({ length: 4_096 }, (_, i) => (i * 167) & 0xff)),
  'a web browser': Buffer.from('GET / HTTP/1.1\r\nHost: store\r\n\r\n'.repeat(10)),
  'a TLS handshake': Buffer.from('16030100a5010000a10303', 'hex'),
  'a Redis client': Buffer.from('*1\r\n$4\r\nPING\r\n'),
  'a frame of five MiB': Buffer.concat([promising(5 << 20), Buffer.alloc(100_000)]),
  'half a frame': promising(1_000).subarray(0, 9),
}

describe('strangers at the port of a store', () => {
  test('who send noise, promise more than they send, or go in the middle, cost nobody a write', async () => {
    cluster = await TestCluster.open(['s1', 's2', 's3'])
    const stores = [...cluster.stores.values()]
    const [first] = stores
    await first!.kv().put('first', '0', PATIENCE)
    let over = false
    let acked = 0
    const writing = stores.map(async (store) => {
      for (let i = 0; !over || i < 50; i++) {
        await store.kv().put(`${store.storeId}/${i}`, `${i}`, PATIENCE)
        acked++
      }
    })
    for (const bytes of Object.values(NOISE)) {
      await Promise.all(stores.map((store) => say(store.address, bytes)))
    }
    over = true
    await Promise.all(writing)
    const reader = stores[1]!.kv<string, string>()
    const found = await reader.keys({ gt: 's' }).all()
    expect(found).toHaveLength(acked)
    for (const store of stores) {
      const { peers, groups } = store.describe()
      expect(peers.filter(({ connected, error }) => !connected || error !== null)).toEqual([])
      expect(groups.filter(({ error }) => error !== null)).toEqual([])
    }
  })

  test('a store of another cluster is told so, by name, and changes nothing', async () => {
    cluster = await TestCluster.open(['s1', 's2', 's3'], { kv: false })
    const target = cluster.store('s1')
    const foreigner = await Store.open({
      clusterId: 'elsewhere',
      storeId: 's0',
      dataDir: `${cluster.dir}/elsewhere`,
      stores: { s0: '127.0.0.1:0', s1: target.address },
      kv: false,
    })
    try {
      const seen = () => foreigner.describe().peers.find(({ storeId }) => storeId === 's1')
      await until(() => seen()?.error !== null && seen()?.error !== undefined)
      expect(seen()!.error!.code).toBe('FLOTILLA_IDENTITY_MISMATCH')
      expect(seen()!.error!.message).toMatch(
        /cluster elsewhere.*cluster test|cluster test.*cluster elsewhere/,
      )
      expect(target.describe().suspect).toBeNull()
      await until(() => target.describe().peers.every(({ connected }) => connected))
    } finally {
      await foreigner.close()
    }
  })
})

import { readdir } from 'node:fs/promises'
import { expect } from 'vitest'
import { Client } from '../../src/api/client.ts'
import { type CliProcess, type CliSettings, processesOf, startCli } from './cli-process.ts'
import { until, within } from './guard.ts'

export interface DevStores {
  readonly stores: readonly { readonly storeId: string; readonly address: string; readonly pid: number }[]
  readonly dataDir: string
}

/** `flotilla dev --json` on free ports. */
export function startDev(tmp: string, args: readonly string[] = [], settings: CliSettings = {}): CliProcess {
  return startCli(tmp, ['dev', '--json', '--port', '0', ...args], settings)
}

/** What it printed once it was ready. */
export async function devStores(dev: CliProcess): Promise<DevStores> {
  await dev.seen(/^\{"clusterId.*\n/m)
  return JSON.parse(dev.output.stdout) as DevStores
}

/** Nothing of it is left: no process, and no file in its temporary directory. */
export async function expectGone(tmp: string): Promise<void> {
  await until('no process is left', async () => (await processesOf(tmp)).length === 0)
  expect(await readdir(tmp)).toEqual([])
}

export async function withClient<T>({ stores }: DevStores, body: (client: Client) => Promise<T>): Promise<T> {
  const addresses = stores.map(({ address }) => address)
  const client = await within(Client.connect({ stores: addresses, connectTimeoutMs: 30_000 }), 'connect')
  try {
    return await body(client)
  } finally {
    await client.close()
  }
}

/** Writes until it is told to stop; what fails is written again. Resolves with what was acknowledged. */
export function startWriting(client: Client): {
  /** By key, so far. */
  readonly acked: ReadonlyMap<string, string>
  stop(): Promise<ReadonlyMap<string, string>>
} {
  let over = false
  const acked = new Map<string, string>()
  const kv = client.kv()
  const writer = async (name: number): Promise<void> => {
    for (let i = 0; !over; i++) {
      const [key, value] = [`${name}-${i}`, `value ${i}`]
      const done = await kv.put(key, value, { timeoutMs: 1_000 }).then(
        () => true,
        () => false,
      )
      if (done) acked.set(key, value)
    }
  }
  const writers = Promise.all(Array.from({ length: 8 }, (_, i) => writer(i)))
  const stop = async (): Promise<ReadonlyMap<string, string>> => {
    over = true
    await writers
    return acked
  }
  return { acked, stop }
}

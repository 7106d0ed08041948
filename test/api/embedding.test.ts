import { spawn } from 'node:child_process'
import fs from 'node:fs'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { TestCluster } from './cluster.ts'

function repositoryRoot(): string {
  let dir = path.dirname(fileURLToPath(import.meta.url))
  while (!fs.existsSync(path.join(dir, 'package.json'))) dir = path.dirname(dir)
  return dir
}

const PAGE = path.join(repositoryRoot(), 'docs', 'embedding.md')

/** The example of the page that imports from there. */
function exampleFrom(entry: string): string {
  const examples = Array.from(
    fs.readFileSync(PAGE, 'utf8').matchAll(/```js\n([\s\S]*?)```/g),
    ([, text]) => text!,
  )
  return examples.find((text) => text.includes(`from '${entry}'`))!
}

/** The example with other ports: those written there may be taken on this machine. */
async function storeExample(): Promise<string> {
  const taken = await Promise.all([1, 2, 3].map(() => listen()))
  const ports = taken.map((server) => (server.address() as net.AddressInfo).port)
  await Promise.all(taken.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports.reduce(
    (text, port, i) => text.replaceAll(`710${i + 1}`, String(port)),
    exampleFrom('flotilla'),
  )
}

function listen(): Promise<net.Server> {
  return new Promise((resolve, reject) => {
    const server = net.createServer().on('error', reject)
    server.listen(0, '127.0.0.1', () => resolve(server))
  })
}

function run(cwd: string): Promise<{ code: number | null; output: string; errors: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['example.mjs'], { cwd, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    let errors = ''
    child.stdout.on('data', (bytes: Buffer) => {
      output += bytes.toString()
    })
    child.stderr.on('data', (bytes: Buffer) => {
      errors += bytes.toString()
    })
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, output, errors }))
  })
}

test('the example of the embedding page runs as it stands, ends by itself, and finds its data when it runs again', async () => {
  const root = repositoryRoot()
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'flotilla-embedding-'))
  try {
    fs.mkdirSync(path.join(dir, 'node_modules'))
    fs.symlinkSync(root, path.join(dir, 'node_modules', 'flotilla'))
    fs.writeFileSync(path.join(dir, 'example.mjs'), await storeExample())
    const first = await run(dir)
    expect(first).toEqual({
      code: 0,
      output: expect.stringMatching(/^user:1 Ada\nvisits 1 at index \d+\n$/),
      errors: '',
    })
    const second = await run(dir)
    expect(second).toEqual({
      code: 0,
      output: expect.stringMatching(/^user:1 Ada\nvisits 2 at index \d+\n$/),
      errors: '',
    })
  } finally {
    fs.rmSync(dir, { recursive: true, force: true })
  }
})

test('the example of a client without a store runs against the cluster of the first one', async () => {
  const cluster = await TestCluster.open(['s1', 's2', 's3'], { clusterId: 'shop' })
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'flotilla-embedding-'))
  try {
    const store = cluster.store('s1')
    await store.kv<string, object>('users', { valueEncoding: 'json' }).put('user:1', { name: 'Ada' })
    await store.createGroup({ groupId: 'visits', type: 'counter', members: ['s1', 's2', 's3'] })
    fs.mkdirSync(path.join(dir, 'node_modules'))
    fs.symlinkSync(repositoryRoot(), path.join(dir, 'node_modules', 'flotilla'))
    const example = exampleFrom('flotilla/client')
      .replace('127.0.0.1:7101', cluster.store('s1').address)
      .replace('127.0.0.1:7102', cluster.store('s2').address)
    fs.writeFileSync(path.join(dir, 'example.mjs'), example)
    const rows = [
      'user:1 Ada',
      'user:2 Grace',
      'visits 1',
      ...[...cluster.stores.values()].map(
        ({ storeId, address }) => `${storeId} at ${address} leads \\d+ groups`,
      ),
    ]
    expect(await run(dir)).toEqual({
      code: 0,
      output: expect.stringMatching(new RegExp(`^${rows.join('\\n')}\\n$`)),
      errors: '',
    })
  } finally {
    await cluster.close()
    fs.rmSync(dir, { recursive: true, force: true })
  }
})

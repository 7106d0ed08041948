import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { describe, expect, test } from 'vitest'
import { NodeSockets } from '../../src/env/node-sockets.ts'
import type { Listener, Socket } from '../../src/env/ports.ts'

/** Records every call of a socket's handlers, in order, and lets a test wait for a condition on them. */
class Recorder {
  readonly calls: string[] = []
  bytes = Buffer.alloc(0)
  closed: Error | null | undefined = undefined
  #waiting: Array<{ readonly until: () => boolean; readonly resolve: () => void }> = []

  readonly socket: Socket

  constructor(socket: Socket) {
    this.socket = socket
    socket.setHandlers({
      onConnect: () => this.#note('connect'),
      onData: (bytes) => {
        this.bytes = Buffer.concat([this.bytes, bytes])
        this.#note('data')
      },
      onDrain: () => this.#note('drain'),
      onClose: (error) => {
        this.closed = error
        this.#note('close')
      },
    })
  }

  async until(condition: () => boolean): Promise<void> {
    if (condition()) return
    await new Promise<void>((resolve) => this.#waiting.push({ until: condition, resolve }))
  }

  whenClosed(): Promise<void> {
    return this.until(() => this.calls.includes('close'))
  }

  #note(call: string): void {
    this.calls.push(call)
    for (const waiter of this.#waiting) if (waiter.until()) waiter.resolve()
  }
}

async function withPair(
  body: (client: Recorder, server: Recorder, listener: Listener) => Promise<void>,
): Promise<void> {
  const sockets = new NodeSockets()
  let accept: (socket: Socket) => void = () => {}
  const accepted = new Promise<Socket>((resolve) => {
    accept = resolve
  })
  const listener = await sockets.listen('127.0.0.1', 0, (socket) => accept(socket))
  const client = new Recorder(sockets.connect('127.0.0.1', listener.port))
  const server = new Recorder(await accepted)
  try {
    await client.until(() => client.calls.includes('connect'))
    await body(client, server, listener)
  } finally {
    client.socket.destroy()
    server.socket.destroy()
    await listener.close()
  }
}

const turns = async (count: number) => {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve))
}

describe('NodeSockets', () => {
  test('carries chunks in order both ways, however they are cut', () =>
    withPair(async (client, server) => {
      const chunks = Array.from({ length: 200 }, (_, i) => Buffer.alloc(1 + ((i * 7_919) % 5_000), i))
      for (let i = 0; i < chunks.length; i += 10) client.socket.write(chunks.slice(i, i + 10))
      const whole = Buffer.concat(chunks)
      await server.until(() => server.bytes.length >= whole.length)
      expect(server.bytes.equals(whole)).toBe(true)
      server.socket.write([Buffer.from('answer')])
      await client.until(() => client.bytes.length >= 6)
      expect(client.bytes.toString()).toBe('answer')
    }))

  test('a reader that pauses fills the buffer: write says false, bufferedBytes counts, drain follows', () =>
    withPair(async (client, server) => {
      server.socket.pause()
      // The system takes some megabytes before the buffer of ours begins to fill.
      let sent = 0
      let room = true
      do {
        room = client.socket.write([Buffer.alloc(1 << 20), Buffer.alloc(1 << 20)])
        sent += 2 << 20
        await turns(1)
      } while (client.socket.bufferedBytes === 0)
      expect(room).toBe(false)
      const drains = () => client.calls.filter((call) => call === 'drain').length
      const before = drains()
      server.socket.resume()
      await client.until(() => drains() > before)
      await server.until(() => server.bytes.length >= sent)
      expect(client.socket.bufferedBytes).toBe(0)
      expect(server.bytes.length).toBe(sent)
    }))

  test('destroy ends in exactly one onClose(null), and nothing else is called on either side after it', () =>
    withPair(async (client, server) => {
      server.socket.write([Buffer.alloc(100_000)])
      client.socket.destroy()
      client.socket.destroy()
      const before = client.calls.length
      await Promise.all([client.whenClosed(), server.whenClosed()])
      await turns(5)
      expect(client.calls.slice(before)).toEqual(['close'])
      expect(client.closed).toBeNull()
      expect(server.calls.filter((call) => call === 'close')).toHaveLength(1)
      expect(server.calls.at(-1)).toBe('close')
      expect(client.socket.write([Buffer.from('late')])).toBe(false)
    }))

  test('connect never throws: refused, impossible port and unknown host arrive as one onClose with the reason', async () => {
    const holder = createServer()
    await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve))
    const free = (holder.address() as AddressInfo).port
    await new Promise((resolve) => holder.close(resolve))
    const sockets = new NodeSockets()
    for (const [host, port] of [
      ['127.0.0.1', free],
      ['127.0.0.1', 70_000],
      ['256.0.0.1.invalid', 1],
    ] as const) {
      const recorder = new Recorder(sockets.connect(host, port))
      await recorder.whenClosed()
      await turns(3)
      expect(recorder.calls).toEqual(['close'])
      expect(recorder.closed).toBeInstanceOf(Error)
      expect(recorder.socket.remote).toBe(`${host}:${port}`)
    }
  })

  test('handlers set after the end still hear of it, once', async () => {
    const socket = new NodeSockets().connect('127.0.0.1', 70_000)
    await turns(5)
    const recorder = new Recorder(socket)
    await recorder.whenClosed()
    await turns(3)
    expect(recorder.calls).toEqual(['close'])
  })

  test('data that came before the handlers were set is not lost, and handlers can be replaced', async () => {
    const sockets = new NodeSockets()
    let accepted: Socket | null = null
    const listener = await sockets.listen('127.0.0.1', 0, (socket) => {
      accepted = socket
    })
    const client = new Recorder(sockets.connect('127.0.0.1', listener.port))
    client.socket.write([Buffer.from('early')])
    await client.until(() => client.calls.includes('connect'))
    while (!accepted) await turns(1)
    await turns(10)
    const first = new Recorder(accepted)
    await first.until(() => first.bytes.length >= 5)
    const second = new Recorder(accepted)
    client.socket.write([Buffer.from('later')])
    await second.until(() => second.bytes.length >= 5)
    expect([first.bytes.toString(), second.bytes.toString()]).toEqual(['early', 'later'])
    client.socket.destroy()
    await second.whenClosed()
    expect(first.calls).not.toContain('close')
    await listener.close()
  })

  test('a handler that throws ends its connection with that error, not the process', async () => {
    const sockets = new NodeSockets()
    let serverSocket: Socket | null = null
    const closed: Array<Error | null> = []
    const listener = await sockets.listen('127.0.0.1', 0, (socket) => {
      serverSocket = socket
      socket.setHandlers({
        onData: () => {
          throw new Error('my handler')
        },
        onClose: (error) => closed.push(error),
      })
    })
    const client = new Recorder(sockets.connect('127.0.0.1', listener.port))
    client.socket.write([Buffer.from('x')])
    await client.whenClosed()
    while (closed.length === 0) await turns(1)
    expect(serverSocket).not.toBeNull()
    expect(closed.map(String)).toEqual(['Error: my handler'])
    await listener.close()
  })

  test('listen tells a taken address from an impossible one', async () => {
    const sockets = new NodeSockets()
    const listener = await sockets.listen('127.0.0.1', 0, () => {})
    expect(listener.host).toBe('127.0.0.1')
    const taken = sockets.listen('127.0.0.1', listener.port, () => {})
    await expect(taken).rejects.toMatchObject({ code: 'FLOTILLA_ADDRESS_IN_USE' })
    const invalid = { code: 'FLOTILLA_ADDRESS_INVALID' }
    await expect(sockets.listen('192.0.2.1', 0, () => {})).rejects.toMatchObject(invalid)
    await expect(sockets.listen('127.0.0.1', 70_000, () => {})).rejects.toMatchObject(invalid)
    await listener.close()
  })

  test('a closed listener frees its port at once and leaves accepted connections alone', () =>
    withPair(async (client, server, listener) => {
      await Promise.all([listener.close(), listener.close()])
      const again = await new NodeSockets().listen('127.0.0.1', listener.port, () => {})
      await again.close()
      client.socket.write([Buffer.from('still here')])
      await server.until(() => server.bytes.length >= 10)
      expect(server.bytes.toString()).toBe('still here')
    }))
})

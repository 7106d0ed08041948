import type { Disk, EngineDb, Socket, SocketHandlers, ThreadPort } from '../../src/env/ports.ts'
import type { SimProcess } from '../../src/sim/process.ts'
import { SimWorld } from '../../src/sim/world.ts'
import type { SimWorldOptions } from '../../src/sim/world.ts'

/** A shard worker that writes each number it gets, synced, and answers with it. */
export async function toyWorker(port: ThreadPort, disk: Disk, init: unknown): Promise<void> {
  const { dir } = init as { dir: string }
  const db = await disk.engine.open(`${dir}/log`, { writeBufferBytes: 1 << 20, compression: false })
  port.post({ opened: true })
  return new Promise((resolve, reject) => {
    port.setHandler((message) => {
      const { number, close } = message as { number?: number; close?: boolean }
      if (close) db.close().then(resolve, reject)
      else write(db, number!).then(() => port.post({ written: number }), reject)
    })
  })
}

function write(db: EngineDb, number: number): Promise<void> {
  const batch = db.createBatch()
  batch.put(Buffer.from(`n${number}`), Buffer.from(String(number)))
  return db.write(batch, true)
}

export const TOY_PORT = 7000
export const TOY_NAMES = ['a', 'b', 'c'] as const

export interface Toy {
  readonly world: SimWorld
  readonly processes: readonly SimProcess[]
  /** Frames that arrived whole, by receiver. */
  readonly received: Map<string, string[]>
}

/** Three processes: a jittered timer has the worker write a number; what is written goes to the others in a line. */
export function startToy(options: SimWorldOptions): Toy {
  const world = new SimWorld({ worker: toyWorker, ...options })
  const received = new Map<string, string[]>(TOY_NAMES.map((name) => [name, []]))
  const processes = TOY_NAMES.map((name) =>
    world.process(name, { main: (self) => toyMain(self, received.get(name)!) }),
  )
  return { world, processes, received }
}

async function toyMain(self: SimProcess, received: string[]): Promise<void> {
  const { env, name, starts } = self
  const links = new Map<string, Socket>()
  await env.sockets.listen(name, TOY_PORT, (socket) => socket.setHandlers(lineReader(received)))
  const dial = (peer: string): void => {
    const socket = env.sockets.connect(peer, TOY_PORT)
    socket.setHandlers({
      onConnect: () => links.set(peer, socket),
      onData: () => {},
      onClose: () => {
        links.delete(peer)
        env.timers.setTimeout(() => dial(peer), 20 + 20 * env.random.float())
      },
    })
  }
  for (const peer of TOY_NAMES) if (peer !== name) dial(peer)
  const thread = env.threads.startShard({ dir: self.dir })
  let next = 0
  const tick = (): void => {
    thread.post({ number: next++ })
    env.timers.setTimeout(tick, 5 + 10 * env.random.float())
  }
  thread.setHandler((message) => {
    const { opened, written } = message as { opened?: boolean; written?: number }
    if (opened) tick()
    else for (const socket of links.values()) socket.write([Buffer.from(`${name}${starts}.${written}\n`)])
  })
}

export function lineReader(lines: string[]): SocketHandlers {
  let rest = ''
  return {
    onData: (bytes) => {
      const parts = (rest + bytes.toString('latin1')).split('\n')
      rest = parts.pop()!
      lines.push(...parts)
    },
    onClose: () => {},
  }
}

/** A connection from `client` to `server`, both ends recorded. */
export interface Pair {
  readonly client: Socket
  readonly server: () => Socket
  readonly atClient: Recorder
  readonly atServer: Recorder
}

export class Recorder implements SocketHandlers {
  connected = false
  drains = 0
  readonly chunks: Buffer[] = []
  closed: Error | null | undefined

  get bytes(): Buffer {
    return Buffer.concat(this.chunks)
  }

  onConnect(): void {
    this.connected = true
  }

  onData(bytes: Buffer): void {
    this.chunks.push(bytes)
  }

  onDrain(): void {
    this.drains++
  }

  onClose(error: Error | null): void {
    this.closed = error
  }
}

export async function connectPair(world: SimWorld, client: SimProcess, server: SimProcess): Promise<Pair> {
  const atClient = new Recorder()
  const atServer = new Recorder()
  const accepted: Socket[] = []
  const listener = await world.settle(
    server.env.sockets.listen(server.name, 0, (socket) => {
      accepted.push(socket)
      socket.setHandlers(atServer)
    }),
  )
  const socket = client.env.sockets.connect(listener.host, listener.port)
  socket.setHandlers(atClient)
  await world.waitFor(() => atClient.connected && accepted.length === 1)
  return { client: socket, server: () => accepted[0]!, atClient, atServer }
}

import { once } from 'node:events'
import { createServer } from 'node:net'

const HOST = '127.0.0.1'
/** Of the pages: flotilla dev; a store in each process; three in one program. */
const BASES = [7101, 7201, 7301] as const
const STORES = 3
const MAX_TRIES = 50
/** Below those that systems give out: between the look and the use nobody is given one of them by chance. */
const FIRST_PORT = 20_000
const PORTS = 10_000

/** Ports that are free here in place of those of the pages, the same for all of them. */
export class Ports {
  readonly #byPort: ReadonlyMap<string, string>

  private constructor(byPort: ReadonlyMap<string, string>) {
    this.#byPort = byPort
  }

  static async find(): Promise<Ports> {
    const byPort = new Map<string, string>()
    for (const base of BASES) {
      const free = await findRow(new Set(byPort.values()))
      for (let i = 0; i < STORES; i++) byPort.set(`${base + i}`, `${free + i}`)
    }
    return new Ports(byPort)
  }

  inPlaceOf(port: number): string {
    return this.#byPort.get(`${port}`)!
  }

  substitute(text: string): string {
    return text.replace(/127\.0\.0\.1:(\d+)/g, (whole, port: string) => {
      const free = this.#byPort.get(port)
      return free === undefined ? whole : `${HOST}:${free}`
    })
  }
}

/** The first of three neighbours that are free, for `flotilla dev` takes ports in a row. */
async function findRow(taken: ReadonlySet<string>): Promise<number> {
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const first = FIRST_PORT + Math.floor(Math.random() * PORTS)
    const row = Array.from({ length: STORES }, (_, i) => first + i)
    if (row.some((port) => taken.has(`${port}`))) continue
    if ((await Promise.all(row.map(isFree))).every(Boolean)) return first
  }
  throw new Error(`no ${STORES} free ports in a row`)
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  try {
    server.listen(port, HOST)
    await once(server, 'listening')
    return true
  } catch {
    return false
  } finally {
    await new Promise((resolve) => server.close(resolve))
  }
}

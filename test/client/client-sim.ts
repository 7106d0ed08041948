import { Client } from '../../src/api/client.ts'
import { Store } from '../../src/api/store.ts'
import type { StateMachine } from '../../src/index.ts'
import type { SimProcess } from '../../src/sim/process.ts'
import type { SimRandom } from '../../src/sim/random.ts'
import { SimWorld } from '../../src/sim/world.ts'
import { FlotillaError } from '../../src/util/errors.ts'

export const LIST = 'list'
const REGISTERS = 6
/** Between two calls of one caller: what is looked for are faults, not load. */
const PAUSE_MS = 50

/** Every call that was begun, and how it ended. */
export interface Tally {
  started: number
  settled: number
  acked: number
  notApplied: number
  unknown: number
  reads: number
  /** By code. */
  readonly errors: Map<string, number>
}

interface Register {
  readonly key: string
  /** Values in the order in which they were begun. */
  readonly values: Array<'started' | 'acked' | 'not-applied' | 'unknown'>
  acked: number
}

/**
 * Real stores and one client without a store, each a process of a simulated world: clock, network, disks. What must hold is
 * checked as it happens: no entry is applied twice, nothing that was certainly not done is seen, nothing acknowledged is lost
 * or read as older than it is.
 */
export class ClientWorld {
  readonly world: SimWorld
  readonly names: readonly string[]
  readonly stores = new Map<string, Store>()
  client: Client | null = null
  connectError: FlotillaError | null = null
  readonly tally: Tally = {
    started: 0,
    settled: 0,
    acked: 0,
    notApplied: 0,
    unknown: 0,
    reads: 0,
    errors: new Map(),
  }
  busy = true
  /** Entry → the index at which it was applied. */
  readonly #applied = new Map<string, number>()
  readonly #refused = new Set<string>()
  readonly #acked = new Map<string, number>()
  readonly #registers: Register[] = []
  #next = 0
  readonly #random: SimRandom

  constructor(seed: number | string, names: readonly string[] = ['s1', 's2', 's3']) {
    this.world = new SimWorld({ seed })
    this.names = names
    this.#random = this.world.random.fork('callers')
    for (const name of names) this.world.process(name, { main: (process) => this.#store(process, names) })
    for (let i = 0; i < REGISTERS; i++) this.#registers.push({ key: `${i}r`, values: [], acked: -1 })
  }

  get storeProcesses(): SimProcess[] {
    return this.names.map((name) => this.world.process(name))
  }

  /** A store that nobody has been told of but itself. */
  join(name: string): void {
    this.world.process(name, { main: (process) => this.#store(process, [...this.names, name]) })
  }

  async #store(process: SimProcess, known: readonly string[]): Promise<void> {
    this.stores.delete(process.name)
    const store = await Store.open(
      {
        clusterId: 'sim',
        storeId: process.name,
        dataDir: process.dir,
        stores: Object.fromEntries(known.map((name) => [name, `${name}:7000`])),
        electionTimeoutMs: 300,
        kv: { splitKeys: ['3'], members: this.names },
        stateMachines: { [LIST]: () => this.#machine() },
      },
      process.env,
    )
    this.stores.set(process.name, store)
    void store.closed.then((reason) => {
      // As its keeper would.
      if (reason !== null) process.env.timers.setTimeout(() => process.restart(), 300)
    })
  }

  #machine(): StateMachine {
    return {
      onApply: (entries) => {
        for (const { index, data, reply } of entries) {
          const id = data.toString()
          const known = this.#applied.get(id)
          if (known !== undefined && known !== index) this.#fail(`${id} is at ${known} and at ${index}`)
          if (this.#refused.has(id)) this.#fail(`${id} was certainly not applied, and is at ${index}`)
          this.#applied.set(id, index)
          reply(data)
        }
      },
    }
  }

  #fail(text: string): void {
    this.world.fail(new Error(text))
  }

  /** Starts the client's process; resolves when it has connected, or not. */
  async connect(stores: readonly string[], connectTimeoutMs = 10_000): Promise<Client | null> {
    let tried = false
    this.world.process('client', {
      main: async ({ env }) => {
        try {
          this.client = await Client.connect({ stores, connectTimeoutMs }, env)
        } catch (error) {
          this.connectError = error as FlotillaError
        }
        tried = true
      },
    })
    await this.world.waitFor(() => tried, connectTimeoutMs * 2, 'connect')
    return this.client
  }

  /** The group of the list, made through the client. */
  async createList(): Promise<void> {
    await this.world.settle(
      this.client!.createGroup({ groupId: LIST, type: LIST, members: this.names }),
      20_000,
      'createGroup',
    )
  }

  /** Writers and readers, until `busy` is false: each begins its next call when the last has ended. */
  startLoad(writers: number): void {
    for (let i = 0; i < writers; i++) void this.#append()
    for (const register of this.#registers) {
      void this.#write(register)
      void this.#read(register)
    }
  }

  async #append(): Promise<void> {
    while (this.busy) {
      const id = `e${this.#next++}`
      const group = this.client!.group(LIST)
      const ended = await this.#call(() => group.apply(Buffer.from(id), { timeoutMs: 2_000 }))
      if (ended.value !== null) {
        if (ended.value.result?.toString() !== id) this.#fail(`${id} was answered for another`)
        this.#acked.set(id, ended.value.index)
      } else if (ended.error.outcome === 'not-applied') {
        if (this.#applied.has(id)) this.#fail(`${id} was certainly not applied, and is`)
        this.#refused.add(id)
      }
    }
  }

  async #write(register: Register): Promise<void> {
    const kv = this.client!.kv('r')
    while (this.busy) {
      const value = register.values.push('started') - 1
      const ended = await this.#call(() => kv.put(register.key, `${value}`, { timeoutMs: 2_000 }))
      register.values[value] = ended.error === null ? 'acked' : ended.error.outcome
      if (ended.error === null) register.acked = value
    }
  }

  async #read(register: Register): Promise<void> {
    const kv = this.client!.kv('r')
    while (this.busy) {
      const floor = register.acked
      const ended = await this.#call(() => kv.get(register.key, { timeoutMs: 2_000 }))
      if (ended.error !== null) continue
      this.tally.reads++
      this.#check(register, ended.value, floor)
    }
  }

  #check({ key, values }: Register, text: string | undefined, floor: number): void {
    const value = text === undefined ? -1 : Number(text)
    if (value < floor) this.#fail(`${key} was read as ${value} after ${floor} had been acknowledged`)
    if (values[value] === 'not-applied')
      this.#fail(`${key} was read as ${value}, which was certainly not done`)
  }

  async #call<T>(
    begin: () => Promise<T>,
  ): Promise<{ value: T; error: null } | { value: null; error: FlotillaError }> {
    const { tally } = this
    tally.started++
    try {
      const value = await begin()
      tally.settled++
      tally.acked++
      await this.world.sleep(PAUSE_MS * this.#random.float())
      return { value, error: null }
    } catch (error) {
      tally.settled++
      if (!(error instanceof FlotillaError)) {
        this.#fail(`no FlotillaError: ${(error as Error).stack}`)
        throw error
      }
      if (error.outcome === 'unknown') tally.unknown++
      else tally.notApplied++
      tally.errors.set(error.code, (tally.errors.get(error.code) ?? 0) + 1)
      await this.world.sleep(PAUSE_MS)
      return { value: null, error }
    }
  }

  /** The load ends; every call has settled. */
  async drain(withinMs = 20_000): Promise<void> {
    this.busy = false
    const { tally } = this
    await this.world.waitFor(() => tally.settled === tally.started, withinMs, 'every call to settle')
  }

  /** With all stores up: what was acknowledged is there, at its index, and what was refused is not. */
  async verify(): Promise<void> {
    const kv = this.client!.kv('r')
    for (const register of this.#registers) {
      const text = await this.world.settle(kv.get(register.key, { timeoutMs: 30_000 }), 60_000, 'a last read')
      this.#check(register, text, register.acked)
    }
    await this.world.settle(this.client!.group(LIST).readIndex({ timeoutMs: 30_000 }), 60_000, 'a read index')
    for (const [id, index] of this.#acked) {
      if (this.#applied.get(id) !== index)
        throw new Error(`${id} was acknowledged at ${index} and is not there`)
    }
  }
}

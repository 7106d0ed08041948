import { randomUUID } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { HOST, STORE_IDS } from './demo-settings.ts'
import { findFreePorts } from './free-ports.ts'
import type { ClusterView } from './leadership.ts'
import type { OpenArgs, WrittenBatch } from './store-messages.ts'
import { StoreProcess, StoreRefusal } from './store-process.ts'

const ADDRESS_IN_USE = 'FLOTILLA_ADDRESS_IN_USE'
/** Ports are found free and lost again seldom; so many times in a row never. */
const START_TRIES = 5
/** A returning store must have its old port: somebody's outgoing connection may sit on it for a moment. */
const PORT_WAIT_MS = 15_000
const PORT_RETRY_MS = 250
const END_TIMEOUT_MS = 10_000

export interface ClusterOptions {
  /** An empty directory, the cluster's own. */
  readonly dir: string
  readonly splitKeys: readonly Buffer[]
  readonly signal: AbortSignal
  onWritten(store: number, batch: WrittenBatch): void
  /** A process ended or failed unasked: the demo is over. */
  onFailure(error: Error): void
}

/** Three stores, each a process of its own. */
export class DemoCluster {
  readonly #options: ClusterOptions
  readonly #clusterId = `demo-${randomUUID()}`
  readonly #processes: (StoreProcess | null)[] = STORE_IDS.map(() => null)
  #args: readonly OpenArgs[] = []

  constructor(options: ClusterOptions) {
    this.#options = options
  }

  /** Starts the stores on fresh directories and free ports. */
  async start(): Promise<void> {
    for (let tries = 1; ; tries++) {
      this.#args = await this.#planStores(tries)
      try {
        await Promise.all(STORE_IDS.map((_, store) => this.#startStore(store)))
        return
      } catch (error) {
        if (tries === START_TRIES || !isAddressInUse(error)) throw error
        await this.destroy()
      }
    }
  }

  async #planStores(tries: number): Promise<OpenArgs[]> {
    const { dir, splitKeys } = this.#options
    const ports = await findFreePorts(STORE_IDS.length, HOST)
    const stores = Object.fromEntries(STORE_IDS.map((storeId, i) => [storeId, `${HOST}:${ports[i]}`]))
    return await Promise.all(
      STORE_IDS.map(async (storeId) => {
        const dataDir = join(dir, `try-${tries}`, storeId)
        await mkdir(dataDir, { recursive: true })
        return { clusterId: this.#clusterId, storeId, dataDir, stores, splitKeys }
      }),
    )
  }

  async #startStore(store: number): Promise<void> {
    this.#options.signal.throwIfAborted()
    const process = new StoreProcess(STORE_IDS[store]!, this.#options.dir, {
      onWritten: (batch) => this.#options.onWritten(store, batch),
      onFailure: (error) => this.#options.onFailure(error),
    })
    this.#processes[store] = process
    await process.call('open', this.#args[store]!)
  }

  address(store: number): string {
    return this.#args[store]?.stores[STORE_IDS[store]!] ?? ''
  }

  /** The process of a store that runs. */
  process(store: number): StoreProcess {
    const process = this.#processes[store]
    if (process == null) throw new Error(`store ${STORE_IDS[store]} is not running`)
    return process
  }

  isRunning(store: number): boolean {
    return this.#processes[store] !== null
  }

  /** SIGKILL. Resolves when the process is gone and everything it had said was heard. */
  async kill(store: number): Promise<void> {
    const process = this.process(store)
    this.#processes[store] = null
    await process.kill()
  }

  /** The store of a killed process again: same directory, same address. */
  async restart(store: number): Promise<void> {
    const deadline = performance.now() + PORT_WAIT_MS
    for (;;) {
      try {
        return await this.#startStore(store)
      } catch (error) {
        if (!isAddressInUse(error) || performance.now() > deadline) throw error
        await this.kill(store)
        await sleep(PORT_RETRY_MS, undefined, { signal: this.#options.signal })
      }
    }
  }

  async describe(): Promise<ClusterView> {
    return await Promise.all(
      this.#processes.map(async (process) =>
        process === null ? null : await process.call('describe', null),
      ),
    )
  }

  /** Closes every store in order; each process has to end by itself. */
  async close(): Promise<void> {
    const running = this.#processes.flatMap((process) => (process === null ? [] : [process]))
    await Promise.all(running.map((process) => process.close(END_TIMEOUT_MS)))
    this.#processes.fill(null)
  }

  /** The same as `destroy` without waiting, for a process that is about to end. */
  destroyNow(): void {
    for (const process of this.#processes) process?.killNow()
  }

  /** Ends whatever still runs, at once. */
  async destroy(): Promise<void> {
    const running = this.#processes.flatMap((process) => (process === null ? [] : [process]))
    this.#processes.fill(null)
    await Promise.all(running.map((process) => process.kill()))
  }
}

function isAddressInUse(error: unknown): boolean {
  return error instanceof StoreRefusal && error.code === ADDRESS_IN_USE
}

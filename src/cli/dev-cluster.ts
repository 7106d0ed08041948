import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { LogLevel } from '../env/node-logger.ts'
import { DEV_HOST } from './dev-settings.ts'
import { DevStoreFailure } from './dev-store-process.ts'
import { DevSupervisor } from './dev-supervisor.ts'
import { evenSplitKeys } from './even-split-keys.ts'
import { findFreePorts } from './free-ports.ts'
import { FlotillaError } from '../util/errors.ts'

const ADDRESS_IN_USE = 'FLOTILLA_ADDRESS_IN_USE'
/** Ports are found free and lost again seldom; so many times in a row never. */
const START_TRIES = 5

export interface DevClusterOptions {
  readonly clusterId: string
  /** Holds a directory for each store. */
  readonly dir: string
  /** Removed by the stores if we die; '' for none. */
  readonly scratchDir: string
  readonly stores: number
  readonly groups: number
  /** Of the first store, the others follow; 0 takes free ones. */
  readonly port: number
  readonly logLevel: LogLevel
  tell(text: string): void
}

/** A store as people and programs are told of it. */
export interface DevStoreView {
  readonly storeId: string
  readonly address: string
  readonly pid: number
}

/** The stores of `flotilla dev`, each a process of its own. */
export class DevCluster {
  readonly #options: DevClusterOptions
  readonly #storeIds: readonly string[]
  #addresses: Readonly<Record<string, string>> = {}
  #supervisors: readonly DevSupervisor[] = []
  #ready = 0
  #led = 0
  #closed = false

  constructor(options: DevClusterOptions) {
    this.#options = options
    this.#storeIds = Array.from({ length: options.stores }, (_, i) => `s${i + 1}`)
  }

  /** How far `start` has come, in words. */
  get progress(): string {
    const { stores } = this.#options
    return `${this.#ready} of ${stores} stores listen, ${this.#led} of ${stores} know the leaders of all groups`
  }

  /** Resolves when every group has a leader. Rejects with the failure of a store. */
  async start(): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        await this.#startAll()
        return
      } catch (error) {
        const isTaken = error instanceof DevStoreFailure && error.code === ADDRESS_IN_USE
        if (this.#closed || !isTaken) throw error
        if (this.#options.port !== 0) {
          const text = `${error.message.replace(/\.$/, '')}: give another --port; --port 0 takes free ones`
          throw new FlotillaError('ADDRESS_IN_USE', text)
        }
        if (tries === START_TRIES) throw error
        await Promise.all(this.#supervisors.map((supervisor) => supervisor.close()))
      }
    }
  }

  async #startAll(): Promise<void> {
    const { clusterId, dir, scratchDir, groups, logLevel, tell } = this.#options
    const ports = await this.#ports()
    const stores = Object.fromEntries(this.#storeIds.map((id, i) => [id, `${DEV_HOST}:${ports[i]}`]))
    await Promise.all(this.#storeIds.map((storeId) => mkdir(join(dir, storeId), { recursive: true })))
    if (this.#closed) return
    this.#addresses = stores
    const splitKeys = evenSplitKeys(groups)
    this.#supervisors = this.#storeIds.map((storeId) => {
      const dataDir = join(dir, storeId)
      const args = { clusterId, storeId, dataDir, stores, splitKeys, logLevel }
      return new DevSupervisor(args, { scratchDir, tell })
    })
    this.#ready = this.#led = 0
    await Promise.all(this.#supervisors.map((supervisor) => supervisor.ready.then(() => this.#ready++)))
    await Promise.all(this.#supervisors.map((supervisor) => supervisor.led.then(() => this.#led++)))
  }

  async #ports(): Promise<readonly number[]> {
    const { port, stores } = this.#options
    if (port === 0) return await findFreePorts(stores, DEV_HOST)
    return Array.from({ length: stores }, (_, i) => port + i)
  }

  describe(): DevStoreView[] {
    return this.#supervisors.map(({ pid }, i) => {
      const storeId = this.#storeIds[i]!
      return { storeId, address: this.#addresses[storeId]!, pid }
    })
  }

  /** Resolves when it is closed, or every store is left down. */
  async keepRunning(): Promise<void> {
    await Promise.all(this.#supervisors.map((supervisor) => supervisor.keepRunning()))
  }

  /** Resolves when no process is left. No other is started. */
  async close(): Promise<void> {
    this.#closed = true
    await Promise.all(this.#supervisors.map((supervisor) => supervisor.close()))
  }

  /** The same without waiting, for a process that is about to end. */
  killNow(): void {
    this.#closed = true
    for (const supervisor of this.#supervisors) supervisor.killNow()
  }
}

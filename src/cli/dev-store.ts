/**
 * The main file of the store processes of `flotilla dev`: one store each, told what to do over the channel of `fork`. The
 * argument is the directory to remove when `flotilla dev` itself died, '' for none.
 */
import { Store } from '../api/store.ts'
import { createLogger } from '../env/node-logger.ts'
import { toFlotillaError } from '../util/errors.ts'
import type { DevMessage, DevRequest, DevStoreArgs } from './dev-messages.ts'
import { EXIT_FAILED } from './exit-codes.ts'
import { removeScratchDirNow } from './scratch-dir.ts'

const LED_POLL_MS = 25

class DevStore {
  #opening: Promise<Store> | null = null
  #closing = false

  async open(args: DevStoreArgs): Promise<void> {
    const { clusterId, storeId, dataDir, stores, splitKeys, logLevel } = args
    const logger = createLogger({ level: logLevel })
    this.#opening = Store.open({ clusterId, storeId, dataDir, stores, kv: { splitKeys }, logger })
    const store = await this.#opening
    send({ kind: 'ready' })
    void store.closed.then((reason) => {
      if (reason !== null) fail(reason)
    })
    while (!this.#closing && !isLed(store)) await new Promise((resolve) => setTimeout(resolve, LED_POLL_MS))
    send({ kind: 'led' })
  }

  /** Once the store is closed and the channel too, nothing keeps the process alive. */
  async close(): Promise<void> {
    if (this.#closing) return
    this.#closing = true
    const store = await this.#opening?.catch(() => null)
    await store?.close()
    if (process.connected) process.disconnect()
  }

  /** Whoever started us is gone, however that came. */
  onDisconnect(): void {
    if (this.#closing) return
    if (process.argv[2] !== undefined && process.argv[2] !== '') removeScratchDirNow(process.argv[2])
    process.exit(EXIT_FAILED)
  }
}

function isLed(store: Store): boolean {
  return store.describe().groups.every(({ leader, error }) => leader !== '' || error !== null)
}

function send(message: DevMessage): void {
  if (process.connected) process.send?.(message)
}

function fail(error: unknown): void {
  const { code, message } = toFlotillaError(error)
  if (!process.connected) process.exit(EXIT_FAILED)
  process.send?.({ kind: 'failed', code, message } satisfies DevMessage, () => process.exit(EXIT_FAILED))
}

function main(): void {
  const store = new DevStore()
  process.on('message', (request: DevRequest) => {
    const done = request.kind === 'open' ? store.open(request) : store.close()
    done.catch(fail)
  })
  process.on('disconnect', () => store.onDisconnect())
  // It may have happened while this program was loaded.
  if (!process.connected) store.onDisconnect()
  process.on('uncaughtException', fail)
  process.on('unhandledRejection', fail)
  // Where there are no process groups these reach all: `flotilla dev` answers them.
  for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, () => {})
  process.on('SIGTERM', () => void store.close().catch(fail))
}

main()

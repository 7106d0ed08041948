/** The main file of the demo's store processes: one store each, told what to do over the channel of `fork`. */
import { toFlotillaError } from '../util/errors.ts'
import { Importer } from './importer.ts'
import { LocalStore } from './local-store.ts'
import { removeScratchDirNow } from './scratch-dir.ts'
import type { CallName, ErrorView, OpenArgs, StoreMessage, StoreRequest } from './store-messages.ts'

class StoreServer {
  #store: LocalStore | null = null
  #closing = false
  readonly #importer = new Importer({
    put: (key, value) => this.#opened().put(key, value),
    report: (batch) => send({ kind: 'written', ...batch }),
    onFailure: (error) => fail(error),
  })

  onRequest(request: StoreRequest): void {
    if (request.kind === 'write') {
      this.#importer.add(request.root, request.files)
      return
    }
    const { id, name, args } = request
    this.#answer(name, args).then(
      (value) => {
        send({ kind: 'answer', id, value })
        // Nothing keeps the process alive now: it ends by itself, which is part of the show.
        if (name === 'close') process.disconnect()
      },
      (error: unknown) => send({ kind: 'refused', id, error: viewOf(error) }),
    )
  }

  async #answer(name: CallName, args: unknown): Promise<unknown> {
    switch (name) {
      case 'open':
        return await this.#open(args as OpenArgs)
      case 'describe':
        return this.#opened().describe()
      case 'read':
        return await this.#opened().read(args as readonly string[])
      case 'digest':
        return await this.#opened().digests()
      case 'close':
        this.#closing = true
        await this.#opened().close()
        return null
    }
  }

  async #open(args: OpenArgs): Promise<null> {
    this.#store = await LocalStore.open(args, (reason) => {
      if (!this.#closing) fail(reason)
    })
    return null
  }

  #opened(): LocalStore {
    if (this.#store === null) throw new Error('the store is not open')
    return this.#store
  }

  /** The demo is gone, however that came: so is what it left behind. */
  onDisconnect(): void {
    if (this.#closing) return
    // Named by whoever forked us, for we may be left alone before the first message.
    if (process.argv[2] !== undefined) removeScratchDirNow(process.argv[2])
    process.exit(0)
  }
}

function send(message: StoreMessage): void {
  if (process.connected) process.send?.(message)
}

function viewOf(error: unknown): ErrorView {
  const { code, message } = toFlotillaError(error)
  return { code, message }
}

function fail(error: unknown): void {
  if (!process.connected) process.exit(1)
  process.send?.({ kind: 'failed', error: viewOf(error) } satisfies StoreMessage, () => process.exit(1))
}

function main(): void {
  const server = new StoreServer()
  process.on('message', (request: StoreRequest) => server.onRequest(request))
  process.on('disconnect', () => server.onDisconnect())
  // It may have happened while this program was loaded.
  if (!process.connected) server.onDisconnect()
  process.on('uncaughtException', fail)
  process.on('unhandledRejection', fail)
  // Where there are no process groups these reach all: the demo answers them.
  for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, () => {})
}

main()

/** The main file of a store process: answers the runner's questions, one at a time, and drives its own clients. */
import { assertPresent } from '../util/assert.ts'
import { Driver } from './driver.ts'
import { homeOfGroup } from './scenario.ts'
import type { BenchStore, StoreArgs } from './scenario.ts'
import { loadScenario } from './scenarios.ts'
import type { StoreAnswers, StoreMessage, StoreRequest } from './store-messages.ts'

class StoreHost {
  #args: StoreArgs | null = null
  #store: BenchStore | null = null

  async answer(request: StoreRequest): Promise<StoreAnswers[StoreRequest['kind']]> {
    switch (request.kind) {
      case 'start':
        return await this.#start(request.scenario, request.args)
      case 'join':
        await this.#started().join(request.addresses)
        return null
      case 'leaders':
        return await this.#leaders()
      case 'drive':
        return await this.#drive(request.warmupMs, request.measureMs)
      case 'close':
        await this.#store?.close()
        return null
    }
  }

  async #start(scenario: string, args: StoreArgs): Promise<StoreAnswers['start']> {
    const startStore = await loadScenario(scenario)
    this.#args = args
    this.#store = await startStore(args)
    return { address: this.#store.address }
  }

  /** Groups led here; those that should be led elsewhere are sent on their way first. */
  async #leaders(): Promise<StoreAnswers['leaders']> {
    const store = this.#started()
    const self = assertPresent(this.#args, 'started').storeIndex
    if (store.handOver !== undefined) {
      for (const group of store.leaders()) {
        // A refused transfer is no failure: the runner asks again until leaders are where they should be.
        if (homeOfGroup(group) !== self)
          await store.handOver(group, homeOfGroup(group)).catch(() => undefined)
      }
    }
    return { groups: store.leaders() }
  }

  async #drive(warmupMs: number, measureMs: number): Promise<StoreAnswers['drive']> {
    const store = this.#started()
    const { groups, inFlight, payloadBytes } = assertPresent(this.#args, 'started')
    const onProgress = (ops: number): void => send({ kind: 'progress', ops })
    const driver = new Driver({ store, groups, inFlight, payloadBytes, warmupMs, measureMs, onProgress })
    return await driver.run()
  }

  #started(): BenchStore {
    return assertPresent(this.#store, 'the store was started')
  }
}

function send(message: StoreMessage): void {
  if (process.connected) process.send?.(message)
}

function fail(error: unknown): void {
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error)
  if (!process.connected) process.exit(1)
  process.send?.({ kind: 'failed', message } satisfies StoreMessage, () => process.exit(1))
}

function main(): void {
  const host = new StoreHost()
  process.on('message', (request: StoreRequest) => {
    host.answer(request).then((value) => send({ kind: 'answer', value }), fail)
  })
  process.on('uncaughtException', fail)
  // The runner's end, however it came, is ours. A Ctrl-C reaches the whole process group: the runner answers it.
  process.on('disconnect', () => process.exit(0))
  process.on('SIGINT', () => undefined)
}

main()

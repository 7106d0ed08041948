/** The main file of a store process: answers the runner's questions, one at a time, and drives its own clients. */
import { assertPresent } from '../util/assert.ts'
import { Driver } from './driver.ts'
import { LeadershipError, leadershipProblem } from './leadership.ts'
import type { BenchStore, StartStore, StoreArgs } from './scenario.ts'
import { loadScenario } from './scenarios.ts'
import type { StoreAnswers, StoreMessage, StoreRequest } from './store-messages.ts'

class StoreHost {
  #startStore: StartStore | null = null
  #args: StoreArgs | null = null
  #store: BenchStore | null = null

  async answer(request: StoreRequest): Promise<StoreAnswers[StoreRequest['kind']]> {
    switch (request.kind) {
      case 'load':
        this.#startStore = await loadScenario(request.scenario)
        return null
      case 'start':
        return await this.#start(request.args)
      case 'join':
        await this.#started().join(request.addresses)
        return null
      case 'leaders':
        return this.#leaders()
      case 'drive':
        return await this.#drive(request.warmupMs, request.measureMs)
      case 'close':
        await this.#store?.close()
        return null
    }
  }

  async #start(args: StoreArgs): Promise<StoreAnswers['start']> {
    this.#args = args
    this.#store = await assertPresent(this.#startStore, 'loaded')(args)
    return { address: this.#store.address }
  }

  #leaders(): StoreAnswers['leaders'] {
    const { storeIndex, groups } = assertPresent(this.#args, 'started')
    const leaders = this.#started().leaders()
    return { led: leaders.size, problem: leadershipProblem(storeIndex, groups, leaders) }
  }

  async #drive(warmupMs: number, measureMs: number): Promise<StoreAnswers['drive']> {
    const store = this.#started()
    const args = assertPresent(this.#args, 'started')
    const onProgress = (ops: number): void => send({ kind: 'progress', ops })
    return await new Driver({ store, args, warmupMs, measureMs, onProgress }).run()
  }

  #started(): BenchStore {
    return assertPresent(this.#store, 'the store was started')
  }
}

function send(message: StoreMessage): void {
  if (process.connected) process.send?.(message)
}

function fail(error: unknown): void {
  const leadership = error instanceof LeadershipError
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error)
  const message = leadership ? error.message : stack
  if (!process.connected) process.exit(1)
  process.send?.({ kind: 'failed', message, leadership } satisfies StoreMessage, () => process.exit(1))
}

function main(): void {
  const host = new StoreHost()
  process.on('message', (request: StoreRequest) => {
    host.answer(request).then((value) => send({ kind: 'answer', value }), fail)
  })
  process.on('uncaughtException', fail)
  // The runner's end, however it came, is ours.
  process.on('disconnect', () => process.exit(0))
}

main()

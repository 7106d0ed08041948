/** The main file of the tests' store processes: one store, told what to do over the channel of `fork`. */
import { existsSync } from 'node:fs'
import { BroadcastChannel, type Worker } from 'node:worker_threads'
import { FlotillaError, Store, type StoreOptions } from '../../src/index.ts'
import type {
  CallName,
  ChildCalls,
  ChildMessage,
  ChildRequest,
  DigestView,
  ErrorView,
  GroupView,
  Health,
  LoadArgs,
  LoadCounts,
  OpenArgs,
  ReadsAround,
} from './child-calls.ts'
import { Counter } from './counter.ts'
import { Load } from './load.ts'
import { createGroup } from './local-stores.ts'
import { DOOM_CHANNEL } from './thread-doom.ts'
import { checkKeys, verify } from './verify.ts'

const NO_LOAD: LoadCounts = { started: 0, settled: 0 }
/** Deadline of calls that must succeed however slow the machine is. */
const PATIENCE = { timeoutMs: 60_000 }
/** Of calls that may fail. */
const IMPATIENCE = { timeoutMs: 2_000 }
const MAX_WARNINGS = 50

type Logger = NonNullable<StoreOptions['logger']>

interface PeerView {
  readonly storeId: string
  readonly connected: boolean
  /** Not told by every build. */
  readonly error?: { readonly code: string; readonly message: string } | null
}

type Handlers = { [K in CallName]: (args: ChildCalls[K]['args']) => Promise<ChildCalls[K]['answer']> }

class StoreChild {
  #store: Store | null = null
  #load: Load | null = null
  readonly #threads: Worker[] = []
  readonly #warnings: string[] = []
  readonly #leaderChanges: string[] = []
  #ended: ErrorView | null = null
  readonly #onThread = (thread: Worker): void => {
    this.#threads.push(thread)
  }

  constructor() {
    process.on('worker', this.#onThread)
  }

  readonly #handlers: Handlers = {
    ready: async () => null,
    open: (args) => this.#open(args),
    createCounter: async ({ groupId, members }) => {
      await createGroup(this.#opened, { groupId, type: 'counter', members })
      return null
    },
    put: async ({ key, value }) => {
      await this.#opened.kv<string, string>().put(key, value, PATIENCE)
      return null
    },
    startLoad: async (args: LoadArgs) => {
      this.#load = new Load(this.#opened, args, (rows) => send({ kind: 'load', rows }))
      return null
    },
    stopLoad: () => this.#stopLoad(),
    verify: (expected) => verify(this.#opened, expected, PATIENCE),
    checkKeys: ({ keys }) => checkKeys(this.#opened, keys, IMPATIENCE),
    health: async () => this.#health(),
    view: async () => this.#opened.describe().groups.map(groupView),
    catchUp: async () => {
      const store = this.#opened
      const groups = store.describe().groups.map(({ groupId }) => store.group(groupId).readIndex(PATIENCE))
      await Promise.all(groups)
      return null
    },
    digests: () => this.#digests(),
    endThread: async (how) => {
      if (how === 'terminate') await this.#threads[0]!.terminate()
      else tellThreads(how)
      return null
    },
    block: async ({ ms }) => {
      standStill(ms)
      return null
    },
    readAround: (args) => this.#readAround(args),
    leaderChanges: async () => this.#leaderChanges,
    closed: async () => (await this.#opened.closed)?.code ?? null,
    close: () => this.#close(),
  }

  onRequest({ id, name, args }: ChildRequest): void {
    const handler = this.#handlers[name] as (args: unknown) => Promise<unknown>
    handler(args).then(
      (value) => {
        send({ kind: 'answer', id, value })
        if (name === 'close') letGo()
      },
      (error: unknown) => {
        send({ kind: 'refused', id, error: viewOf(error) })
        if (name === 'open') letGo()
      },
    )
  }

  get #opened(): Store {
    if (this.#store === null) throw new Error('the store is not open')
    return this.#store
  }

  async #open(args: OpenArgs): Promise<{ address: string }> {
    const { splitKeys, keepWarnings, ...rest } = args
    const stateMachines = { counter: () => new Counter() }
    const logger = keepWarnings === true ? this.#keeper() : undefined
    const store = await Store.open({ ...rest, kv: { splitKeys }, stateMachines, logger })
    this.#store = store
    store.on('leaderChange', ({ groupId, leader, term }) => {
      this.#leaderChanges.push(`${groupId} ${leader} ${term}`)
    })
    void store.closed.then((reason) => {
      if (reason !== null) this.#ended = viewOf(reason)
    })
    return { address: store.address }
  }

  #keeper(): Logger {
    const keep = (_fields: object, message: string): void => {
      if (this.#warnings.length < MAX_WARNINGS) this.#warnings.push(message)
    }
    const ignore = (): void => {}
    const logger: Logger = { debug: ignore, info: ignore, warn: keep, error: keep, child: () => logger }
    return logger
  }

  #health(): Health {
    const { groups, peers, shards } = this.#opened.describe()
    const stopped = groups.filter(({ error }) => error !== null)
    return {
      ended: this.#ended,
      stopped: stopped.map(({ groupId, error }) => ({
        groupId,
        code: error?.code ?? '',
        message: error?.message ?? '',
      })),
      waiting: groups.filter(({ waitsForSnapshot }) => waitsForSnapshot).map(({ groupId }) => groupId),
      leftBehind: groups.flatMap(({ groupId, replicators }) =>
        replicators.filter(({ state }) => state === 'snapshot').map(({ storeId }) => ({ groupId, storeId })),
      ),
      truncatedEntries: shards.reduce((sum, { truncatedEntries }) => sum + truncatedEntries, 0),
      peers: peers.map((peer) => {
        const { storeId, connected, error }: PeerView = peer
        return { storeId, connected, code: error?.code ?? '', message: error?.message ?? '' }
      }),
      warnings: this.#warnings,
    }
  }

  async #readAround({ key, file }: ChildCalls['readAround']['args']): Promise<ReadsAround> {
    const kv = this.#opened.kv<string, string>()
    const read = (): Promise<string> =>
      kv.get(key, PATIENCE).then(
        (value) => value ?? '',
        (error: unknown) => viewOf(error).code,
      )
    const before = read()
    // The turn ends, and with it the leader's question to the others leaves.
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
    while (!existsSync(file)) standStill(1)
    const after = read()
    return { before: await before, after: await after }
  }

  async #stopLoad(): Promise<LoadCounts> {
    return (await this.#load?.stop()) ?? NO_LOAD
  }

  async #digests(): Promise<DigestView[]> {
    const store = this.#opened
    const regions = store.describe().groups.filter(({ groupId }) => groupId.startsWith('kv/'))
    return await Promise.all(
      regions.map(async ({ groupId }) => {
        const { appliedIndex, digest } = await store.digest(groupId)
        return { groupId, appliedIndex, digest: String(digest) }
      }),
    )
  }

  /** The load goes on until the store refuses it, and every one of its calls must end. */
  async #close(): Promise<LoadCounts> {
    const closing = this.#opened.close()
    await new Promise((resolve) => setImmediate(resolve))
    const counts = await this.#stopLoad()
    await closing
    return counts
  }
}

function groupView({ groupId, state, leader, term, lastIndex }: GroupView): GroupView {
  return { groupId, state, leader, term, lastIndex }
}

/** Nothing else of this thread runs meanwhile: no timer, no socket, no message. */
function standStill(ms: number): void {
  for (const until = performance.now() + ms; performance.now() < until; );
}

function tellThreads(what: string): void {
  const channel = new BroadcastChannel(DOOM_CHANNEL)
  channel.postMessage(what)
  channel.close()
}

function send(message: ChildMessage): void {
  if (process.connected) process.send?.(message)
}

function viewOf(error: unknown): ErrorView {
  if (error instanceof FlotillaError) {
    return { code: error.code, outcome: error.outcome, message: error.message }
  }
  return {
    code: '',
    outcome: '',
    message: error instanceof Error ? (error.stack ?? error.message) : String(error),
  }
}

let lettingGo = false

/** From here on only what the store left behind could keep this process alive. */
function letGo(): void {
  lettingGo = true
  process.disconnect()
}

const child = new StoreChild()
process.on('message', (request: ChildRequest) => child.onRequest(request))
// The test is gone, however that came.
process.on('disconnect', () => {
  if (!lettingGo) process.exit(1)
})

import { FlotillaError, type Group, type Kv, type Store } from '../../src/index.ts'
import type { LoadArgs, LoadCounts, LoadRow } from './child-calls.ts'

const HEX = '0123456789abcdef'

/** The value that belongs to a key: nobody has to remember it. Of different sizes, so that blocks fill differently. */
export function valueFor(key: string): string {
  return `${key}=`.repeat(1 + (key.charCodeAt(key.length - 1) % 40))
}

/** The load that a key, or an entry of the counter, comes from. */
export function loadOf(name: string): string {
  return name.split('/')[1] ?? ''
}

/** The group of a counter's entry. */
export function counterOf(name: string): string {
  return name.split('/')[4] ?? ''
}

/**
 * Writes without end from many sides, one call at a time each, and tells of every call how it ended: keys of their own,
 * keys that are overwritten, and entries of a counter. No call is ever made again after a failure, so each outcome can be
 * held against what is found later.
 */
export class Load {
  readonly #kv: Kv<string, string>
  readonly #counters: readonly Group[]
  readonly #args: LoadArgs
  readonly #report: (rows: readonly LoadRow[]) => void
  readonly #ended: Promise<unknown>
  #rows: LoadRow[] = []
  #started = 0
  #settled = 0
  #stopped = false

  constructor(store: Store, args: LoadArgs, report: (rows: readonly LoadRow[]) => void) {
    this.#kv = store.kv<string, string>()
    this.#counters = args.counterGroupIds.map((groupId) => store.group(groupId))
    this.#args = args
    this.#report = report
    const kinds = [this.#put, this.#put, this.#register]
    if (this.#counters.length > 0) kinds.push(this.#count)
    const loops = Array.from({ length: args.writers }, (_, i) => this.#loop(kinds[i % kinds.length]!, i))
    this.#ended = Promise.all(loops)
  }

  /** Resolves when no call is under way any more. */
  async stop(): Promise<LoadCounts> {
    this.#stopped = true
    await this.#ended
    this.#flush()
    return { started: this.#started, settled: this.#settled }
  }

  async #loop(write: (writer: number, n: number) => Promise<LoadRow>, writer: number): Promise<void> {
    const { pauseMs = 0 } = this.#args
    for (let n = 0; !this.#stopped; n++) {
      this.#started++
      const row = await write.call(this, writer, n)
      this.#settled++
      this.#tell(row)
      if (row.kind === 'put' && row.outcome === 'acked') await this.#maybeRead(writer, n, row.name)
      if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs))
      // Refused at once and again at once, it would leave no turn for anything else.
      if (row.outcome !== 'acked') await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }

  #tell(row: LoadRow): void {
    if (this.#rows.length === 0) setImmediate(() => this.#flush())
    this.#rows.push(row)
  }

  /** The key just written in turn with an older one: both were acknowledged, so both must be there. */
  readonly #older = new Map<number, string>()

  async #maybeRead(writer: number, n: number, name: string): Promise<void> {
    const { readEvery = 0 } = this.#args
    if (readEvery === 0 || n % readEvery !== 0) return
    const key = n % (2 * readEvery) === 0 ? name : (this.#older.get(writer) ?? name)
    if (n % (16 * readEvery) === 0) this.#older.set(writer, name)
    const found: { value: string | undefined } = { value: undefined }
    const row = await settled('read', key, 0, async () => {
      found.value = await this.#kv.get(key)
      return 0
    })
    const wrong = row.outcome === 'acked' && found.value !== valueFor(key)
    this.#tell(wrong ? { ...row, code: `found ${JSON.stringify(found.value)?.slice(0, 80)}` } : row)
  }

  #flush(): void {
    if (this.#rows.length > 0) this.#report(this.#rows.splice(0))
  }

  #put(writer: number, n: number): Promise<LoadRow> {
    const name = `${HEX[(writer * 5 + n) % 16]}/${this.#args.prefix}/${writer}/${n}`
    return settled('put', name, 0, async () => {
      await this.#kv.put(name, valueFor(name))
      return 0
    })
  }

  /** A register's name changes after an unknown outcome: what that call wrote may come late, over a newer value. */
  readonly #epochs = new Map<number, number>()

  async #register(writer: number, n: number): Promise<LoadRow> {
    const epoch = this.#epochs.get(writer) ?? 0
    const name = `${HEX[(writer * 5 + epoch) % 16]}/${this.#args.prefix}/register/${writer}/${epoch}`
    const row = await settled('register', name, n, async () => {
      await this.#kv.put(name, String(n))
      return n
    })
    if (row.outcome === 'unknown') this.#epochs.set(writer, epoch + 1)
    return row
  }

  #count(writer: number, n: number): Promise<LoadRow> {
    const counter = this.#counters[(writer + n) % this.#counters.length]!
    const name = `count/${this.#args.prefix}/${writer}/${n}/${counter.groupId}`
    return settled('count', name, 0, async () => {
      const { result } = await counter.apply(Buffer.from(name))
      return Number(result?.toString())
    })
  }
}

async function settled(
  kind: LoadRow['kind'],
  name: string,
  number: number,
  call: () => Promise<number>,
): Promise<LoadRow> {
  try {
    return { kind, name, number: await call(), outcome: 'acked', code: '' }
  } catch (error) {
    if (!(error instanceof FlotillaError)) throw error
    return { kind, name, number, outcome: error.outcome, code: error.code }
  }
}

import type { CallOptions, Store } from '../../src/index.ts'
import type { Expected, ExpectedCounter, KeyCheck, RegisterState, Verdict } from './child-calls.ts'
import type { CounterState } from './counter.ts'
import { loadOf, valueFor } from './load.ts'

const MAX_TOLD = 10
const KEYS_AT_ONCE = 2_000

/** Holds what this very store answers against what was promised. Reads are linearizable, and of its own state only. */
export async function verify(store: Store, expected: Expected, options: CallOptions): Promise<Verdict> {
  const verifier = new Verifier(store, expected, options)
  await verifier.keys()
  await verifier.scan()
  const counters: Verdict['counters'][number][] = []
  for (const counter of expected.counters) {
    const { total, digest } = await verifier.counter(counter)
    counters.push({ total, digest })
  }
  const { storeIds, differences } = verifier
  return { storeIds: [...storeIds], differences, counters }
}

/** Reads acknowledged keys from the store's own state. It may refuse to answer, but not answer anything else. */
export async function checkKeys(
  store: Store,
  keys: readonly string[],
  options: CallOptions,
): Promise<KeyCheck> {
  const kv = store.kv<string, string>()
  const differences: string[] = []
  let answered = 0
  await Promise.all(
    keys.map(async (key) => {
      const answer = await kv.getDetailed(key, { ...options, localOnly: true }).catch(() => null)
      if (answer === null) return
      answered++
      if (answer.value === valueFor(key) || differences.length >= MAX_TOLD) return
      differences.push(`acknowledged ${key}: found ${JSON.stringify(answer.value)?.slice(0, 80)}`)
    }),
  )
  return { answered, failed: keys.length - answered, differences }
}

class Verifier {
  readonly storeIds = new Set<string>()
  readonly differences: string[] = []
  readonly #store: Store
  readonly #expected: Expected
  readonly #options: CallOptions
  readonly #cutLoads: ReadonlySet<string>

  constructor(store: Store, expected: Expected, options: CallOptions) {
    this.#store = store
    this.#expected = expected
    this.#options = options
    this.#cutLoads = new Set(expected.cutLoads)
  }

  #differs(what: string, found: unknown): void {
    if (this.differences.length >= MAX_TOLD) return
    this.differences.push(`${what}: found ${JSON.stringify(found)?.slice(0, 80)}`)
  }

  #mayHaveWrittenMore(name: string): boolean {
    return this.#cutLoads.has(loadOf(name))
  }

  async keys(): Promise<void> {
    const { present, absent, possible, registers } = this.#expected
    for (const [key, found] of await this.#read(present)) {
      if (found !== valueFor(key)) this.#differs(`acknowledged ${key}`, found)
    }
    for (const [key, found] of await this.#read(absent)) {
      if (found !== undefined) this.#differs(`certainly not applied ${key}`, found)
    }
    for (const [key, found] of await this.#read(possible)) {
      if (found !== undefined && found !== valueFor(key)) this.#differs(`unknown ${key}`, found)
    }
    const values = await this.#read(registers.map(({ name }) => name))
    for (const register of registers) this.#checkRegister(register, values.get(register.name))
  }

  #checkRegister({ name, acked, unknown }: RegisterState, found: string | undefined): void {
    const value = found === undefined ? -1 : Number(found)
    if (value === acked || value === unknown) return
    if (value > acked && this.#mayHaveWrittenMore(name)) return
    this.#differs(`register ${name}, acknowledged ${acked}, perhaps ${unknown}`, found)
  }

  async #read(keys: readonly string[]): Promise<Map<string, string | undefined>> {
    const kv = this.#store.kv<string, string>()
    const options = { ...this.#options, localOnly: true }
    const found = new Map<string, string | undefined>()
    for (let from = 0; from < keys.length; from += KEYS_AT_ONCE) {
      const some = keys.slice(from, from + KEYS_AT_ONCE)
      const answers = await Promise.all(some.map((key) => kv.getDetailed(key, options)))
      answers.forEach(({ value, storeId }, i) => {
        this.storeIds.add(storeId)
        found.set(some[i]!, value)
      })
    }
    return found
  }

  /** Every acknowledged key comes once, in order; none comes that nobody wrote. */
  async scan(): Promise<void> {
    const { present, possible, registers } = this.#expected
    const missing = new Set(present)
    const others = new Set([...possible, ...registers.map(({ name }) => name)])
    const keys = this.#store.kv<string, string>(undefined, this.#options).keys()
    let previous = ''
    for await (const key of keys) {
      if (key <= previous) this.#differs(`scan: ${key} behind ${previous}`, key)
      const known = missing.delete(key) || others.has(key) || this.#mayHaveWrittenMore(key)
      if (!known) this.#differs('scan: nobody wrote it', key)
      previous = key
    }
    for (const key of missing) this.#differs('scan: acknowledged and not there', key)
  }

  async counter({ groupId, counts, uncounted }: ExpectedCounter): Promise<CounterState> {
    const state = await this.#askCounter(
      groupId,
      counts.map(({ id }) => id),
    )
    counts.forEach(({ id, answer }, i) => {
      const found = state.answers[i]
      if (answer !== null && found !== answer) this.#differs(`counter's answer ${answer} to ${id}`, found)
    })
    const wrong = new Set(uncounted)
    for (const id of state.others) {
      if (wrong.has(id)) this.#differs('certainly not counted', id)
      else if (!this.#mayHaveWrittenMore(id)) this.#differs('counted: nobody sent it', id)
    }
    if (state.duplicates > 0) this.#differs('entries applied twice', state.duplicates)
    return state
  }

  async #askCounter(groupId: string, ids: readonly string[]): Promise<CounterState> {
    const counter = this.#store.group(groupId)
    const answer = await counter.query(Buffer.from(JSON.stringify(ids)), this.#options)
    return JSON.parse(answer.toString()) as CounterState
  }
}

import { isDeepStrictEqual } from 'node:util'
import { expect, test } from 'vitest'

type Body = (t: Tape) => unknown

/** As much of tape as abstract-level's suite uses, on top of vitest. */
class Tape {
  #planned: number | null = null
  #made = 0
  #end: () => void = () => {}
  readonly #ended: Promise<void>
  #usesEnd = false
  #late: Error | null = null

  constructor() {
    this.#ended = new Promise((resolve) => {
      this.#end = resolve
    })
  }

  async run(body: Body): Promise<void> {
    this.#usesEnd = /\bt\.end\b|\.end\(\)/.test(String(body))
    const returned = body(this)
    const isAsync = returned instanceof Promise
    await returned
    // An async body that plans nothing is over when it returns; others say when.
    if (this.#planned !== null ? this.#made < this.#planned : !isAsync && this.#usesEnd) await this.#ended
    if (this.#late !== null) throw this.#late
    if (this.#planned !== null) expect(this.#made).toBe(this.#planned)
  }

  #check(holds: boolean, message: string): boolean {
    this.#made++
    if (!holds) this.#late ??= new Error(message)
    if (this.#planned !== null && this.#made >= this.#planned) this.#end()
    return holds
  }

  plan(count: number): void {
    this.#planned = count
    if (count === 0) this.#end()
  }

  end(error?: unknown): void {
    if (error instanceof Error) this.#late ??= error
    this.#end()
  }

  ok(value: unknown, message = 'should be truthy'): boolean {
    return this.#check(Boolean(value), message)
  }

  pass(): boolean {
    return this.#check(true, '')
  }

  fail(reason: unknown = 'failed'): boolean {
    return this.#check(false, reason instanceof Error ? (reason.stack ?? reason.message) : String(reason))
  }

  is(actual: unknown, wanted: unknown, message = ''): boolean {
    return this.#check(Object.is(actual, wanted), `${message}: ${String(actual)} is not ${String(wanted)}`)
  }

  isNot(actual: unknown, unwanted: unknown, message = ''): boolean {
    return this.#check(!Object.is(actual, unwanted), `${message}: is ${String(unwanted)}`)
  }

  same(actual: unknown, wanted: unknown, message = ''): boolean {
    const text = () => `${message}: ${JSON.stringify(actual)} is not ${JSON.stringify(wanted)}`
    return this.#check(isDeepStrictEqual(actual, wanted), text())
  }

  throws(
    run: () => unknown,
    wanted?: RegExp | ((error: unknown) => boolean),
    message = 'should throw',
  ): boolean {
    try {
      run()
    } catch (error) {
      if (wanted instanceof RegExp) return this.#check(wanted.test(String(error)), message)
      return this.#check(typeof wanted !== 'function' || wanted(error) !== false, message)
    }
    return this.#check(false, message)
  }

  doesNotThrow(run: () => unknown, message = 'should not throw'): boolean {
    try {
      run()
    } catch (error) {
      return this.#check(false, `${message}: ${String(error)}`)
    }
    return this.#check(true, message)
  }
}

/** `test` as tape has it; each becomes a test of vitest. Returns how many there are so far. */
export function tapeTest(): { test: (name: string, body: Body) => void; readonly count: () => number } {
  let count = 0
  return {
    test(name, body) {
      count++
      test(name, () => new Tape().run(body))
    },
    count: () => count,
  }
}

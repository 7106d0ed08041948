import { MAX_SIM_CLONED_PARTS } from '../util/limits.ts'

/** Stands for what only the platform's own clone knows how to copy, or to refuse. */
const STRANGE = Symbol('strange')
const NOTHING: readonly ArrayBuffer[] = []

type Parts = Record<string | number, unknown>

/**
 * `structuredClone(message, { transfer })` for what crosses between the threads of a store, at a fraction of the price: plain
 * objects, arrays, numbers, texts, buffers and the usual views. A view drags its whole buffer along, a Buffer arrives as a
 * Uint8Array, what is shared within the message is shared in the copy, transferred buffers are detached. Whatever else a
 * message holds, the real one is called.
 */
export function cloneMessage(message: unknown, transfer: readonly ArrayBuffer[] = NOTHING): unknown {
  const cloner = new Cloner(transfer)
  const copy = cloner.copy(message, null, '')
  if (copy === STRANGE) return structuredClone(message, { transfer: [...transfer] })
  cloner.move()
  return copy
}

/** A place in the copy for a transferred buffer, or for a view on one. */
interface MovedPart {
  readonly into: Parts
  readonly at: string | number
  readonly buffer: ArrayBuffer
  readonly view: Viewed | null
}

/** A view as it was before its buffer was detached. */
interface Viewed {
  readonly prototype: object
  readonly byteOffset: number
  readonly length: number
}

class Cloner {
  readonly #transfer: readonly ArrayBuffer[]
  /** Objects of the message, and at the same places their copies; STRANGE for a view that is still to be moved. */
  readonly #seen: object[] = []
  readonly #copies: unknown[] = []
  readonly #moved: MovedPart[] = []

  constructor(transfer: readonly ArrayBuffer[]) {
    this.#transfer = transfer
  }

  /** The copy will be at `at` of `into`; null for the message itself. */
  copy(value: unknown, into: Parts | null, at: string | number): unknown {
    if (typeof value === 'function' || typeof value === 'symbol') return STRANGE
    if (typeof value !== 'object' || value === null) return value
    const known = this.#seen.indexOf(value)
    if (known >= 0) return this.#copies[known]
    if (this.#seen.length >= MAX_SIM_CLONED_PARTS) return STRANGE
    const prototype: unknown = Object.getPrototypeOf(value)
    if (prototype === Object.prototype) return this.#fill(value, this.#remember(value, {}))
    if (prototype === Array.prototype) return this.#fill(value, this.#remember(value, []))
    if (prototype === ArrayBuffer.prototype) return this.#buffer(value as ArrayBuffer, into, at)
    if (ArrayBuffer.isView(value)) return this.#view(value as Uint8Array, prototype as object, into, at)
    return STRANGE
  }

  /** Nothing was detached before the whole message turned out to be an ordinary one. */
  move(): void {
    if (this.#transfer.length === 0) return
    const buffers = structuredClone(this.#transfer, { transfer: [...this.#transfer] })
    for (const { into, at, buffer, view } of this.#moved) {
      const moved = buffers[this.#transfer.indexOf(buffer)]!
      into[at] = view === null ? moved : viewOn(moved, view)
    }
  }

  #remember<T extends object>(value: object, copy: T): T {
    this.#seen.push(value)
    this.#copies.push(copy)
    return copy
  }

  #fill(from: object, copy: object): unknown {
    const keys = Object.keys(from)
    // An array with holes, or with names among its places.
    if (Array.isArray(from) && keys.length !== from.length) return STRANGE
    for (const key of keys) {
      if (key === '__proto__') return STRANGE
      const part = this.copy((from as Parts)[key], copy as Parts, key)
      if (part === STRANGE) return STRANGE
      ;(copy as Parts)[key] = part
    }
    return copy
  }

  #buffer(buffer: ArrayBuffer, into: Parts | null, at: string | number): unknown {
    if (this.#transfer.includes(buffer)) {
      if (into === null) return STRANGE
      this.#moved.push({ into, at, buffer, view: null })
      return null
    }
    // An empty one may be detached, which the real clone refuses.
    return buffer.byteLength === 0 ? STRANGE : this.#remember(buffer, buffer.slice(0))
  }

  #view(view: Uint8Array, prototype: object, into: Parts | null, at: string | number): unknown {
    const { buffer, byteOffset, length } = view
    const viewed = { prototype, byteOffset, length }
    if (!VIEWS.has(prototype) || Object.getPrototypeOf(buffer) !== ArrayBuffer.prototype) return STRANGE
    if (this.#transfer.includes(buffer as ArrayBuffer)) {
      if (into === null) return STRANGE
      this.#remember(view, STRANGE as unknown as object)
      this.#moved.push({ into, at, buffer: buffer as ArrayBuffer, view: viewed })
      return null
    }
    const whole = this.copy(buffer, null, '')
    return whole === STRANGE ? STRANGE : this.#remember(view, viewOn(whole as ArrayBuffer, viewed))
  }
}

type View = Uint8Array | Int32Array | Float64Array
type MakeView = (buffer: ArrayBuffer, byteOffset: number, length: number) => View

const VIEWS: ReadonlyMap<object, MakeView> = new Map<object, MakeView>([
  [Float64Array.prototype, (buffer, byteOffset, length) => new Float64Array(buffer, byteOffset, length)],
  [Int32Array.prototype, (buffer, byteOffset, length) => new Int32Array(buffer, byteOffset, length)],
  [Uint8Array.prototype, (buffer, byteOffset, length) => new Uint8Array(buffer, byteOffset, length)],
  [Buffer.prototype, (buffer, byteOffset, length) => new Uint8Array(buffer, byteOffset, length)],
])

function viewOn(buffer: ArrayBuffer, { prototype, byteOffset, length }: Viewed): View {
  return VIEWS.get(prototype)!(buffer, byteOffset, length)
}

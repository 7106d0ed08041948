import { crc32Range } from '../util/crc.ts'
import { MAX_SIM_EVENT_LOG, MAX_SIM_HASHED_VALUES, MAX_SIM_REPORT_LINES } from '../util/limits.ts'
import { EVENT_KINDS } from './event-queue.ts'
import type { EventKind, SimEvent } from './event-queue.ts'

const KIND_CODES: ReadonlyMap<EventKind, number> = new Map(EVENT_KINDS.map((kind, code) => [kind, code + 1]))

/** What the event log keeps of an event, or of a remark. */
type TraceLine = Pick<SimEvent, 'timeUs' | 'kind' | 'detail' | 'note'> & {
  readonly owner: { readonly name: string } | null
}

/**
 * The fingerprint of a run: two FNV-like lanes over every event that ran, and the newest events in words. Two runs of a
 * seed are the same run exactly when their hashes are equal.
 */
export class Trace {
  #low = 0x811c9dc5
  #high = 0x9747b28c
  #steps = 0
  readonly #lines: TraceLine[] = []
  #next = 0
  /** Gets every line as it is written: the readable log of a whole run. */
  onLine: ((line: string) => void) | null = null

  /** Events that ran. */
  get steps(): number {
    return this.#steps
  }

  /** 16 hexadecimal digits. */
  get hash(): string {
    const hex = (lane: number): string => (lane >>> 0).toString(16).padStart(8, '0')
    return hex(this.#high) + hex(this.#low)
  }

  /** The same in short, for those who ask after every line. */
  get fingerprint(): number {
    return (this.#low ^ this.#high) >>> 0
  }

  record(event: SimEvent): void {
    this.#steps++
    this.#fold(event.timeUs >>> 0)
    this.#fold(Math.floor(event.timeUs / 4_294_967_296))
    // The sequence numbers tell of every event that was scheduled, also of those that never ran.
    this.#fold(event.seq)
    this.#fold((KIND_CODES.get(event.kind) ?? 0) | ((event.owner?.id ?? 0) << 8))
    this.#fold(event.detail)
    this.#add(event)
  }

  /** A remark of the world or a test: part of the trace and of the report. */
  note(timeUs: number, text: string): void {
    this.#fold(hashText(text))
    this.#add({ timeUs, kind: 'world', owner: null, detail: 0, note: text })
  }

  /** A decision of the code under test, as numbers: part of the trace hash. */
  decide(code: number, a: number, b: number): void {
    this.#fold(code)
    this.#fold(a)
    this.#fold(b)
  }

  /** The newest events in words, oldest first. */
  lines(count = MAX_SIM_REPORT_LINES): string[] {
    const size = this.#lines.length
    const wanted = Math.min(count, size)
    const lines: string[] = []
    for (let i = wanted; i > 0; i--) lines.push(describe(this.#lines[(this.#next + size - i) % size]!))
    return lines
  }

  #fold(word: number): void {
    this.#low = Math.imul(this.#low ^ word, 0x01000193)
    this.#low ^= this.#low >>> 15
    this.#high = Math.imul(this.#high ^ word, 0x5bd1e995)
    this.#high ^= this.#high >>> 13
  }

  #add(line: TraceLine): void {
    this.#lines[this.#next] = line
    this.onLine?.(describe(line))
    this.#next = (this.#next + 1) % MAX_SIM_EVENT_LOG
  }
}

function describe(line: TraceLine): string {
  const time = (line.timeUs / 1000).toFixed(3).padStart(12)
  const detail = line.detail === 0 ? '' : ` #${(line.detail >>> 0).toString(16)}`
  return `${time} ${line.kind.padEnd(10)} ${line.owner?.name ?? 'world'}${detail}${line.note === '' ? '' : ` ${line.note}`}`
}

/** A fingerprint of a message between threads: its shape, its numbers, the bytes of its buffers. */
export function hashMessage(message: unknown): number {
  return new MessageHash().of(message)
}

class MessageHash {
  #hash = 0x811c9dc5
  #budget = MAX_SIM_HASHED_VALUES

  of(message: unknown): number {
    this.#visit(message)
    return this.#hash >>> 0
  }

  #fold(word: number): void {
    const hash = Math.imul(this.#hash ^ word, 0x01000193)
    this.#hash = hash ^ (hash >>> 15)
  }

  #visit(value: unknown): void {
    if (this.#budget-- <= 0) return
    if (typeof value === 'number') {
      this.#fold(Number.isSafeInteger(value) ? value % 4_294_967_291 : hashText(String(value)))
    } else if (typeof value !== 'object' || value === null) this.#fold(hashText(String(value)))
    else if (ArrayBuffer.isView(value)) this.#fold(hashBytes(value))
    else if (Array.isArray(value)) for (const item of value) this.#visit(item)
    else this.#visitObject(value)
  }

  #visitObject(value: object): void {
    if (Object.getPrototypeOf(value) === Object.prototype) this.#visitParts(value)
    else if (value instanceof ArrayBuffer || value instanceof SharedArrayBuffer) this.#fold(value.byteLength)
    else if (value instanceof Error) this.#fold(hashText(value.message))
    else if (value instanceof Map || value instanceof Set) for (const item of value) this.#visit(item)
    else this.#visitParts(value)
  }

  #visitParts(value: object): void {
    for (const key in value) {
      this.#fold(hashText(key))
      this.#visit((value as Record<string, unknown>)[key])
    }
  }
}

/** FNV-1a over the text's units: nothing is allocated. */
export function hashText(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash
}

function hashBytes(view: ArrayBufferView): number {
  const bytes =
    view instanceof Uint8Array ? view : new Uint8Array(view.buffer, view.byteOffset, view.byteLength)
  return crc32Range(bytes, 0, bytes.length)
}

import { expect, test } from 'vitest'
import { cloneMessage } from '../../src/sim/clone-message.ts'

/** The message is made anew for each clone, for transferring uses it up. */
function bothClones(make: () => { message: unknown; transfer?: ArrayBuffer[] }): void {
  const ours = make()
  const real = make()
  const copy = cloneMessage(ours.message, ours.transfer)
  const expected: unknown = structuredClone(real.message, { transfer: real.transfer ?? [] })
  expect(describe(copy)).toEqual(describe(expected))
  expect((ours.transfer ?? []).map((buffer) => buffer.byteLength)).toEqual(
    (real.transfer ?? []).map((buffer) => buffer.byteLength),
  )
}

/** Shape, classes, bytes of whole buffers behind views, and what is shared with what. */
function describe(value: unknown, seen: object[] = []): unknown {
  if (typeof value !== 'object' || value === null) return Object.is(value, -0) ? '-0' : value
  const known = seen.indexOf(value)
  if (known >= 0) return `#${known}`
  seen.push(value)
  const name = (Object.getPrototypeOf(value) as { constructor: { name: string } }).constructor.name
  if (value instanceof ArrayBuffer) return [name, Buffer.from(value).toString('hex')]
  if (ArrayBuffer.isView(value))
    return [name, value.byteOffset, (value as Uint8Array).length, describe(value.buffer, seen)]
  if (value instanceof Map) return [name, [...value].map((row) => describe(row, seen))]
  if (value instanceof Error) return [name, value.message]
  return [name, Object.entries(value).map(([key, part]) => [key, describe(part, seen)])]
}

test('plain messages come out as structuredClone makes them', () => {
  bothClones(() => ({
    message: { t: 'flushed', id: 3, number: -0, text: 'é', none: null, nothing: undefined },
  }))
  bothClones(() => ({ message: [1, [2, { deep: [true, 10n] }], [], {}] }))
  bothClones(() => ({ message: 'text' }))
  bothClones(() => ({ message: undefined }))
})

test('a view drags its whole buffer along, a Buffer arrives as a Uint8Array, and what was shared is shared', () => {
  bothClones(() => {
    const slab = Buffer.alloc(16, 'ab')
    const own = new Uint8Array(new ArrayBuffer(16))
    const numbers = new Float64Array(own.buffer, 8, 1)
    const both = { own, numbers, again: numbers, buffer: own.buffer }
    return { message: { both, list: [both, own], slab: Buffer.from(slab.buffer, 2, 3) } }
  })
})

test('a ring is a ring', () => {
  bothClones(() => {
    const ring: { next?: unknown; list: unknown[] } = { list: [] }
    ring.next = ring
    ring.list.push(ring.list)
    return { message: ring }
  })
})

test('transferred buffers are moved with the views on them, and detached', () => {
  bothClones(() => {
    const bytes = new ArrayBuffer(8)
    new Uint8Array(bytes).set([1, 2, 3, 4])
    const lengths = Int32Array.from([4, -1])
    const unnamed = new ArrayBuffer(2)
    const message = { t: 'got', values: { lengths, bytes }, also: new Uint8Array(bytes, 1, 2), n: 1 }
    return { message, transfer: [bytes, lengths.buffer, unnamed] }
  })
  const bytes = new ArrayBuffer(8)
  const copy = cloneMessage({ bytes }, [bytes]) as { bytes: ArrayBuffer }
  expect([bytes.byteLength, copy.bytes.byteLength]).toEqual([0, 8])
})

test('an empty transferred buffer arrives', () => {
  bothClones(() => {
    const bytes = new ArrayBuffer(0)
    return { message: { bytes }, transfer: [bytes] }
  })
})

test('what is not ordinary goes to structuredClone, which copies it or refuses it', () => {
  bothClones(() => ({ message: { map: new Map([[1, new Date(5)]]), error: new TypeError('x') } }))
  bothClones(() => {
    const holes = Object.assign([1], { name: 'holes' })
    holes[2] = 3
    return { message: holes }
  })
  bothClones(() => ({ message: { view: new DataView(new ArrayBuffer(3)), big: new BigInt64Array(2) } }))
  bothClones(() => {
    const view = new Uint8Array([7])
    return { message: { once: view, again: view }, transfer: [view.buffer] }
  })
  bothClones(() => ({ message: Array.from({ length: 200 }, (_, i) => ({ i })) }))
  class Box {
    readonly inside = 1
  }
  bothClones(() => ({ message: { box: new Box() } }))
  expect(() => cloneMessage({ call: () => 1 })).toThrow(/could not be cloned/)
  const bytes = new ArrayBuffer(4)
  expect(() => cloneMessage({ bytes, call: () => 1 }, [bytes])).toThrow(/could not be cloned/)
  expect(bytes.byteLength).toBe(4)
  const gone = new ArrayBuffer(4)
  structuredClone(gone, { transfer: [gone] })
  expect(() => cloneMessage({ gone })).toThrow(/detached/)
})

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { HashedWheelTimer, WheelTimeout } from '../../src/timer/hashed-wheel-timer.ts'
import { FakeTime } from './fake-time.ts'

function wheelOn(time: FakeTime, options: { tickMs?: number; slots?: number } = {}): HashedWheelTimer {
  return new HashedWheelTimer(time, time, options)
}

describe('HashedWheelTimer', () => {
  test('fires at the first tick that is not before the deadline', () => {
    const time = new FakeTime(1_000.25)
    const wheel = wheelOn(time, { tickMs: 10 })
    const fired: number[] = []
    wheel.schedule(25, () => fired.push(time.monotonicMs()))
    time.advance(24.9)
    expect(fired).toEqual([])
    time.advance(5.2)
    expect(fired).toEqual([1_030.25])
  })

  test('costs nothing while nothing is scheduled, and one env timer while anything is', () => {
    const time = new FakeTime()
    const wheel = wheelOn(time)
    expect(time.armed).toBe(0)
    const timeouts = Array.from({ length: 100 }, (_, i) => wheel.schedule(i * 37, () => {}))
    expect(time.armed).toBe(1)
    for (const timeout of timeouts) wheel.cancel(timeout)
    expect(time.armed).toBe(0)
    wheel.schedule(5, () => {})
    time.advance(100)
    expect(time.armed).toBe(0)
    expect(wheel.size).toBe(0)
  })

  test('a timer longer than a turn of the wheel goes round and fires once, in its time', () => {
    const time = new FakeTime()
    const wheel = wheelOn(time, { tickMs: 10, slots: 8 })
    const fired: number[] = []
    wheel.schedule(1_003, () => fired.push(time.monotonicMs()))
    time.advance(3_000)
    expect(fired).toEqual([1_010])
  })

  test('a nearer timer scheduled later is not held up by the farther one', () => {
    const time = new FakeTime()
    const wheel = wheelOn(time)
    const fired: string[] = []
    wheel.schedule(2_000, () => fired.push('far'))
    time.advance(500)
    wheel.schedule(20, () => fired.push('near'))
    time.advance(30)
    expect(fired).toEqual(['near'])
  })

  test('a callback may cancel, schedule and close without harm to the others', () => {
    const time = new FakeTime()
    const wheel = wheelOn(time)
    const fired: string[] = []
    let second: WheelTimeout | null = null
    wheel.schedule(10, () => {
      fired.push('first')
      wheel.cancel(second!)
      wheel.schedule(0, () => fired.push('again'))
    })
    second = wheel.schedule(10, () => fired.push('second'))
    wheel.schedule(10, () => fired.push('third'))
    time.advance(10)
    expect(fired).toEqual(['first', 'third'])
    wheel.schedule(20, () => wheel.close())
    wheel.schedule(20, () => fired.push('after close'))
    time.advance(100)
    expect(fired).toEqual(['first', 'third', 'again'])
    wheel.schedule(1, () => fired.push('never'))
    time.advance(100)
    expect(fired).toHaveLength(3)
    expect(time.armed).toBe(0)
  })

  test('a callback that throws costs no other timer its turn, and its error is handed on', () => {
    const time = new FakeTime()
    const errors: unknown[] = []
    const wheel = new HashedWheelTimer(time, time, { onError: (error) => errors.push(error) })
    let fired = 0
    wheel.schedule(10, () => {
      throw new Error('mine')
    })
    wheel.schedule(10, () => fired++)
    wheel.schedule(40, () => fired++)
    time.advance(100)
    expect(fired).toBe(2)
    expect(errors.map(String)).toEqual(['Error: mine'])
  })

  test('after a stall the timers fire once, in order, and only after one more pass through the poll phase', () => {
    const time = new FakeTime()
    const seen: string[] = []
    const wheel = new HashedWheelTimer(time, time, {
      tickMs: 10,
      slots: 8,
      onStall: (ms) => seen.push(`stall ${ms}`),
    })
    time.onPoll = () => seen.push('poll')
    for (const ms of [190, 20, 90, 21]) wheel.schedule(ms, () => seen.push(`fired ${ms}`))
    time.stall(300)
    expect(seen).toEqual(['stall 280', 'poll', 'fired 20', 'fired 21', 'fired 90', 'fired 190'])
  })

  test('a timer that is moved while the stall is being slept off does not fire', () => {
    const time = new FakeTime()
    const wheel = wheelOn(time)
    let fired = 0
    const timeout = wheel.schedule(100, () => fired++)
    time.onPoll = () => wheel.scheduleAt(timeout, time.monotonicMs() + 100)
    time.stall(1_500)
    expect(fired).toBe(0)
    time.onPoll = () => {}
    time.advance(110)
    expect(fired).toBe(1)
  })

  test('scheduling into the past on a wheel that slept long is no stall', () => {
    const time = new FakeTime()
    let stalls = 0
    let fired = 0
    const wheel = new HashedWheelTimer(time, time, { onStall: () => stalls++ })
    wheel.schedule(5_000, () => {})
    time.advance(4_000)
    wheel.schedule(-100, () => fired++)
    time.advance(1)
    expect([fired, stalls]).toEqual([1, 0])
  })
})

type Command =
  | { readonly kind: 'schedule'; readonly delayMs: number }
  | { readonly kind: 'cancel'; readonly which: number }
  | { readonly kind: 'move'; readonly which: number; readonly delayMs: number }
  | { readonly kind: 'advance'; readonly ms: number }
  | { readonly kind: 'stall'; readonly ms: number }

const delay = fc.double({ min: -20, max: 900, noNaN: true })
const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('schedule' as const), delayMs: delay }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('cancel' as const), which: fc.nat() }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('move' as const), which: fc.nat(), delayMs: delay }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('advance' as const),
      ms: fc.double({ min: 0, max: 400, noNaN: true }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('stall' as const),
      ms: fc.double({ min: 0, max: 2_000, noNaN: true }),
    }),
  },
)

/** The model: a list of deadlines. It says what must have fired by now and what may not have. */
class Model {
  readonly pending = new Map<number, number>()
  readonly fired: Array<{ readonly id: number; readonly deadlineMs: number; readonly atMs: number }> = []
}

describe('HashedWheelTimer against a list of deadlines', () => {
  test('never early, at most a tick late without a stall, each once, in the order of ticks', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 1e9, noNaN: true }),
        fc.array(command, { maxLength: 120 }),
        (start, commands) => {
          const time = new FakeTime(start)
          const wheel = new HashedWheelTimer(time, time, { tickMs: 10, slots: 16 })
          const model = new Model()
          const timeouts: WheelTimeout[] = []
          const deadlineOf = (delayMs: number) => time.monotonicMs() + delayMs
          for (const step of commands) {
            if (step.kind === 'schedule') {
              const id = timeouts.length
              timeouts.push(
                new WheelTimeout(() => {
                  const deadlineMs = model.pending.get(id)
                  expect(deadlineMs, `timer ${id} was scheduled`).toBeDefined()
                  model.pending.delete(id)
                  model.fired.push({ id, deadlineMs: deadlineMs!, atMs: time.monotonicMs() })
                }),
              )
              // A deadline in the past counts as one of this moment.
              model.pending.set(id, deadlineOf(Math.max(step.delayMs, 0)))
              wheel.scheduleAt(timeouts[id]!, deadlineOf(step.delayMs))
            } else if (step.kind === 'advance') {
              time.advance(step.ms)
            } else if (step.kind === 'stall') {
              time.stall(step.ms)
            } else if (timeouts.length > 0) {
              const id = step.which % timeouts.length
              if (step.kind === 'cancel') {
                expect(wheel.cancel(timeouts[id]!)).toBe(model.pending.delete(id))
              } else {
                model.pending.set(id, deadlineOf(Math.max(step.delayMs, 0)))
                wheel.scheduleAt(timeouts[id]!, deadlineOf(step.delayMs))
              }
            }
            expect(wheel.size).toBe(model.pending.size)
            expect(time.armed).toBe(model.pending.size > 0 ? 1 : 0)
            for (const deadlineMs of model.pending.values()) {
              expect(time.monotonicMs() - deadlineMs).toBeLessThan(10.001)
            }
          }
          for (const fire of model.fired) expect(fire.atMs).toBeGreaterThanOrEqual(fire.deadlineMs)
          for (let i = 1; i < model.fired.length; i++) {
            const [before, after] = [model.fired[i - 1]!, model.fired[i]!]
            expect(after.atMs).toBeGreaterThanOrEqual(before.atMs)
            if (after.atMs === before.atMs) expect(before.deadlineMs - after.deadlineMs).toBeLessThan(10.001)
          }
        },
      ),
      { numRuns: 300, seed: 20_240_501 },
    )
  })
})

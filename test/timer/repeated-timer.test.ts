import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { HashedWheelTimer } from '../../src/timer/hashed-wheel-timer.ts'
import { RepeatedTimer } from '../../src/timer/repeated-timer.ts'
import { FakeTime } from './fake-time.ts'

function setup(periodMs: number, onTrigger: (timer: RepeatedTimer) => void = () => {}) {
  const time = new FakeTime()
  const wheel = new HashedWheelTimer(time, time, { tickMs: 10 })
  const triggers: number[] = []
  const timer: RepeatedTimer = new RepeatedTimer(wheel, {
    periodMs: () => periodMs,
    onTrigger: () => {
      triggers.push(time.monotonicMs())
      onTrigger(timer)
    },
  })
  return { time, wheel, timer, triggers }
}

describe('RepeatedTimer', () => {
  test('triggers again and again until it is stopped', () => {
    const { time, timer, triggers, wheel } = setup(100)
    timer.start()
    timer.start()
    time.advance(350)
    expect(triggers).toEqual([100, 200, 300])
    timer.stop()
    expect([timer.running, wheel.size, time.armed]).toEqual([false, 0, 0])
    time.advance(1_000)
    expect(triggers).toHaveLength(3)
  })

  test('a touch puts the trigger off without an operation on the wheel', () => {
    const { time, timer, triggers, wheel } = setup(100)
    timer.start()
    let operations = 0
    const scheduleAt = wheel.scheduleAt.bind(wheel)
    wheel.scheduleAt = (timeout, deadlineMs) => {
      operations++
      scheduleAt(timeout, deadlineMs)
    }
    for (let i = 0; i < 1_000; i++) {
      time.advance(1)
      timer.touch()
    }
    expect(triggers).toEqual([])
    expect(operations).toBeLessThanOrEqual(11)
    time.advance(110)
    expect(triggers).toEqual([1_100])
  })

  test('an older clock value never brings the deadline forward', () => {
    const { time, timer } = setup(100)
    time.advance(50)
    timer.start()
    timer.touchAt(20)
    expect(timer.deadlineMs).toBe(150)
    timer.touchAt(70)
    expect(timer.deadlineMs).toBe(170)
  })

  test('a touch of a stopped timer does not start it', () => {
    const { time, timer, triggers } = setup(100)
    timer.touch()
    timer.touchAt(5)
    time.advance(500)
    expect([timer.running, triggers.length]).toEqual([false, 0])
  })

  test('stop inside the trigger is the last word', () => {
    const { time, timer, triggers, wheel } = setup(100, (own) => own.stop())
    timer.start()
    time.advance(1_000)
    expect(triggers).toEqual([100])
    expect(wheel.size).toBe(0)
  })

  test('restart, or stop and start, inside the trigger arms it once', () => {
    for (const inside of [
      (own: RepeatedTimer) => own.restart(),
      (own: RepeatedTimer) => {
        own.stop()
        own.start()
      },
    ]) {
      const { time, timer, triggers, wheel } = setup(100, inside)
      timer.start()
      time.advance(250)
      expect(triggers).toEqual([100, 200])
      expect(wheel.size).toBe(1)
    }
  })

  test('goes on after a trigger that threw', () => {
    const time = new FakeTime()
    const wheel = new HashedWheelTimer(time, time, { onError: () => {} })
    let triggers = 0
    const timer = new RepeatedTimer(wheel, {
      periodMs: () => 50,
      onTrigger: () => {
        triggers++
        throw new Error('mine')
      },
    })
    timer.start()
    time.advance(500)
    expect(triggers).toBe(10)
  })

  test('asks for the period and draws the jitter at each arming', () => {
    const time = new FakeTime()
    const wheel = new HashedWheelTimer(time, time, { tickMs: 10 })
    let period = 100
    const drawn = [0, 50, 20, 0]
    const triggers: number[] = []
    const timer = new RepeatedTimer(wheel, {
      periodMs: () => period,
      jitter: (ms) => ms + drawn.shift()!,
      onTrigger: () => triggers.push(time.monotonicMs()),
    })
    timer.start()
    time.advance(100)
    period = 200
    time.advance(150)
    expect(timer.timeoutMs).toBe(220)
    time.advance(220)
    expect(triggers).toEqual([100, 250, 470])
  })

  test('a message read after a stall of the loop keeps the timer from triggering', () => {
    const { time, timer, triggers } = setup(100)
    timer.start()
    time.onPoll = () => timer.touch()
    time.stall(1_500)
    expect(triggers).toEqual([])
    time.onPoll = () => {}
    time.advance(110)
    expect(triggers).toHaveLength(1)
  })

  test('under any sequence of calls it triggers only after a full timeout without a touch, and then within a tick', () => {
    const step = fc.oneof(
      fc.record({
        kind: fc.constantFrom('start' as const, 'stop' as const, 'restart' as const, 'touch' as const),
      }),
      fc.record({ kind: fc.constant('advance' as const), ms: fc.integer({ min: 0, max: 150 }) }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
        const { time, timer, triggers } = setup(100)
        let deadline = Number.POSITIVE_INFINITY
        let seen = 0
        for (const one of steps) {
          const nowMs = time.monotonicMs()
          if (one.kind === 'stop') deadline = Number.POSITIVE_INFINITY
          else if (one.kind === 'restart' || (one.kind === 'start' && !timer.running)) deadline = nowMs + 100
          else if (one.kind === 'touch' && timer.running) deadline = nowMs + 100
          if (one.kind === 'advance') time.advance(one.ms)
          else timer[one.kind]()
          for (; seen < triggers.length; seen++) {
            const late = triggers[seen]! - deadline
            expect(late).toBeGreaterThanOrEqual(0)
            expect(late).toBeLessThan(10)
            deadline = triggers[seen]! + 100
          }
          expect(timer.deadlineMs).toBe(deadline)
          expect(time.monotonicMs()).toBeLessThan(deadline + 10)
        }
      }),
      { numRuns: 300, seed: 20_240_502 },
    )
  })
})

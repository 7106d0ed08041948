import { expect, test } from 'vitest'
import { CallWheel } from '../../src/client/call-wheel.ts'
import { PendingCall } from '../../src/client/pending-call.ts'
import { FlotillaError } from '../../src/util/errors.ts'
import { CALL_TICK_MS } from '../../src/util/limits.ts'
import { FakeTime } from '../timer/fake-time.ts'

/** Refused at every try; each try takes as long as `attempt` says. */
class Refused extends PendingCall<void> {
  readonly #attempt: () => void

  constructor(wheel: CallWheel, groupId: string, attempt: () => void) {
    super(wheel, groupId)
    this.#attempt = attempt
  }

  override attempt(): void {
    this.#attempt()
    this.retry(new FlotillaError('NO_LEADER', 'no leader'))
  }

  override describeCall(): string {
    return 'a call'
  }
}

test('a sweep that takes longer than a tick forgets nobody for a round', async () => {
  const time = new FakeTime()
  const wheel = new CallWheel({
    clock: time,
    timers: time,
    nowMs: () => time.monotonicMs(),
    random: () => 0.5,
  })
  const ended: string[] = []
  let slow = false
  // Trying it takes three ticks, and puts it into the wheel again within the sweep.
  const slowCall = new Refused(wheel, 'slow', () => {
    if (slow) time.stall(3 * CALL_TICK_MS)
  })
  const first = wheel.run(slowCall, { timeoutMs: 2_000 }).catch(() => ended.push('slow'))
  slow = true
  const others = Array.from({ length: 40 }, (_, i) =>
    wheel
      .run(new Refused(wheel, `g${i}`, () => {}), { timeoutMs: 50 + i * 10 })
      .catch(() => ended.push(`g${i}`)),
  )
  time.advance(3_000)
  await Promise.all([first, ...others])
  expect(ended.length).toBe(41)
})

test('a call that is made late in a long turn has all of its time, and one whose signal is none is refused', async () => {
  const time = new FakeTime()
  const turnMs = time.monotonicMs()
  const wheel = new CallWheel({ clock: time, timers: time, nowMs: () => turnMs, random: () => 0.5 })
  const ended: string[] = []
  const run = (name: string, options: object) =>
    wheel
      .run(new Refused(wheel, name, () => {}), options)
      .catch((error: FlotillaError) => ended.push(`${name} ${error.code}`))
  const first = run('first', { timeoutMs: 60_000 })
  time.stall(8_000)
  const second = run('second', { timeoutMs: 5_000 })
  time.advance(4_900)
  await Promise.resolve()
  expect(ended).toEqual([])
  time.advance(200)
  await second
  expect(ended).toEqual(['second FLOTILLA_TIMEOUT'])
  await run('third', { signal: 'soon' })
  expect(ended.at(-1)).toBe('third FLOTILLA_INVALID_ARGUMENT')
  wheel.close('over')
  await first
  expect(wheel.count).toBe(0)
})

import { describe, expect, test } from 'vitest'
import { FlotillaError } from '../../src/util/errors.ts'
import { MAX_ENTRY_BYTES, MAX_FORWARD_QUEUE_BYTES } from '../../src/util/limits.ts'
import { World } from './world.ts'

const bytes = (text: string) => Buffer.from(text)

/** Three stores; group g on all of them, led by s1. */
function cluster() {
  const world = new World(['s1', 's2', 's3'])
  const group = world.group('g', ['s1', 's2', 's3'])
  return { world, group, s1: world.store('s1'), s2: world.store('s2'), s3: world.store('s3') }
}

function texts(group: { readonly log: readonly { readonly payload: Buffer }[] }): string[] {
  return group.log.map(({ payload }) => payload.toString())
}

describe('apply on the leader of this process', () => {
  test('resolves with index, term and reply', async () => {
    const { world, s1 } = cluster()
    const { value } = await world.settle(s1.router.apply('g', bytes('a')))
    expect(value).toEqual({ index: 1, term: 1, result: bytes('r1') })
  })

  test('a payload over the limit is refused before anything is proposed', async () => {
    const { world, s1, group } = cluster()
    const { error } = await world.settle(s1.router.apply('g', Buffer.alloc(MAX_ENTRY_BYTES + 1)))
    expect(error).toMatchObject({ code: 'FLOTILLA_TOO_LARGE', outcome: 'not-applied' })
    expect(group.on('s1').asked.proposals).toBe(0)
  })

  test('another term than the expected one is refused once, without another try', async () => {
    const { world, s1, group } = cluster()
    const { error } = await world.settle(s1.router.apply('g', bytes('a'), { expectedTerm: 7 }))
    expect(error).toMatchObject({ code: 'FLOTILLA_TERM_MISMATCH', outcome: 'not-applied' })
    expect(group.on('s1').asked.proposals).toBe(1)
  })

  test('overload is the caller’s to know at once', async () => {
    const { world, s1, group } = cluster()
    group.on('s1').refusal = new FlotillaError('BUSY', 'full')
    const before = world.nowMs
    const { error } = await world.settle(s1.router.apply('g', bytes('a')))
    expect(error).toMatchObject({ code: 'FLOTILLA_BUSY', outcome: 'not-applied', retryable: true })
    expect(world.nowMs - before).toBeLessThan(5)
  })

  test('an entry that lost its place to another is proposed again', async () => {
    const { world, s1, group } = cluster()
    group.holding = true
    const call = s1.router.apply('g', bytes('a'))
    await world.run(5)
    group.holding = false
    group.lead('s1', 'lose')
    expect((await world.settle(call)).value).toMatchObject({ index: 1, term: 2 })
    expect(texts(group)).toEqual(['a'])
  })

  test('a replica that failed with the entry in its hands leaves the outcome unknown', async () => {
    const { world, s1, group } = cluster()
    group.on('s1').refusal = new FlotillaError('GROUP_FAILED', 'the replica stopped')
    const { error } = await world.settle(s1.router.apply('g', bytes('a')))
    expect(error).toMatchObject({ code: 'FLOTILLA_GROUP_FAILED', outcome: 'unknown' })
    expect(group.on('s1').asked.proposals).toBe(1)
  })
})

describe('forwarding', () => {
  test('calls of one turn for one group cross in one message, and their answers come back to each', async () => {
    const { world, s2, group } = cluster()
    const calls = Array.from({ length: 100 }, (_, i) => s2.router.apply('g', bytes(`c${i}`)))
    const { value } = await world.settle(Promise.all(calls))
    expect(value!.map(({ index }) => index)).toEqual(calls.map((_, i) => i + 1))
    expect(value![41]!.result).toEqual(bytes('r42'))
    expect(texts(group)).toEqual(calls.map((_, i) => `c${i}`))
    expect(s2.linkTo('s1').requests.map(({ payloads }) => payloads.length)).toEqual([100])
  })

  test('groups, expected terms and a megabyte part the messages of a turn', async () => {
    const { world, s2 } = cluster()
    world.group('h', ['s1', 's2'])
    const big = Buffer.alloc(600_000)
    const calls = [
      s2.router.apply('g', bytes('1')),
      s2.router.apply('h', bytes('2')),
      s2.router.apply('g', bytes('3'), { expectedTerm: 1 }),
      s2.router.apply('h', big),
      s2.router.apply('h', big),
    ]
    await world.settle(Promise.all(calls))
    const sent = s2.linkTo('s1').requests.map(({ groupId, expectedTerm, payloads }) => {
      return [groupId, expectedTerm, payloads.length]
    })
    expect(sent).toEqual([
      ['g', 0, 1],
      ['h', 0, 2],
      ['g', 1, 1],
      ['h', 0, 1],
    ])
  })

  test('a store that does not lead names who does, and the call goes there without a pause', async () => {
    const { world, s3, group } = cluster()
    group.on('s3').belief = 's2'
    const before = world.nowMs
    const { value } = await world.settle(s3.router.apply('g', bytes('a')))
    expect(value).toMatchObject({ index: 1 })
    expect(world.nowMs - before).toBeLessThan(8)
    expect(s3.linkTo('s2').requests).toHaveLength(1)
    expect(s3.linkTo('s1').requests).toHaveLength(1)
  })

  test('two stores that name each other cannot keep a call flying without pauses', async () => {
    const { world, s1, group } = cluster()
    group.lead('')
    group.on('s1').belief = 's2'
    group.on('s2').refusal = new FlotillaError('NOT_LEADER', 's3 leads', { leader: 's3' })
    group.on('s3').refusal = new FlotillaError('NOT_LEADER', 's2 leads', { leader: 's2' })
    const { error } = await world.settle(s1.router.apply('g', bytes('a'), { timeoutMs: 1_000 }))
    expect(error).toMatchObject({ code: 'FLOTILLA_TIMEOUT', outcome: 'not-applied' })
    const tries = group.on('s2').asked.proposals + group.on('s3').asked.proposals
    expect(tries).toBeGreaterThan(5)
    expect(tries).toBeLessThan(40)
  })

  test('a broken connection after the call was sent leaves the outcome unknown, and it is not sent again', async () => {
    const { world, s2, group } = cluster()
    group.holding = true
    const call = s2.router.apply('g', bytes('a'))
    await world.run(5)
    world.cut('s1', 's2')
    const { error } = await world.settle(call)
    expect(error).toMatchObject({ code: 'FLOTILLA_CONNECTION_LOST', outcome: 'unknown' })
    world.mend('s1', 's2')
    group.letGo()
    await world.run(1_000)
    expect(texts(group)).toEqual(['a'])
    expect(s2.router.pendingCalls).toBe(0)
  })

  test('a connection that broke before the call was sent costs a try, not the call', async () => {
    const { world, s2, group } = cluster()
    const call = s2.router.apply('g', bytes('a'))
    world.cut('s1', 's2')
    await world.run(30)
    world.mend('s1', 's2')
    expect((await world.settle(call)).value).toMatchObject({ index: 1 })
    expect(texts(group)).toEqual(['a'])
  })

  test('a deadline after the call was sent is an unknown outcome, and the late answer finds nobody', async () => {
    const { world, s2, group } = cluster()
    group.holding = true
    const call = s2.router.apply('g', bytes('a'), { timeoutMs: 300 })
    const { error } = await world.settle(call)
    expect(error).toMatchObject({ code: 'FLOTILLA_TIMEOUT', outcome: 'unknown' })
    group.letGo()
    await world.run(100)
    expect(texts(group)).toEqual(['a'])
    expect(s2.router.pendingCalls).toBe(0)
  })

  test('a full connection refuses at once; a call of the next turn is taken again', async () => {
    const { world, s2, group } = cluster()
    s2.linkTo('s1').full = true
    expect((await world.settle(s2.router.apply('g', bytes('a')))).error).toMatchObject({
      code: 'FLOTILLA_BUSY',
      outcome: 'not-applied',
    })
    s2.linkTo('s1').full = false
    expect((await world.settle(s2.router.apply('g', bytes('b')))).value).toMatchObject({ index: 1 })
    expect(texts(group)).toEqual(['b'])
  })

  test('bytes on their way to one store are bounded, and given back when the calls are over', async () => {
    const { world, s2, group } = cluster()
    group.holding = true
    const big = Buffer.alloc(1_000_000)
    const calls: Promise<unknown>[] = []
    for (let sent = 0; sent + big.length <= MAX_FORWARD_QUEUE_BYTES; sent += big.length) {
      calls.push(s2.router.apply('g', big, { timeoutMs: 200 }).catch(() => null))
    }
    const over = await world.settle(s2.router.apply('g', big))
    expect(over.error).toMatchObject({ code: 'FLOTILLA_BUSY' })
    await world.settle(Promise.all(calls))
    group.letGo()
    expect((await world.settle(s2.router.apply('g', big))).value).not.toBeNull()
  })

  test('the leader’s refusals travel with code, outcome and leader', async () => {
    const { world, s2, group } = cluster()
    group.on('s1').refusal = new FlotillaError('BUSY', 'group g has too much in flight')
    const { error } = await world.settle(s2.router.apply('g', bytes('a')))
    expect(error).toMatchObject({
      code: 'FLOTILLA_BUSY',
      outcome: 'not-applied',
      message: 'group g has too much in flight',
    })
  })

  test('nothing is answered over a later connection: its other end counts its requests anew', async () => {
    const { world, s1, s2, group } = cluster()
    group.holding = true
    const old = s2.router.apply('g', bytes('old')).catch((error: FlotillaError) => error.code)
    await world.run(5)
    world.cut('s1', 's2')
    world.mend('s1', 's2')
    // What a restarted s2 would send: the same request id, over the new connection.
    const { requestId } = s2.linkTo('s1').requests[0]!
    const answers: number[] = []
    const link = s1.linkTo('s2')
    const send = link.sendForwardResponse.bind(link)
    link.sendForwardResponse = (message) => {
      answers.push(message.firstIndex)
      return send(message)
    }
    s1.forwardServer.onForwardRequest('s2', {
      requestId,
      groupId: 'g',
      expectedTerm: 0,
      payloads: [bytes('new')],
    })
    group.letGo()
    await world.run(50)
    expect(await old).toBe('FLOTILLA_CONNECTION_LOST')
    expect(texts(group)).toEqual(['old', 'new'])
    expect(answers).toEqual([2])
  })
})

describe('waiting for a leader', () => {
  test('a call without a leader goes on when there is one', async () => {
    const { world, s1, group } = cluster()
    group.lead('')
    const call = s1.router.apply('g', bytes('a'))
    await world.run(700)
    group.lead('s3')
    expect((await world.settle(call)).value).toMatchObject({ index: 1 })
    expect(texts(group)).toEqual(['a'])
  })

  test('word of a leader ends the pause', async () => {
    const { world, s1, group } = cluster()
    group.lead('')
    const call = s1.router.apply('g', bytes('a'))
    await world.run(1_000)
    group.lead('s1')
    s1.router.onLeaderKnown('g')
    const before = world.nowMs
    await world.settle(call)
    expect(world.nowMs - before).toBeLessThanOrEqual(2)
  })

  test('at the deadline the call was certainly not done, and the error says why', async () => {
    const { world, s1, group } = cluster()
    group.lead('')
    const before = world.nowMs
    const { error } = await world.settle(s1.router.apply('g', bytes('a'), { timeoutMs: 400 }))
    expect(error).toMatchObject({ code: 'FLOTILLA_TIMEOUT', outcome: 'not-applied' })
    expect(error!.cause).toMatchObject({ code: 'FLOTILLA_NO_LEADER' })
    expect(world.nowMs - before).toBeGreaterThanOrEqual(400)
    expect(world.nowMs - before).toBeLessThan(425)
    expect(texts(group)).toEqual([])
  })

  test('ten thousand calls that wait for one group share their wake-ups and their refusal', async () => {
    const { world, s1, group } = cluster()
    group.lead('')
    const options = { timeoutMs: 2_000 }
    const errors = Promise.all(
      Array.from({ length: 10_000 }, () =>
        s1.router.apply('g', bytes('a'), options).catch((e: FlotillaError) => e),
      ),
    )
    const { value } = await world.settle(errors)
    const causes = new Set(value!.map((error) => (error as FlotillaError).cause))
    expect(value!.every((error) => error instanceof FlotillaError && error.outcome === 'not-applied')).toBe(
      true,
    )
    expect(causes.size).toBe(1)
    expect(group.on('s1').asked.proposals).toBe(0)
  })

  test('the default deadline is five seconds', async () => {
    const { world, s1, group } = cluster()
    group.lead('')
    const before = world.nowMs
    await world.settle(s1.router.apply('g', bytes('a')))
    expect(world.nowMs - before).toBeGreaterThanOrEqual(5_000)
    expect(world.nowMs - before).toBeLessThan(5_050)
  })

  test.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY, '5' as unknown as number])(
    'a timeout of %s is refused',
    async (timeoutMs) => {
      const { world, s1 } = cluster()
      const { error } = await world.settle(s1.router.apply('g', bytes('a'), { timeoutMs }))
      expect(error).toMatchObject({ code: 'FLOTILLA_INVALID_ARGUMENT', outcome: 'not-applied' })
    },
  )
})

describe('abort', () => {
  test('a signal that is aborted already refuses the call', async () => {
    const { world, s1, group } = cluster()
    const signal = AbortSignal.abort('why')
    const { error } = await world.settle(s1.router.apply('g', bytes('a'), { signal }))
    const expected = { name: 'AbortError', code: 'FLOTILLA_ABORTED', outcome: 'not-applied', cause: 'why' }
    expect(error).toMatchObject(expected)
    expect(group.on('s1').asked.proposals).toBe(0)
  })

  test('while the call waits for a leader it was certainly not done', async () => {
    const { world, s1, group } = cluster()
    group.lead('')
    const controller = new AbortController()
    const call = s1.router.apply('g', bytes('a'), { signal: controller.signal })
    world.schedule(50, () => controller.abort(new Error('enough')))
    const { error } = await world.settle(call)
    expect(error).toMatchObject({
      code: 'FLOTILLA_ABORTED',
      outcome: 'not-applied',
      cause: new Error('enough'),
    })
    group.lead('s1')
    await world.run(1_000)
    expect(texts(group)).toEqual([])
  })

  test('after the leader has the call its outcome is unknown: nothing is taken back', async () => {
    const { world, s2, group } = cluster()
    group.holding = true
    const controller = new AbortController()
    const call = s2.router.apply('g', bytes('a'), { signal: controller.signal })
    world.schedule(50, () => controller.abort())
    const { error } = await world.settle(call)
    expect(error).toMatchObject({ name: 'AbortError', code: 'FLOTILLA_ABORTED', outcome: 'unknown' })
    group.letGo()
    await world.run(50)
    expect(texts(group)).toEqual(['a'])
  })

  test('a settled call lets go of its signal', async () => {
    const { world, s1 } = cluster()
    const { signal } = new AbortController()
    let listeners = 0
    const add = signal.addEventListener.bind(signal)
    const remove = signal.removeEventListener.bind(signal)
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      listeners++
      add(...args)
    }
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      listeners--
      remove(...args)
    }
    await world.settle(s1.router.apply('g', bytes('a'), { signal }))
    expect(listeners).toBe(0)
  })
})

describe('the end', () => {
  test('close settles what waits: not applied, or unknown when a leader has it; later calls are refused', async () => {
    const { world, s2, group } = cluster()
    world.group('h', ['s2', 's3']).lead('')
    group.holding = true
    const sent = s2.router.apply('g', bytes('a'))
    const waiting = s2.router.apply('h', bytes('b'))
    const outcomes = Promise.all([sent, waiting].map((call) => call.catch((error: FlotillaError) => error)))
    await world.run(20)
    s2.router.close()
    const { value } = await world.settle(outcomes)
    expect(value).toMatchObject([
      { code: 'FLOTILLA_CLOSED', outcome: 'unknown' },
      { code: 'FLOTILLA_CLOSED', outcome: 'not-applied' },
    ])
    expect((await world.settle(s2.router.apply('g', bytes('c')))).error).toMatchObject({
      code: 'FLOTILLA_CLOSED',
      outcome: 'not-applied',
    })
  })

  test('when every call is settled no timer is left', async () => {
    const { world, s1, s2, group } = cluster()
    const calls = [
      s1.router.apply('g', bytes('a')),
      s2.router.apply('g', bytes('b')),
      s2.router.readIndex('g'),
    ]
    await world.settle(Promise.all(calls))
    group.lead('')
    await world.settle(s1.router.apply('g', bytes('c'), { timeoutMs: 100 }))
    await world.run(50)
    expect(world.pending).toBe(0)
  })
})

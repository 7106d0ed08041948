import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { NodeTimers } from '../../src/env/node-clock.ts'
import { createNodeDisk } from '../../src/env/node-disk.ts'
import { createNodeEnv } from '../../src/env/node-env.ts'
import { createLogger } from '../../src/env/node-logger.ts'
import { adaptLogger, SILENT_LOGGER } from '../../src/env/user-logger.ts'
import type { Logger } from '../../src/env/ports.ts'

describe('createNodeEnv', () => {
  test('loads neither the engine nor the thread pool nor pino, and keeps no process alive', async () => {
    const env = fileURLToPath(new URL('../../src/env/node-env.js', import.meta.url))
    const program = `
      import { createRequire } from 'node:module'
      const { createNodeEnv } = await import(${JSON.stringify(`file://${env}`)})
      createNodeEnv()
      const loaded = Object.keys(createRequire(import.meta.url).cache)
      console.log(loaded.filter((path) => /rocksdb|piscina|pino/.test(path)).length)`
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let output = ''
    child.stdout.on('data', (chunk) => (output += chunk))
    const [code] = await once(child, 'exit')
    expect([output.trim(), code]).toEqual(['0', 0])
  })

  test('its clock runs forward, its random numbers fill their ranges', () => {
    const { clock, random } = createNodeEnv()
    const before = clock.monotonicMs()
    expect(clock.monotonicMs()).toBeGreaterThanOrEqual(before)
    expect(Math.abs(clock.wallMs() - Date.now())).toBeLessThan(60_000)
    const floats = Array.from({ length: 1_000 }, () => random.float())
    expect(floats.every((value) => value >= 0 && value < 1)).toBe(true)
    const numbers = Array.from({ length: 1_000 }, () => random.uint32())
    expect(numbers.every((value) => Number.isInteger(value) && value >= 0 && value < 2 ** 32)).toBe(true)
    expect(new Set(numbers).size).toBeGreaterThan(990)
    expect([random.bytes(16).length, random.bytes(0).length]).toEqual([16, 0])
    expect(random.bytes(16).equals(random.bytes(16))).toBe(false)
  })

  test('a timer is never early, may be cleared, and takes delays beyond the range of the platform', async () => {
    const { clock, timers } = createNodeEnv()
    const cleared = timers.setTimeout(() => expect.unreachable(), 1)
    timers.clearTimeout(cleared)
    const far = timers.setTimeout(() => expect.unreachable(), 1e15)
    const startMs = clock.monotonicMs()
    // Node's own timers may come up to a millisecond before their time by this clock.
    await new Promise<void>((resolve) => timers.setTimeout(resolve, 5.5))
    expect(clock.monotonicMs() - startMs).toBeGreaterThan(4.5)
    timers.clearTimeout(far)
    expect(() => new NodeTimers().setTimeout(() => {}, Number.NaN)).toThrow(/number/)
    await new Promise<void>((resolve) => timers.setImmediate(resolve))
  })

  test('the disk of a worker has a clock, files, an engine and an immediate', async () => {
    const disk = createNodeDisk()
    expect(disk.clock.monotonicMs()).toBeGreaterThan(0)
    expect([typeof disk.engine.open, typeof disk.files.readFile]).toEqual(['function', 'function'])
    await new Promise<void>((resolve) => disk.setImmediate(resolve))
  })
})

describe('loggers', () => {
  function pinoTo(lines: string[], level: 'debug' | 'info' = 'info'): Logger {
    const stream = new Writable({
      write(chunk, _encoding, callback) {
        lines.push(String(chunk))
        callback()
      },
    })
    return createLogger({ level, destination: stream as never })
  }

  test('pino lines carry fields, message and bindings, at the level asked for', () => {
    const lines: string[] = []
    const logger = pinoTo(lines)
    logger.debug({ hidden: true }, 'too fine')
    logger.child({ group: 'g1' }).warn({ term: 3 }, 'stepped down')
    expect(lines).toHaveLength(1)
    expect(JSON.parse(lines[0]!)).toMatchObject({ group: 'g1', term: 3, msg: 'stepped down', level: 40 })
    const fine: string[] = []
    pinoTo(fine, 'debug').debug({}, 'seen')
    expect(fine).toHaveLength(1)
  })

  test('no logger is silence, one of the wrong shape is refused, one that throws is borne', () => {
    expect(adaptLogger(undefined)).toBe(SILENT_LOGGER)
    expect(SILENT_LOGGER.child({ a: 1 })).toBe(SILENT_LOGGER)
    SILENT_LOGGER.error({}, 'nobody hears')
    expect(() => adaptLogger({ info() {} } as never)).toThrow(/no method debug, warn, error, child/)
    const failing = () => {
      throw new Error('disk full')
    }
    const logger = adaptLogger({
      debug: failing,
      info: failing,
      warn: failing,
      error: failing,
      child: failing,
    })
    logger.child({}).info({}, 'still here')
    logger.error({}, 'still here')
    logger.debug({}, 'still here')
    logger.warn({}, 'still here')
  })
})

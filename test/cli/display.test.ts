import { PassThrough } from 'node:stream'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { Display, displayOptionsFor } from '../../src/cli/display.ts'

/** A stream that remembers what was written to it. */
function recorder(isTTY: boolean): {
  stream: PassThrough & { isTTY: boolean; columns: number }
  text: () => string
} {
  const stream = Object.assign(new PassThrough(), { isTTY, columns: 100 })
  let text = ''
  stream.on('data', (chunk: Buffer) => {
    text += chunk.toString()
  })
  return { stream, text: () => text }
}

const ESCAPE = String.fromCharCode(27)
const PIPE = { interactive: false, colours: false }
const TERMINAL = { interactive: true, colours: true }

describe('displayOptionsFor', () => {
  test('colours and rewritten lines are for terminals only, and NO_COLOR takes the colours', () => {
    const { stream: tty } = recorder(true)
    const { stream: pipe } = recorder(false)
    expect(displayOptionsFor(tty, { TERM: 'xterm' })).toEqual({ interactive: true, colours: true })
    expect(displayOptionsFor(tty, { TERM: 'xterm', NO_COLOR: '1' })).toEqual({
      interactive: true,
      colours: false,
    })
    expect(displayOptionsFor(tty, { TERM: 'xterm', NO_COLOR: '' })).toEqual({
      interactive: true,
      colours: true,
    })
    expect(displayOptionsFor(tty, { TERM: 'dumb' })).toEqual({ interactive: false, colours: false })
    expect(displayOptionsFor(pipe, { TERM: 'xterm' })).toEqual({ interactive: false, colours: false })
  })
})

describe('Display', () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  test('in a pipe a step says where it is at least every two seconds, without control codes', () => {
    const { stream, text } = recorder(false)
    const display = new Display(stream, PIPE)
    let done = 0
    display.begin('import', () => ({ fraction: done / 10, text: `${done} of 10` }))
    for (done = 1; done <= 6; done++) vi.advanceTimersByTime(1_000)
    display.end('10 files')
    const lines = text().trimEnd().split('\n')
    expect(lines.length).toBeGreaterThanOrEqual(4)
    expect(lines[0]).toMatch(/^ {2}import +\d0 % {2}\d of 10$/)
    expect(lines.at(-1)).toBe('  import    10 files')
    expect([...text()].filter((c) => c < ' ' && c !== '\n')).toEqual([])
    const before = text()
    vi.advanceTimersByTime(10_000)
    expect(text()).toBe(before)
  })

  test('a line in the middle of a step puts off the next sign of life', () => {
    const { stream, text } = recorder(false)
    const display = new Display(stream, PIPE)
    display.begin('import', () => ({ text: 'on' }))
    vi.advanceTimersByTime(1_500)
    display.line('note', 'hello')
    vi.advanceTimersByTime(1_500)
    expect(text()).toBe('  note      hello\n')
    vi.advanceTimersByTime(400)
    expect(text()).toContain('  import    on\n')
    display.end()
  })

  test('on a terminal a bar is drawn in place, and the cursor is there again afterwards', () => {
    const { stream, text } = recorder(true)
    const display = new Display(stream, TERMINAL)
    display.begin('import', () => ({ fraction: 0.5, text: 'half' }))
    vi.advanceTimersByTime(500)
    expect(text()).toContain(`${'█'.repeat(12)}${'░'.repeat(12)}  50 %  half`)
    expect(text()).toContain(`${ESCAPE}[?25l`)
    display.end('done')
    expect(text().lastIndexOf(`${ESCAPE}[?25h`)).toBeGreaterThan(text().lastIndexOf(`${ESCAPE}[?25l`))
    expect(text().endsWith('done\n')).toBe(true)
  })

  test('lines below a bar are drawn with it, are cut where the terminal ends, and go with it', () => {
    const { stream, text } = recorder(true)
    stream.columns = 60
    const display = new Display(stream, TERMINAL)
    let kills = 0
    display.begin('seeds', () => ({
      fraction: 0.5,
      text: '1 of 2',
      below: [`kills ${kills}`, 'faults: clogs 1,234, kills 567, partitions 89, resets 7'],
    }))
    kills = 1
    vi.advanceTimersByTime(500)
    const lines = text().split('\n')
    expect(lines[0]).toContain('50 %  1 of 2')
    expect(lines[1]).toContain('            kills 0')
    expect(lines[2]).toContain('            faults: clogs 1,234, kills 567, partitions 89, …')
    expect(text()).toContain('            kills 1')
    display.end('done')
    // Up to the bar, and all from there on away.
    expect(text()).toContain(`${ESCAPE}[2A${ESCAPE}[1G${ESCAPE}[0J`)
    expect(text().endsWith('done\n')).toBe(true)
  })

  test('in a pipe lines below are part of the one', () => {
    const { stream, text } = recorder(false)
    const display = new Display(stream, PIPE)
    display.begin('seeds', () => ({ fraction: 0.5, text: '1 of 2', below: ['kills 3', 'clogs 4'] }))
    vi.advanceTimersByTime(2_000)
    expect(text()).toBe('  seeds      50 %  1 of 2, kills 3, clogs 4\n')
    display.end()
  })

  test('without colours there are none', () => {
    const { stream } = recorder(true)
    const plain = new Display(stream, PIPE)
    const bright = new Display(stream, TERMINAL)
    expect([plain.good('x'), plain.bad('x'), plain.strong('x')]).toEqual(['x', 'x', 'x'])
    expect(bright.good('x')).toContain(ESCAPE)
  })
})

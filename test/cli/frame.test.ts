import type { Command } from 'commander'
import { describe, expect, test } from 'vitest'
import { errorView } from '../../src/cli/error-view.ts'
import { evenSplitKeys } from '../../src/cli/even-split-keys.ts'
import { Interrupted } from '../../src/cli/interruption.ts'
import { invocation } from '../../src/cli/invocation.ts'
import { buildProgram } from '../../src/cli/program.ts'
import { formatTable } from '../../src/cli/table.ts'
import { UsageError } from '../../src/cli/usage-error.ts'
import { FlotillaError } from '../../src/index.ts'

/** Every command of the tree that does something, with the words that call it. */
function verbsOf(command: Command, words: readonly string[] = []): [string, Command][] {
  return command.commands
    .filter((child) => child.name() !== 'help')
    .flatMap((child) => {
      const path = [...words, child.name()]
      return child.commands.length > 0 ? verbsOf(child, path) : [[path.join(' '), child] as [string, Command]]
    })
}

const VERBS = verbsOf(await buildProgram(() => {}))

function helpOf(command: Command): string {
  let help = ''
  command.configureOutput({ writeOut: (text) => (help += text) })
  command.outputHelp()
  return help
}

describe('the command line', () => {
  test.each(VERBS)(
    '%s: its help has words for all there is, --json, and examples that call it',
    (path, command) => {
      const help = helpOf(command)
      expect(command.summary() || command.description()).not.toBe('')
      for (const option of command.options) expect(option.description, option.flags).not.toBe('')
      expect(command.options.map(({ long }) => long)).toContain('--json')
      const examples = [...help.matchAll(/^ {2}\$ (.*)$/gm)].map(([, line]) => line!)
      expect(help).toMatch(/^Examples?:$/m)
      expect(examples.length).toBeGreaterThan(0)
      for (const example of examples) expect(example).toContain(`flotilla ${path}`)
      for (const line of help.split('\n')) expect(line).not.toMatch(/\s$/)
    },
  )

  test('no summary of a verb begins like a sentence, and none ends like one', () => {
    for (const [path, command] of VERBS) {
      if (command.summary() !== '') expect(command.summary(), path).toMatch(/^[^A-Z].*[^.]$/)
    }
  })
})

describe('an error for programs', () => {
  test.each<[unknown, object]>([
    [
      new FlotillaError('NO_LEADER', 'none'),
      { code: 'FLOTILLA_NO_LEADER', message: 'none', outcome: 'not-applied' },
    ],
    [new UsageError('bad'), { code: 'FLOTILLA_INVALID_ARGUMENT', message: 'bad', outcome: 'not-applied' }],
    [
      new Interrupted('SIGINT'),
      { code: 'FLOTILLA_ABORTED', message: 'interrupted (SIGINT)', outcome: 'unknown' },
    ],
    [new Error('odd'), { code: 'FLOTILLA_INTERNAL', message: 'odd', outcome: 'unknown' }],
    [
      Object.assign(new Error('key is empty'), { code: 'LEVEL_INVALID_KEY' }),
      { code: 'LEVEL_INVALID_KEY', message: 'key is empty', outcome: 'not-applied' },
    ],
    [
      Object.assign(new Error('wrapped', { cause: new FlotillaError('TIMEOUT', 'late') }), {
        code: 'LEVEL_X',
      }),
      { code: 'FLOTILLA_TIMEOUT', message: 'late', outcome: 'unknown' },
    ],
  ])('%o has code, message and outcome', (error, view) => {
    expect(errorView(error)).toEqual(view)
  })
})

test('a table is plain, and columns of numbers stand to the right', () => {
  const table = formatTable(
    ['store', 'keys'],
    [
      ['s1', '1,204'],
      ['s2', '7'],
    ],
  )
  expect(table).toMatch(/│ s2 {4}│ {5}7 │/)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a colour would begin with one
  expect(table).not.toMatch(/\u001b/)
})

test.each([1, 2, 16, 1_024])('%i regions: as many keys less one, ascending', (regions) => {
  const keys = evenSplitKeys(regions)
  expect(keys).toHaveLength(regions - 1)
  expect(new Set(keys).size).toBe(keys.length)
  expect([...keys].sort()).toEqual(keys)
})

test('what is printed to be pasted calls this command as it was called', () => {
  expect(invocation({ npm_command: 'exec' }, '/x/node_modules/.bin/flotilla')).toBe('npx flotilla')
  expect(invocation({}, '/usr/bin/flotilla')).toBe('flotilla')
  expect(invocation({}, `${process.cwd()}/dist/src/cli/main.js`)).toBe('node dist/src/cli/main.js')
})

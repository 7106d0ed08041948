import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import type { Command } from 'commander'
import { describe, expect, test } from 'vitest'
import { buildProgram } from '../../src/cli/program.ts'
import { ownTestOf, RUN_ELSEWHERE } from './elsewhere.ts'
import { anchors, codeBlocks, codeSpans, localLinks } from './markdown.ts'
import { isThere, readPages, ROOT, targetOf } from './pages.ts'

const PAGES = [...readPages()]
const LANGUAGES = ['sh', 'js', 'ts', 'json', 'text']

/** Every command in the pages, in blocks and between the words, without its comment. */
function commandsOf(page: string): string[] {
  const inBlocks = codeBlocks(page)
    .filter(({ language, generated }) => language === 'sh' && !generated)
    .flatMap(({ text }) => text.split('\n'))
  const isCommand = (text: string): boolean => /^(npm|npx|flotilla|node) /.test(text)
  return [...inBlocks, ...codeSpans(page).filter(isCommand)].map((line) => line.replace(/\s+#.*/, ''))
}

describe.each(PAGES)('%s', (file, page) => {
  test.skipIf(ownTestOf(page) !== null)(
    'says of each block what it is, and of each program and file how it is called',
    () => {
      for (const { language, file: name, line, generated, lead } of codeBlocks(page)) {
        expect(LANGUAGES, `line ${line}`).toContain(language)
        const isFile = ['js', 'ts', 'json'].includes(language)
        expect(name !== '', `line ${line} is ${isFile ? 'a' : 'no'} file`).toBe(isFile && !generated)
        if (isFile) expect(lead, `the words before line ${line}`).toContain(`\`${name}\``)
      }
    },
  )

  test.skipIf(ownTestOf(page) !== null)('runs every program that it shows', () => {
    const commands = commandsOf(page).join('\n')
    for (const { file: name, line } of codeBlocks(page)) {
      if (!/\.m?[jt]s$/.test(name)) continue
      const isUsed = commands.includes(`node ${name}`) || page.includes(`"./${name}"`)
      expect(isUsed, `${name} of line ${line} is run`).toBe(true)
    }
  })

  test('names only commands, verbs, flags and scripts that there are', () => {
    const scripts = Object.keys(manifest().scripts)
    for (const command of commandsOf(page)) {
      const [, script] = /^npm run (?:-s )?([\w-]+)/.exec(command) ?? []
      if (script !== undefined) expect(scripts, command).toContain(script)
      const [, words] = /(?:^|\s)flotilla (.*)/.exec(command) ?? []
      if (words !== undefined && !command.startsWith('npm')) expect(unknownWord(words), command).toBe('')
    }
  })

  test('links to pages, places and headings that there are', () => {
    for (const link of localLinks(page)) {
      const target = targetOf(file, link)
      expect(isThere(target.file), link).toBe(true)
      if (target.anchor !== '') expect(anchors(readPages().get(target.file)!), link).toContain(target.anchor)
    }
  })
})

describe('what the walk leaves to other tests', () => {
  test('stands in a page', () => {
    const commands = PAGES.flatMap(([, page]) => commandsOf(page))
    const idle = RUN_ELSEWHERE.filter(
      ({ command }) => !commands.some((line) => line === command || line.startsWith(`${command} `)),
    )
    expect(idle).toEqual([])
  })

  test('is left to tests that there are', () => {
    const own = PAGES.flatMap(([, page]) => ownTestOf(page) ?? [])
    const tests = [...RUN_ELSEWHERE.map((entry) => entry.test), ...own]
    expect(tests.filter((name) => !isTestThere(name))).toEqual([])
  })
})

const PROGRAM = await buildProgram(() => {})

function isTestThere(test: string): boolean {
  return existsSync(path.join(ROOT, 'dist', test.replace(/\.ts$/, '.js')))
}

function manifest(): { readonly scripts: Readonly<Record<string, string>> } {
  return JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8'))
}

/** The first word behind `flotilla` that names no command or flag; '' when all do. Placeholders and `|` are let be. */
function unknownWord(words: string): string {
  let command: Command = PROGRAM
  for (const word of words.split(' ')) {
    if (/^[|>&]/.test(word)) break
    if (word.startsWith('--')) {
      if (word === '--') break
      if (!flagsOf(command).includes(word.split('=')[0]!)) return word
    } else if (command.commands.length > 0) {
      const child = command.commands.find((one) => one.name() === word)
      if (child === undefined) return word
      command = child
    }
  }
  return ''
}

function flagsOf(command: Command): string[] {
  return ['--help', ...command.options.flatMap(({ long }) => (long == null ? [] : [long]))]
}

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { isRunElsewhere, ownTestOf } from './elsewhere.ts'
import { type CodeBlock, codeBlocks } from './markdown.ts'
import { readPages } from './pages.ts'
import { Reader } from './reader.ts'
import { Ports } from './substitution.ts'

const PAGES = [...readPages()].filter(([, page]) => ownTestOf(page) === null)
/** Where a page begins: those not named here in a folder that has the package installed. */
const FROM_CLONE = ['README.md']

/** What is to be followed: without what the help makes, and commands that other tests run. */
function steps(page: string): CodeBlock[] {
  const blocks = codeBlocks(page).filter(({ generated }) => !generated)
  return blocks.filter((block, i) => {
    if (block.language === 'text' && blocks[i - 1]?.language !== 'sh') return false
    return !isElsewhere(block) && !(block.language === 'text' && isElsewhere(blocks[i - 1]!))
  })
}

/** A block all of whose commands run elsewhere. */
function isElsewhere({ language, text }: CodeBlock): boolean {
  const lines = text.split('\n').filter((line) => line !== '')
  return language === 'sh' && lines.every((line) => isRunElsewhere(line))
}

describe('a stranger who follows the pages word for word', () => {
  let reader: Reader

  beforeAll(async () => {
    reader = await Reader.create(await Ports.find())
  })

  afterAll(() => reader?.close())

  const followed = PAGES.map(([file, page]) => [file, steps(page)] as const).filter(
    ([, all]) => all.length > 0,
  )

  test.each(followed)('%s', { timeout: 200_000 }, async (file, blocks) => {
    await reader.read(file, blocks, FROM_CLONE.includes(file) ? 'clone' : 'folder')
  })

  test('has pages with commands', () => {
    const files = followed.map(([file]) => file)
    for (const file of ['README.md', 'docs/README.md', 'docs/embedding.md', 'docs/command-line.md']) {
      expect(files).toContain(file)
    }
  })
})

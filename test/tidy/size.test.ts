import { describe, expect, test } from 'vitest'
import { readSourceTree, type SourceTree } from './source-tree.ts'

const MAX_LINES = 500

function sizeViolations(tree: SourceTree): string[] {
  const found: string[] = []
  for (const [file, source] of Object.entries(tree)) {
    const lines = source.split('\n').length - (source.endsWith('\n') ? 1 : 0)
    if (lines > MAX_LINES) found.push(`${file} has ${lines} lines, more than ${MAX_LINES}`)
    if (!/^[a-z0-9]+(-[a-z0-9]+)*(\.test)?\.[cm]?[jt]s$/.test(file.slice(file.lastIndexOf('/') + 1))) {
      found.push(`${file} is not named in kebab-case`)
    }
  }
  return found
}

test('no file is longer than 500 lines and all are named in kebab-case', () => {
  expect(sizeViolations({ ...readSourceTree('src'), ...readSourceTree('bench') })).toEqual([])
})

describe('the rule of size and names', () => {
  test.each([
    ['src/kv/a.ts', 500],
    ['src/kv/log-block2.ts', 1],
    ['src/kv/log-block.test.ts', 1],
  ])('accepts %s with %i lines', (file, lines) => {
    expect(sizeViolations({ [file]: 'x\n'.repeat(lines) })).toEqual([])
  })

  test.each([
    ['src/kv/a.ts', 501],
    ['src/kv/LogBlock.ts', 1],
    ['src/kv/log_block.ts', 1],
    ['src/kv/log-.ts', 1],
  ])('refuses %s with %i lines', (file, lines) => {
    expect(sizeViolations({ [file]: 'x\n'.repeat(lines) })).toHaveLength(1)
  })
})

import { describe, expect, test } from 'vitest'
import { ERRORS } from '../../src/util/errors.ts'
import { ALL_PARTS, partNames, withGeneratedParts } from './generated.ts'
import { readPages } from './pages.ts'

describe('what the docs take from the code', () => {
  test('is as the code has it: else run "npm run docs"', () => {
    for (const [file, page] of readPages()) expect(page === withGeneratedParts(page), file).toBe(true)
  })

  test('stands in the pages, each part once', () => {
    const found = [...readPages().values()].flatMap(partNames)
    expect(found.sort()).toEqual([...ALL_PARTS].sort())
  })

  test('a page whose part was edited by hand, or that lacks an error, is stale', () => {
    const page = readPages().get('docs/errors.md')!
    expect(withGeneratedParts(page.replace('Call again.', 'Call later.'))).toBe(page)
    expect(withGeneratedParts(page.replace(/### FLOTILLA_BUSY[\s\S]*?(?=###)/, ''))).toBe(page)
  })
})

describe('the error table', () => {
  test('tells of each code in whole sentences what it means and what to do', () => {
    for (const [name, { meaning, remedy }] of Object.entries(ERRORS)) {
      for (const text of [meaning, remedy]) expect(text, name).toMatch(/^[A-Z`].{8,}[.)]$/)
    }
  })
})

import { expect, test } from 'vitest'
import { MUTANTS, WAITING_MUTANTS } from './catalogue.ts'
import { applyEdit, changedLines, MAX_CHANGED_LINES } from './mutant.ts'
import { mutatedFiles, readSource } from './planting.ts'

test('every mutant fits the production code as it is, once, and changes ten lines at most', () => {
  for (const mutant of MUTANTS) {
    expect(() => mutatedFiles(mutant, readSource)).not.toThrow()
    expect(changedLines(mutant), mutant.name).toBeGreaterThan(0)
    expect(changedLines(mutant), mutant.name).toBeLessThanOrEqual(MAX_CHANGED_LINES)
    for (const { file } of mutant.edits) expect(file).toMatch(/^src\/(?!sim\/|cli\/|bench\/)/)
  }
})

test('there are at least 25 mutants, each under a name of its own', () => {
  const names = [...MUTANTS, ...WAITING_MUTANTS].map(({ name }) => name)
  expect(MUTANTS.length).toBeGreaterThanOrEqual(25)
  expect(new Set(names).size).toBe(names.length)
})

test('a mutant whose text is gone, or stands there twice, is refused by name', () => {
  const edit = { file: 'src/x.ts', find: 'a()', replace: 'b()' }
  expect(applyEdit('m', edit, 'x\na()\n')).toBe('x\nb()\n')
  expect(() => applyEdit('m', edit, 'x\n')).toThrow(/mutant m is stale: its text stands 0 times in src\/x.ts/)
  expect(() => applyEdit('m', edit, 'a() a()')).toThrow(/2 times/)
})

test('lines that stay as they are do not count as changed', () => {
  const edits = [{ file: 'f', find: 'a\nb\nc', replace: 'a\nx\ny\nc' }]
  expect(changedLines({ name: 'm', what: '', edits })).toBe(2)
})

import { describe, expect, test } from 'vitest'
import { missingLine } from './shape.ts'

const OUTPUT = [
  '  connect   looking for a store',
  '│ s1    │ 127.0.0.1:38669 │ up    │    1 │',
  '│ s2    │ 127.0.0.1:33621 │ up    │    1 │',
  '3 stores in 1.45 s, id 236761fdeb16239d, data in /tmp/a-1/s1',
  'data in /tmp/dev-zfvZg9, removed at the end',
].join('\n')

describe('the shape of output', () => {
  test.each([
    '│ s1 │ 127.0.0.1:7101 │ up │ 4 │',
    '3 stores in 900 s, id 5c0ffee500000001, data in …s1',
    '│ s1 │ … │ up │\n…\n3 stores',
    'data in …, removed at the end',
    '',
  ])('%j is as shown', (shown) => {
    expect(missingLine(shown, OUTPUT)).toBeNull()
  })

  test.each([
    ['│ s1 │ 127.0.0.1:7101 │ down │', '│ s1 │ 127.0.0.1:7101 │ down │'],
    ['3 stores\n│ s1 │', '│ s1 │'],
    ['│ s1 │ … up\n│ s2 │ … up\n│ s3 │ … up', '│ s3 │ … up'],
    ['3 stores in … s, data … s2 … s1', '3 stores in … s, data … s2 … s1'],
    ['error', 'error'],
  ])('%j is not', (shown, missing) => {
    expect(missingLine(shown, OUTPUT)).toBe(missing)
  })
})

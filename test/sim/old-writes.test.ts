import { expect, test } from 'vitest'
import { OldWrites } from '../../src/sim/old-writes.ts'
import { SimRandom } from '../../src/sim/random.ts'

test('of what was written some of the newest and some from any time are kept', () => {
  const random = new SimRandom('old')
  const old = new OldWrites()
  expect(old.pick(random)).toBeNull()
  const ages: number[] = []
  for (let number = 0; number < 10_000; number++) {
    old.keep(Buffer.from(String(number)), random)
    if (number >= 5_000 && number % 10 === 0) ages.push((number - Number(old.pick(random))) / number)
  }
  const share = (from: number, to: number): number =>
    ages.filter((age) => age >= from && age < to).length / ages.length
  expect(share(0, 0.01)).toBeGreaterThan(0.4)
  for (const from of [0.1, 0.4, 0.7]) expect(share(from, from + 0.3)).toBeGreaterThan(0.05)
})

test('what is kept is a copy', () => {
  const random = new SimRandom('old')
  const old = new OldWrites()
  const bytes = Buffer.from('then')
  old.keep(bytes, random)
  bytes.fill(0)
  expect(old.pick(random)!.toString()).toBe('then')
})

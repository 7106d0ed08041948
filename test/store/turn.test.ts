import { expect, test } from 'vitest'
import { SimWorld } from '../../src/sim/world.ts'
import { Turn } from '../../src/store/turn.ts'

async function turns(build: (turn: Turn, log: string[]) => void): Promise<string[]> {
  const world = new SimWorld({ seed: 1 })
  const { clock, timers } = world.process('a').env
  const log: string[] = []
  let finish = (): void => {}
  const turn = new Turn(
    clock,
    timers,
    () => finish(),
    (error) => log.push(`failed: ${(error as Error).message}`),
  )
  finish = () => log.push(`finish ${turn.number}`)
  build(turn, log)
  await world.run({ forMs: 10 })
  return log
}

test('all work of a turn is done before it is handed on, once', async () => {
  const log = await turns((turn, lines) => {
    turn.markDirty({ endOfTurn: () => lines.push('a') })
    turn.markDirty({ endOfTurn: () => lines.push('b') })
    turn.schedule()
  })
  expect(log).toEqual(['a', 'b', 'finish 1'])
})

test('what asks for a turn while one is ending gets the next one', async () => {
  const log = await turns((turn, lines) => {
    const again = { endOfTurn: () => lines.push('again') }
    turn.markDirty({
      endOfTurn: () => {
        lines.push('first')
        turn.markDirty(again)
      },
    })
  })
  expect(log).toEqual(['first', 'finish 1', 'again', 'finish 2'])
  let asked = false
  const asking = await turns((turn, lines) => {
    turn.markDirty({
      endOfTurn: () => {
        lines.push('asks')
        if (!asked) turn.schedule()
        asked = true
      },
    })
  })
  expect(asking).toEqual(['asks', 'finish 1', 'finish 2'])
})

test('the clock stands still within a turn and goes on with the next; after close nothing runs', async () => {
  const log = await turns((turn, lines) => {
    const first = turn.nowMs()
    lines.push(String(turn.nowMs() - first))
    turn.close()
    turn.markDirty({ endOfTurn: () => lines.push('never') })
  })
  expect(log).toEqual(['0'])
})

test('work that throws costs neither the others their turn nor the turn its end', async () => {
  const log = await turns((turn, lines) => {
    turn.markDirty({
      endOfTurn: () => {
        throw new Error('broken')
      },
    })
    turn.markDirty({
      endOfTurn: () => {
        lines.push('other')
        turn.markDirty({ endOfTurn: () => lines.push('next turn') })
      },
    })
  })
  expect(log).toEqual(['failed: broken', 'other', 'finish 1', 'next turn', 'finish 2'])
})

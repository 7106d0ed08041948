import path from 'node:path'
import { pathToFileURL } from 'node:url'
import type * as runPlans from '../../src/sim/run-plan.ts'
import type * as runSeeds from '../../src/sim/run-seed.ts'
import { fastPlan } from './dense-plan.ts'
import type { PlayResult, PlayTask } from './messages.ts'

/** Plays seeds with the simulator of a mutated tree: its checks are those of the tree, and no mutant touches them. */
if (process.send === undefined) throw new Error('the worker is started as a process of a hunt')

// As in a campaign: stores make errors by the thousand, and a verdict needs their words only.
Error.stackTraceLimit = 0

process.on('message', (task) => {
  void play(task as PlayTask).then((result) => process.send?.(result))
})

async function play({ tree, seed, faultFree, limits, dense }: PlayTask): Promise<PlayResult> {
  const load = async <T>(file: string): Promise<T> =>
    (await import(pathToFileURL(path.join(tree, 'dist/src/sim', file)).href)) as T
  const { drawPlan, withoutFaults } = await load<typeof runPlans>('run-plan.js')
  const { runPlan } = await load<typeof runSeeds>('run-seed.js')
  const plan = dense ? fastPlan(seed, limits) : drawPlan(seed, limits)
  try {
    await runPlan(faultFree ? withoutFaults(plan) : plan)
    return { end: 'green' }
  } catch (error) {
    return judge(error)
  }
}

/** By name: the classes are those of the mutated tree. */
function judge(error: unknown): PlayResult {
  const { invariantId, cause, message } = error as {
    readonly invariantId?: string | null
    readonly cause?: Error & { readonly cause?: Error }
    readonly message: string
  }
  const detail = (cause?.message ?? message).slice(0, 400)
  // A store that ends by an assertion of production code breaks I-open. One that ends the run itself finds nothing: it may have
  // been made for the very bug.
  const assertion = [cause, cause?.cause].find((one) => one?.name === 'InvariantError')
  const named = assertion === undefined ? '' : `assertion “${assertion.message}”`
  if (typeof invariantId === 'string')
    return { end: 'found', by: named === '' ? invariantId : `${invariantId}, ${named}`, detail }
  return { end: 'crashed', detail: named === '' ? detail : named }
}

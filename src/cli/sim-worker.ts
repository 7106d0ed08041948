import { parentPort } from 'node:worker_threads'
import { runSeed } from '../sim/run-seed.ts'
import { SimulationFailure } from '../sim/simulation-failure.ts'
import type { SimResult, SimTask } from './sim-messages.ts'

/** Plays the seeds that it is given, one after the other. */
const port = parentPort
if (port === null) throw new Error('the simulation worker is started as a thread')

// Stores make errors by the thousand that nobody prints: refusals, time-outs. Where one came from is told by the replay.
Error.stackTraceLimit = 0

port.on('message', ({ seed, limits }: SimTask) => {
  void play(seed, limits).then((result) => port.postMessage(result))
})

async function play(seed: number, limits: SimTask['limits']): Promise<SimResult> {
  try {
    return { report: await runSeed(seed, limits), failure: null }
  } catch (error) {
    if (!(error instanceof SimulationFailure)) throw error
    const { invariant, message, trace, replay } = error
    return { report: null, failure: { seed: String(seed), invariant, message, trace, replay } }
  }
}

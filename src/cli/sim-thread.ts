import v8 from 'node:v8'
import { Worker } from 'node:worker_threads'

/** A run makes much that dies young: with V8's usual 48 MB twice as many collections copy what lives a little longer. */
const YOUNG_GENERATION_MB = 192
/**
 * The code of a whole cluster is wide and flat: hardly a function is hot, and none for its small ones. V8's default of 920
 * copies those into all their callers, compiles far more for it, and does so again whenever one seed shows it an object
 * of a new shape.
 */
const INLINED_BYTECODE_BYTES = 100

/** The same for a process of its own. Its young generation is three semi-spaces. */
export const SIM_PROCESS_FLAGS: readonly string[] = [
  `--max-inlined-bytecode-size-cumulative=${INLINED_BYTECODE_BYTES}`,
  `--max-semi-space-size=${YOUNG_GENERATION_MB / 3}`,
]

/** A thread that plays seeds, in a process that does nothing else: the flag is the whole process's. */
export function startSimThread(script: URL): Worker {
  v8.setFlagsFromString(`--max-inlined-bytecode-size-cumulative=${INLINED_BYTECODE_BYTES}`)
  return new Worker(script, { resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB } })
}

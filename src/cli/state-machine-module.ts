import { statSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import type { StateMachineFactory } from '../api/state-machine.ts'
import type { Setting } from './settings.ts'
import { UsageError } from './usage-error.ts'

/**
 * The state machines of a user's ES module: `export const stateMachines = { counter: (context) => new Counter(context) }`.
 * Loading it runs it. Throws UsageError.
 */
export async function loadStateMachines({
  value,
  from,
}: Setting): Promise<Readonly<Record<string, StateMachineFactory>>> {
  if (typeof value !== 'string' || value === '') {
    throw new UsageError(
      `stateMachines must be the path of a module, not ${JSON.stringify(value)} (from ${from})`,
    )
  }
  if (statSync(value, { throwIfNoEntry: false })?.isFile() !== true) {
    throw new UsageError(`stateMachines: ${value} is no file (from ${from})`)
  }
  const { stateMachines } = await importModule(value, from)
  if (typeof stateMachines === 'object' && stateMachines !== null) {
    return stateMachines as Readonly<Record<string, StateMachineFactory>>
  }
  const wanted = 'export const stateMachines = { type: (context) => machine, … }'
  throw new UsageError(`stateMachines: ${value} exports none: it needs ${wanted} (from ${from})`)
}

async function importModule(path: string, from: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    return await import(pathToFileURL(path).href)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new UsageError(`stateMachines: ${path} cannot be loaded: ${reason} (from ${from})`)
  }
}

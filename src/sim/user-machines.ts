import type { AppliedEntry, StateMachine, StateMachineFactory } from '../api/state-machine.ts'
import { crc32 } from '../util/crc.ts'
import type { Ghost } from './ghost-cluster.ts'
import { applyOrder } from './invariants.ts'
import type { SimWorld } from './world.ts'

/** The state machines of a user, as they live in a run: the newest of each replica, each held against the commits. */
export class UserMachines {
  /** By group and store. */
  readonly #machines = new Map<string, StateMachine>()
  readonly #world: SimWorld
  readonly #ghost: () => Ghost

  constructor(world: SimWorld, ghost: () => Ghost) {
    this.#world = world
    this.#ghost = ghost
  }

  get(groupId: string, storeId: string): StateMachine | null {
    return this.#machines.get(nameOf(groupId, storeId)) ?? null
  }

  /** The factories, with an ear on what they make. */
  factories(given: Readonly<Record<string, StateMachineFactory>>): Record<string, StateMachineFactory> {
    const made: Record<string, StateMachineFactory> = {}
    for (const [type, factory] of Object.entries(given)) {
      made[type] = (context) => {
        const machine = factory(context)
        this.#machines.set(nameOf(context.groupId, context.storeId), machine)
        this.#listen(machine, context.groupId, context.storeId)
        return machine
      }
    }
    return made
  }

  #listen(machine: StateMachine, groupId: string, storeId: string): void {
    const { onApply } = machine
    let last = 0
    const heard = (entries: Iterable<AppliedEntry>): void | Promise<void> => {
      const check = (index: number, hash: number): void => {
        const before = last
        last = index
        this.#world.schedule(0, null, 'world', 0, () => {
          applyOrder(this.#ghost().group(groupId), storeId, before, index, hash)
        })
      }
      return onApply.call(machine, watched(entries, check))
    }
    Object.defineProperty(machine, 'onApply', { value: heard, configurable: true, writable: true })
  }
}

function* watched(
  entries: Iterable<AppliedEntry>,
  onEntry: (index: number, hash: number) => void,
): Generator<AppliedEntry> {
  for (const entry of entries) {
    onEntry(entry.index, crc32(entry.data))
    yield entry
  }
}

function nameOf(groupId: string, storeId: string): string {
  return `${groupId}@${storeId}`
}

import type { NodeImpl } from '../raft/node-impl.ts'
import type { ReadSink } from '../raft/ports.ts'
import type { GroupRecord } from './ghost-state.ts'
import { readIsCurrent } from './invariants.ts'

/**
 * Looks at every read index that a replica gives its callers, and remembers what was committed when they asked. Clients
 * see a read that is too old only when somebody has just changed the very key.
 */
export function watchReads(node: NodeImpl, group: GroupRecord, check: (run: () => void) => void): void {
  const { readOnly } = node
  const read = readOnly.read.bind(readOnly)
  const value = (sink: ReadSink): void => {
    const committed = group.lastCommitted
    read({
      get isWanted() {
        return sink.isWanted
      },
      onReadIndex: (index) => {
        check(() => readIsCurrent(group, node, committed, index))
        sink.onReadIndex(index)
      },
      onReadRefused: (error) => sink.onReadRefused(error),
    })
  }
  Object.defineProperty(readOnly, 'read', { value })
}

import type { FlotillaError } from '../../src/util/errors.ts'
import type { SimCluster } from './sim-cluster.ts'

/** Proposes at the replica of s1. `text` is '' until it is settled, then 'done' or the name of the refusal. */
export function proposeAtFirst(cluster: SimCluster, groupId: string, payload: Buffer): { text: string } {
  const outcome = { text: '' }
  const sink = {
    onDone: () => {
      outcome.text = 'done'
    },
    onRefused: (_position: number, error: FlotillaError) => {
      outcome.text = error.shortName
    },
  }
  cluster.hosts.get('s1')!.group(groupId)!.propose(payload, 0, sink, 0)
  return outcome
}

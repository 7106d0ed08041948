import { NodeVouch } from './node-vouch.ts'
import type { RaftNode } from './raft-node.ts'

/** The leader's own ballot: its disk counts as one vote, once the flush is done. */
export class OwnBallot extends NodeVouch {
  readonly #term: number
  readonly #index: number

  constructor(node: RaftNode, index: number) {
    super(node)
    this.#index = index
    this.#term = node.currTerm
  }

  protected override speak(): void {
    const { node } = this
    // In a later term what was written may have been cut: then its index says nothing about the log.
    if (node.currTerm !== this.#term) return
    node.log.markDurable(this.#index)
    if (node.state === 'leader') node.onMatch()
  }
}

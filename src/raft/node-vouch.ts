import { toFlotillaError } from '../util/errors.ts'
import type { Vouch } from './ports.ts'
import type { RaftNode } from './raft-node.ts'

/**
 * What one replica says once its write is durable. Many replicas' writes ride in one flush: a failed assertion stops the
 * replica that saw it, and keeps none of the others from speaking.
 */
export abstract class NodeVouch implements Vouch {
  protected readonly node: RaftNode

  constructor(node: RaftNode) {
    this.node = node
  }

  release(): void {
    if (!this.node.isActive) return
    try {
      this.speak()
    } catch (error) {
      this.node.enterError(toFlotillaError(error))
    }
  }

  /** The replica is active; whether what was promised still holds is checked here. */
  protected abstract speak(): void
}

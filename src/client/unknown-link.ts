import type { PeerLink } from '../rpc/messages.ts'
import { FlotillaError } from '../util/errors.ts'

/** The link to a store whose address nobody has told: nothing goes over it, and it is kept nowhere. */
export class UnknownLink implements PeerLink {
  readonly storeId: string
  readonly connected = false
  readonly epoch = 0

  constructor(storeId: string) {
    this.storeId = storeId
  }

  async call(): Promise<Buffer> {
    const text = `the address of store ${this.storeId} is not known`
    throw new FlotillaError('CONNECTION_LOST', text, { outcome: 'not-applied' })
  }

  sendVoteRequest = refuse
  sendVoteResponse = refuse
  sendAppendRequest = refuse
  sendAppendResponse = refuse
  sendTimeoutNow = refuse
  sendReadIndexRequest = refuse
  sendReadIndexResponse = refuse
  sendForwardRequest = refuse
  sendForwardResponse = refuse
  releaseBulk(): void {}
  waitWritable(): void {}
  addHeartbeat(): void {}
  removeHeartbeat(): void {}
  requestHeartbeat(): number {
    return 0
  }
}

function refuse(): boolean {
  return false
}
